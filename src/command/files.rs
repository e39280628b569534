//! Checks that the files a configuration refers to exist. A file may be a pipe or on a mount that hangs, so each is
//! read in a thread of its own, with a time limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use platform_core::deadline::Deadline;
use platform_core::off_thread;
use secrecy::{ExposeSecret, SecretSlice};

use crate::config::{Config, ExpectedContent, NamedFile};

/// Files that are not read after this time count as unreadable.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many files are read at a time. One that hangs keeps its thread.
const AT_ONCE: usize = 256;
/// No file that a source reads is larger.
const LARGEST: u64 = 1 << 20;

/// The problem with each file, if any.
pub(super) fn look(files: &[NamedFile]) -> Vec<Option<String>> {
    let deadline = Deadline::within(PATIENCE);
    let (sender, receiver) = mpsc::channel();
    let late = |file: &NamedFile| {
        let limit = humantime::format_duration(PATIENCE);
        Some(format!("cannot read {}: no data within {limit}", file.file.display()))
    };
    let mut found: Vec<_> = files.iter().map(late).collect();
    let named = files.iter().enumerate();
    let named: Arc<[_]> =
        named.map(|(index, NamedFile { file, content, .. })| (index, file.clone(), *content)).collect();
    let next = Arc::new(AtomicUsize::new(0));
    for _ in 0..named.len().min(AT_ONCE) {
        let (sender, named, next) = (sender.clone(), Arc::clone(&named), Arc::clone(&next));
        drop(off_thread::spawn(move || {
            let take = || named.get(next.fetch_add(1, Ordering::Relaxed));
            while let Some((index, file, content)) = take() {
                // The receiver is gone if the file comes too late.
                drop(sender.send((*index, problem(file, *content))));
            }
        }));
    }
    drop(sender);
    while let Ok((index, problem)) = receiver.recv_timeout(deadline.left()) {
        found[index] = problem;
    }
    found
}

fn problem(path: &Path, content: ExpectedContent) -> Option<String> {
    let name = path.display();
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    let bytes = SecretSlice::from(bytes);
    let text = match (read, std::str::from_utf8(bytes.expose_secret())) {
        (Err(error), _) => return Some(format!("cannot read {name}: {error}")),
        (Ok(_), Err(_)) => return Some(format!("{name} is not UTF-8")),
        (Ok(_), Ok(text)) => text,
    };
    match content {
        ExpectedContent::Secret if text.trim_end_matches(['\r', '\n']).is_empty() => {
            Some(format!("{name} is empty"))
        }
        ExpectedContent::Pem if !text.contains("-----BEGIN ") => {
            Some(format!("{name} contains no PEM: expected `-----BEGIN …`"))
        }
        ExpectedContent::Secret | ExpectedContent::Pem => None,
    }
}

/// Logs problems with the files of a configuration. A missing file may appear later and does not affect other sources,
/// so each source reports it when it needs it.
pub(super) fn warn(config: &Config) {
    for fault in config.check_files(&look).to_string().lines() {
        tracing::warn!(event = "config.file", problem = fault);
    }
}
