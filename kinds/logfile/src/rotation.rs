//! Follows one path through rotation, truncation and restarts, so that each line is counted once.

use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use platform_core::probe::{Problem, Reason};
use serde::{Deserialize, Serialize};

use super::config::From;
use super::lines::Line;
use super::missed;
use super::reader::{FileIdentity, Position, Reader, Stop, problem};

/// A renamed file is read for this long after its last line: its writer may not have reopened yet.
const LINGERS: Duration = Duration::from_secs(300);
/// Lost lines are a problem for this long: long enough for an alert.
const REPORTED: Duration = Duration::from_secs(900);
/// The successor of a renamed file is there after this time, unless something is wrong: some programs make it only with
/// their next line.
const SUCCESSION: Duration = Duration::from_secs(30);
/// At most this many renamed files are kept open.
const MOST_RENAMED: usize = 8;

/// What has been read of a path since it was first followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TailTotals {
    pub(super) lines: u64,
    pub(super) bytes: u64,
    pub(super) malformed: u64,
    pub(super) rotations: u64,
    /// When the last line was written, in seconds since 1970.
    last_line: Option<f64>,
}

/// The result of parsing a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LineVerdict {
    /// Nothing.
    Blank,
    /// Malformed.
    Malformed,
    /// A line of this time.
    Good(f64),
}

/// Parses and counts a line.
pub(super) type LineHandler<'a> = dyn FnMut(Line<'_>) -> LineVerdict + 'a;

/// What survives a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedTail {
    pub(super) path: PathBuf,
    totals: TailTotals,
    positions: Vec<Position>,
    #[serde(default)]
    looked: Option<SystemTime>,
}

/// How large the file at the path is, and how much of it has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) size: u64,
    pub(super) offset: u64,
}

/// A followed path.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    start: Start,
    /// The open files: first the renamed ones, last the one at the path.
    readers: Vec<Reader>,
    /// The file that was last seen at the path.
    current: Option<FileIdentity>,
    /// When that file was last written to.
    modified: Option<f64>,
    /// When the path was last looked at.
    looked: Option<SystemTime>,
    /// Why lines were lost, and when.
    lost: Option<(Instant, Problem)>,
    /// Since when nothing is at the path.
    gone: Option<Instant>,
    totals: TailTotals,
}

/// Where to start in a file that is not followed yet.
#[derive(Clone, Debug)]
enum Start {
    /// The path was never looked at.
    First(From),
    /// Where the last run of the exporter stopped.
    Resume(Vec<Position>),
    /// It appeared while the path was followed.
    Beginning,
}

impl TailTotals {
    fn add(&mut self, verdict: LineVerdict) {
        if verdict != LineVerdict::Blank {
            self.lines += 1;
        }
        match verdict {
            LineVerdict::Blank => {}
            LineVerdict::Malformed => self.malformed += 1,
            LineVerdict::Good(at) => self.last_line = Some(self.last_line.map_or(at, |last| last.max(at))),
        }
    }
}

impl Tail {
    pub(super) fn new(path: PathBuf, from: From) -> Self {
        let (readers, totals) = (Vec::new(), TailTotals::default());
        Self {
            path,
            start: Start::First(from),
            readers,
            current: None,
            modified: None,
            looked: None,
            lost: None,
            gone: None,
            totals,
        }
    }

    /// Resumes where the last run stopped.
    pub(super) fn resume(&mut self, memory: SavedTail) {
        (self.totals, self.looked) = (memory.totals, memory.looked);
        self.start = Start::Resume(memory.positions);
    }

    pub(super) fn memory(&self) -> SavedTail {
        let positions = match &self.start {
            // Not found again yet.
            Start::Resume(positions) => positions.clone(),
            _ => self.readers.iter().map(Reader::position).collect(),
        };
        SavedTail { path: self.path.clone(), totals: self.totals, positions, looked: self.looked }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn totals(&self) -> TailTotals {
        self.totals
    }

    /// Why lines were lost lately.
    pub(super) fn lost(&self) -> Option<&Problem> {
        self.lost.as_ref().filter(|(at, _)| at.elapsed() < REPORTED).map(|(_, problem)| problem)
    }

    /// That a file was renamed and has no successor: its rotation has failed, or the program writes to it still.
    pub(super) fn missing(&self) -> Option<Problem> {
        let is_overdue = self.gone.is_some_and(|since| since.elapsed() > SUCCESSION);
        is_overdue.then(|| {
            let detail = format!(
                "{}: the file was renamed, and there is no new one; the renamed one is still read",
                self.path.display()
            );
            Problem::new(Reason::NotFound, detail)
        })
    }

    /// When the newest line was written; if none was read, when the file was last modified.
    pub(super) fn last_line(&self) -> Option<f64> {
        self.totals.last_line.or(self.modified)
    }

    /// The extent of the file at the path, or of the one last renamed from it, unless that was deleted.
    pub(super) fn extent(&self) -> Option<Extent> {
        let reader = self.readers.iter().find(|reader| Some(reader.identity()) == self.current)?;
        Some(Extent { size: reader.size().ok()?.max(reader.offset()), offset: reader.offset() })
    }

    /// Reads what is new and emits each line; deducts the bytes from `budget`; a rest means all is read.
    ///
    /// # Errors
    /// If the path does not exist or may not be read. Files renamed from it are still read.
    pub(super) fn advance(&mut self, budget: &mut u64, handle: &mut LineHandler<'_>) -> Result<(), Problem> {
        let now = SystemTime::now();
        let file = open(&self.path);
        let is_gone = file.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        self.gone = if is_gone { self.gone.or_else(|| Some(Instant::now())) } else { None };
        if file.is_ok() || is_gone {
            self.find_again(file.as_ref().ok());
        }
        let found = file.and_then(|file| self.follow(file, now, handle));
        let read = self.read(is_gone, budget, handle);
        match found {
            // Just renamed, and its successor does not exist yet.
            Err(_) if is_gone && !self.readers.is_empty() => read,
            found => found.and(read),
        }
        .map_err(|error| problem(&self.path, &error))
    }

    /// At the first look, opens the files of the last run.
    fn find_again(&mut self, at_path: Option<&File>) {
        if let Start::Resume(positions) = &self.start {
            let resumed =
                positions.iter().filter_map(|position| Reader::resume(&self.path, at_path, position));
            self.readers = resumed.collect();
            self.current = positions.last().map(|position| position.identity);
            // A directory that is not mounted yet looks empty.
            if at_path.is_none() && self.readers.is_empty() {
                return;
            }
        }
        if at_path.is_none() || matches!(self.start, Start::Resume(_)) {
            self.start = Start::Beginning;
        }
    }

    /// Appends the file that is now at the path, and before it those that were there since the last look.
    fn follow(&mut self, file: File, now: SystemTime, handle: &mut LineHandler<'_>) -> io::Result<()> {
        let identity = FileIdentity::of(&file.metadata()?);
        let known = self.readers.iter().position(|reader| reader.identity() == identity);
        // A new file may reuse the inode of the last one: after a truncation between two looks.
        if self.current.is_some_and(|last| last != identity || known.is_none()) {
            self.totals.rotations += 1;
            self.open_missed(identity)?;
        }
        let reader = match known {
            Some(index) => {
                if !self.readers[index].is_intact()? {
                    self.begin_again(index, handle);
                }
                self.readers.remove(index)
            }
            None => match self.start {
                Start::First(From::End) => Reader::from_end(file)?,
                _ => Reader::from_start(file)?,
            },
        };
        self.start = Start::Beginning;
        self.current = Some(identity);
        self.modified = Some(reader.modified()?);
        self.readers.push(reader);
        // Not while nothing is at the path: a file may come and go.
        self.looked = Some(now);
        Ok(())
    }

    /// Opens the files that were at the path only between the last look and this one.
    fn open_missed(&mut self, at_path: FileIdentity) -> io::Result<()> {
        let Some(looked) = self.looked else { return Ok(()) };
        let known: Vec<_> = self.readers.iter().map(Reader::identity).chain([at_path]).collect();
        let missed = missed::since(looked, &self.path, &known);
        for file in missed.files {
            self.totals.rotations += 1;
            self.readers.push(Reader::from_start(file)?);
        }
        if let Some(problem) = missed.lost {
            self.lost = Some((Instant::now(), problem));
        }
        Ok(())
    }

    /// Handles a truncation: the rest of the old content may be in a copy.
    fn begin_again(&mut self, index: usize, handle: &mut LineHandler<'_>) {
        self.totals.rotations += 1;
        let reader = &mut self.readers[index];
        let copy = reader.continued_in_copy(&self.path);
        if copy.is_none() {
            finish(reader, &mut self.totals, handle);
        }
        reader.restart();
        self.readers.extend(copy);
    }

    fn read(&mut self, is_gone: bool, budget: &mut u64, handle: &mut LineHandler<'_>) -> io::Result<()> {
        let mut result = Ok(());
        let mut left = self.readers.len();
        for mut reader in mem::take(&mut self.readers) {
            left -= 1;
            let is_current = !is_gone && self.current == Some(reader.identity());
            let counted = reader.counted();
            let totals = &mut self.totals;
            let read = reader.read(budget, &mut |line| totals.add(handle(line)));
            totals.bytes += reader.counted() - counted;
            let ended = match read {
                Ok(Stop::End) => has_ended(&reader) || left > MOST_RENAMED,
                Ok(Stop::Budget) => false,
                // At the path, the next look finds it out.
                Ok(Stop::Replaced) if is_current => false,
                Ok(Stop::Replaced) => continue,
                Err(error) => {
                    result = Err(error);
                    true
                }
            };
            if is_current || !ended {
                self.readers.push(reader);
            } else {
                finish(&mut reader, totals, handle);
            }
        }
        result
    }
}

/// Opens a regular file. Checks first: opening a named pipe would wait for its writer.
fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "expected a regular file"));
    }
    File::open(path)
}

/// Whether no more lines will come to a file that was renamed.
fn has_ended(reader: &Reader) -> bool {
    reader.is_deleted() || reader.last_growth().elapsed() > LINGERS
}

/// Emits the last line without its line break.
fn finish(reader: &mut Reader, totals: &mut TailTotals, handle: &mut LineHandler<'_>) {
    let counted = reader.counted();
    reader.finish(&mut |line| totals.add(handle(line)));
    totals.bytes += reader.counted() - counted;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_file_has_time_to_be_succeeded() {
        let mut tail = Tail::new(PathBuf::from("app.log"), From::Beginning);
        assert_eq!(tail.missing(), None);
        tail.gone = Some(Instant::now());
        assert_eq!(tail.missing(), None);
        tail.gone = Instant::now().checked_sub(SUCCESSION + Duration::from_secs(1));
        assert_eq!(tail.missing().unwrap().reason, Reason::NotFound);
    }
}
