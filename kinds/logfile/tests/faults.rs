//! Log files: what can go wrong with a file instead of with a network.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::config::times;
use crate::gate::Gate;
use crate::kinds::{Kind, KindUnderTest, Sign};
use crate::matrix::{Cell, Fault, down, nothing, up};

/// A file that not even root may read.
const UNREADABLE: &str = "/sys/bus/platform/drivers_probe";

const LINE: &str = "{\"event\": \"ai.done\", \"model\": \"large\", \"tokens\": 1234}\n";

/// The line that is written once a fault is gone.
fn last_line(fault: Fault) -> String {
    LINE.replace("large", &format!("{fault:?}"))
}

/// A line just short enough to be read, of lists that each take ten times their bytes.
fn bloated() -> String {
    let list = "[],";
    format!("{{\"event\": [{}0]}}\n", list.repeat(((1 << 20) - 100) / list.len()))
}

pub(crate) const KIND: Kind = Kind { name: "logfile", variant: None, cell, start: |_| Box::pin(start()) };

fn cell(fault: Fault) -> Cell {
    match fault {
        Fault::Refused => down("not_found").note("the file does not exist"),
        Fault::Garbage => up().note("lines that are not JSON are counted as malformed"),
        Fault::WrongProtocol => down("not_found").note("the path is a directory"),
        Fault::Stalled => up().note("a line is not complete yet"),
        Fault::Reset => up().note("the file is truncated"),
        Fault::NoPermission => down("permission").note("the file is not readable"),
        Fault::Oversized => up().note("a line of 100 MiB is counted as malformed"),
        Fault::Nested => up().note("the line is counted as malformed"),
        Fault::Bloated => up().note("a line of 1 MiB full of lists"),
        Fault::Restart => up().note("the file is rotated"),
        Fault::Failover => up().note("a symbolic link is switched to another file"),
        _ => nothing("a file on this machine"),
    }
}

struct LogfileUnderTest {
    directory: TempDir,
}

async fn start() -> Box<dyn KindUnderTest> {
    let target = LogfileUnderTest { directory: TempDir::with_prefix("log-").expect("a temporary directory") };
    target.append(LINE.as_bytes());
    Box::new(target)
}

impl LogfileUnderTest {
    fn path(&self) -> PathBuf {
        self.directory.path().join("app.log")
    }

    fn beside(&self) -> PathBuf {
        self.directory.path().join("app.log.1")
    }

    fn append(&self, text: &[u8]) {
        let file = OpenOptions::new().create(true).append(true).open(self.path());
        file.and_then(|mut file| file.write_all(text)).expect("the directory is writable");
    }

    fn remove(&self) {
        fs::remove_file(self.path()).expect("the file is there");
    }

    fn replace_by(&self, target: &str) {
        self.remove();
        symlink(target, self.path()).expect("the directory is writable");
    }
}

#[async_trait::async_trait(?Send)]
impl KindUnderTest for LogfileUnderTest {
    fn config(&self) -> String {
        let path = self.path().display().to_string();
        format!(
            "  plain:\n    logfile: {{path: '{path}', from: beginning}}\n{}\
             queries:\n  - name: asked\n    source: plain\n    every: 2s\n    max_age: 1h\n    log: {{by: [model]}}\n    \
             labels: [model]\n    metrics: [{{name: asked, value: count, help: Lines.}}]\n",
            times()
        )
    }

    fn sources(&self) -> &'static [&'static str] {
        &["plain"]
    }

    async fn sign(&self, fault: Fault) -> Option<Sign> {
        Some(Sign::Afterwards(format!(r#"asked{{source="plain",model="{fault:?}"}} 1"#)))
    }

    /// What a line takes whose every value takes far more than its bytes; much less than the longest line.
    fn most_overshoot(&self) -> u64 {
        96
    }

    fn gates(&self) -> Vec<(&'static str, &Gate)> {
        Vec::new()
    }

    async fn break_server(&mut self, fault: Fault) {
        match fault {
            Fault::Refused => self.remove(),
            Fault::Garbage => self.append(b"\xff\xfe\x00garbage\n\x80\n"),
            Fault::WrongProtocol => self.replace_by("/sys"),
            Fault::Stalled => self.append(&LINE.as_bytes()[..20]),
            Fault::Reset => fs::write(self.path(), LINE).expect("the file is writable"),
            Fault::NoPermission => self.replace_by(UNREADABLE),
            Fault::Oversized => self.append(&vec![b'x'; 100 << 20]),
            Fault::Nested => {
                self.append(
                    format!("{{\"event\": {}{}}}\n", "[".repeat(100_000), "]".repeat(100_000)).as_bytes(),
                );
            }
            Fault::Bloated => self.append(bloated().as_bytes()),
            Fault::Restart => {
                fs::rename(self.path(), self.beside()).expect("the file is there");
                self.append(LINE.as_bytes());
            }
            Fault::Failover => {
                fs::write(self.beside(), LINE).expect("the directory is writable");
                self.replace_by(self.beside().to_str().expect("a plain path"));
            }
            _ => {}
        }
    }

    async fn heal_server(&mut self, fault: Fault) {
        match fault {
            Fault::Refused => self.append(LINE.as_bytes()),
            Fault::WrongProtocol | Fault::NoPermission => {
                self.remove();
                self.append(LINE.as_bytes());
            }
            Fault::Failover => {
                self.remove();
                self.append(LINE.as_bytes());
                fs::remove_file(self.beside()).expect("the file is there");
            }
            Fault::Restart => fs::remove_file(self.beside()).expect("the file is there"),
            Fault::Stalled => self.append(&LINE.as_bytes()[20..]),
            Fault::Oversized => self.append(b"\n"),
            _ => {}
        }
        self.append(last_line(fault).as_bytes());
    }
}
