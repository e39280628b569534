//! Files that were at the path only between two looks at it: created, written and renamed again.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use platform_core::probe::{Problem, Reason};

use super::reader::{FileIdentity, problem, siblings};

/// File systems round the time of creation down to a tick of the kernel's clock.
const TICK: Duration = Duration::from_millis(10);
/// At most this many are opened: after a long stop there may be hundreds, and file descriptors are for all sources.
const MOST_OPENED: usize = 32;

/// The files that were found, oldest first, and why others are not among them.
pub(super) struct Missed {
    pub(super) files: Vec<File>,
    pub(super) lost: Option<Problem>,
}

/// The files beside the path that were created since the last look. Those that are read already do not count, nor do
/// compressed ones.
pub(super) fn since(look: SystemTime, path: &Path, known: &[FileIdentity]) -> Missed {
    let paths = created_since(look, path, known);
    let skipped = paths.len().saturating_sub(MOST_OPENED);
    let mut missed = Missed { files: Vec::new(), lost: None };
    if skipped > 0 {
        let sentence = format!(
            "{}: rotated too often since the last look: the oldest {skipped} files were not read",
            path.display()
        );
        missed.lost = Some(Problem::new(Reason::Stale, sentence));
    }
    for path in &paths[skipped..] {
        match File::open(path) {
            Ok(file) if has_objects(&file) => missed.files.push(file),
            Ok(_) => {}
            Err(error) => missed.lost = Some(problem(path, &error)),
        }
    }
    missed
}

/// Their paths, oldest first.
fn created_since(look: SystemTime, path: &Path, known: &[FileIdentity]) -> Vec<PathBuf> {
    let Some(name) = path.file_name() else { return Vec::new() };
    let renamed = siblings(path).filter(|entry| is_name_of_renamed(&entry.file_name(), name));
    let mut missed: Vec<(SystemTime, PathBuf)> = renamed
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            let created = metadata.created().ok().filter(|created| *created + TICK >= look)?;
            (!known.contains(&FileIdentity::of(&metadata))).then(|| (created, entry.path()))
        })
        .collect();
    missed.sort();
    missed.into_iter().map(|(_, path)| path).collect()
}

/// `app.log.1` and `app.log-20260101`, but not `app.log.old` or `app.log.errors`: that may be a log of its own.
fn is_name_of_renamed(name: &OsStr, path: &OsStr) -> bool {
    let rest = name.as_bytes().strip_prefix(path.as_bytes()).unwrap_or_default();
    rest.iter().any(u8::is_ascii_digit)
        && rest.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'_' | b'T' | b':'))
}

/// Whether its first line begins as a JSON object does.
fn has_objects(file: &File) -> bool {
    let mut first = [0];
    file.read_exact_at(&mut first, 0).is_ok() && first == [b'{']
}
