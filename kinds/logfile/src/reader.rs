//! One open file, and how far it has been read.

use std::fs::{self, DirEntry, File, Metadata};
use std::hash::Hasher;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Instant;

use fnv::FnvHasher;
use platform_core::metric::timestamp;
use platform_core::probe::{Problem, Reason};
use serde::{Deserialize, Serialize};

use super::lines::{Line, LineSplitter};

/// Identifies a file on a host. An open file keeps its identity; that of a deleted one may be reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
}

/// The fingerprint of a file's first bytes, to detect truncation and find copies. A hash, so that no log content is
/// kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileHead {
    length: u64,
    hash: u64,
}

/// How far a file has been read: what survives a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) identity: FileIdentity,
    pub(super) head: FileHead,
    /// The start of the first line that has not been counted.
    pub(super) offset: u64,
    /// Whether that line's start was skipped.
    pub(super) skipping: bool,
}

/// Why a reader stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// There is no more.
    End,
    /// The budget of this turn is used up.
    Budget,
    /// The file was truncated, and other content is in its place.
    Replaced,
}

/// An open file.
#[derive(Debug)]
pub(super) struct Reader {
    file: File,
    identity: FileIdentity,
    head: FileHead,
    offset: u64,
    lines: LineSplitter,
    last_growth: Instant,
}

/// How many bytes make a head.
const LONGEST_HEAD: u64 = 1024;
/// With fewer bytes than this, a head may match any log.
const SHORTEST_HEAD: u64 = 32;
/// How many bytes are read at once.
const CHUNK: usize = 64 << 10;
/// At most this many directory entries are searched.
const MOST_SIBLINGS: usize = 1000;

impl FileIdentity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

impl FileHead {
    /// The fingerprint of the first `length` bytes; `None` if the file is shorter.
    fn read(file: &File, length: u64) -> io::Result<Option<Self>> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => {
                let mut head = Self::default();
                head.extend(&bytes);
                Ok(Some(head))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds the next bytes, up to [`LONGEST_HEAD`]. FNV-1a: the same in every build, since it is stored on disk.
    fn extend(&mut self, bytes: &[u8]) {
        let room = usize::try_from(LONGEST_HEAD - self.length).unwrap_or(0).min(bytes.len());
        self.length += room as u64;
        let mut hasher = FnvHasher::with_key(self.hash);
        hasher.write(&bytes[..room]);
        self.hash = hasher.finish();
    }

    /// Whether it is long enough to distinguish files: logs begin alike.
    fn is_telling(self) -> bool {
        self.length >= SHORTEST_HEAD
    }
}

impl Default for FileHead {
    fn default() -> Self {
        Self { length: 0, hash: FnvHasher::default().finish() }
    }
}

impl Reader {
    /// A file from its start.
    pub(super) fn from_start(file: File) -> io::Result<Self> {
        let identity = FileIdentity::of(&file.metadata()?);
        Ok(Self {
            file,
            identity,
            head: FileHead::default(),
            offset: 0,
            lines: LineSplitter::default(),
            last_growth: Instant::now(),
        })
    }

    /// A file from its end: only what is written from now on.
    pub(super) fn from_end(file: File) -> io::Result<Self> {
        let mut reader = Self::from_start(file)?;
        reader.offset = reader.size()?;
        let mut last = [b'\n'];
        if let Some(before) = reader.offset.checked_sub(1) {
            reader.file.read_exact_at(&mut last, before)?;
        }
        if last != [b'\n'] {
            reader.lines = LineSplitter::in_the_middle();
        }
        reader.head = FileHead::read(&reader.file, reader.offset.min(LONGEST_HEAD))?.unwrap_or_default();
        Ok(reader)
    }

    /// The file that was read up to a position: `at_path`, just opened at `path`, or one in the same directory to which
    /// it was renamed or copied.
    pub(super) fn resume(path: &Path, at_path: Option<&File>, position: &Position) -> Option<Self> {
        let renamed = |file: &File, metadata: &Metadata| {
            FileIdentity::of(metadata) == position.identity && position.is_in(file, metadata)
        };
        let at_path = at_path.and_then(|file| Some((file.try_clone().ok()?, file.metadata().ok()?)));
        let (file, _) = at_path
            .filter(|(file, metadata)| renamed(file, metadata))
            .or_else(|| sibling(path, renamed))
            .or_else(|| position.head.is_telling().then(|| sibling(path, |f, m| position.is_in(f, m)))?)?;
        let mut reader = Self::from_start(file).ok()?;
        reader.offset = position.offset;
        reader.head = position.head;
        if position.skipping {
            reader.lines = LineSplitter::in_the_middle();
        }
        Some(reader)
    }

    pub(super) fn identity(&self) -> FileIdentity {
        self.identity
    }

    /// How many bytes have been read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// When the file was last written to, in seconds since 1970.
    pub(super) fn modified(&self) -> io::Result<f64> {
        self.file.metadata()?.modified().map(timestamp)
    }

    /// The first byte that has not been counted.
    pub(super) fn counted(&self) -> u64 {
        self.offset - self.lines.kept() as u64
    }

    pub(super) fn position(&self) -> Position {
        Position {
            identity: self.identity,
            head: self.head,
            offset: self.counted(),
            skipping: self.lines.is_skipping(),
        }
    }

    /// Whether what was read is still there, so that the file was not truncated.
    pub(super) fn is_intact(&self) -> io::Result<bool> {
        let position = Position { offset: self.offset, ..self.position() };
        Ok(position.is_in(&self.file, &self.file.metadata()?))
    }

    /// After a truncation: the copy in the same directory that still holds what was read, to be read to its end.
    pub(super) fn continued_in_copy(&self, path: &Path) -> Option<Self> {
        let position = self.position();
        let is_copy = |file: &File, metadata: &Metadata| {
            FileIdentity::of(metadata) != self.identity && position.is_in(file, metadata)
        };
        let (file, _) = position.head.is_telling().then(|| sibling(path, is_copy))??;
        let mut copy = Self::from_start(file).ok()?;
        (copy.offset, copy.head, copy.lines) = (self.offset, self.head, self.lines.clone());
        Some(copy)
    }

    /// Goes back to the start: the file was truncated.
    pub(super) fn restart(&mut self) {
        (self.offset, self.head, self.lines) = (0, FileHead::default(), LineSplitter::default());
        self.last_growth = Instant::now();
    }

    /// Reads on, at most `budget` bytes.
    pub(super) fn read(&mut self, budget: &mut u64, handle: &mut dyn FnMut(Line<'_>)) -> io::Result<Stop> {
        let mut chunk = vec![0; CHUNK];
        while *budget > 0 {
            let room = usize::try_from(*budget).unwrap_or(CHUNK).min(CHUNK);
            let length = match self.file.read_at(&mut chunk[..room], self.offset) {
                Ok(0) => return Ok(Stop::End),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            // What was just read continues the earlier content only if that is still there.
            if FileHead::read(&self.file, self.head.length)? != Some(self.head) {
                return Ok(Stop::Replaced);
            }
            if self.offset == self.head.length {
                self.head.extend(&chunk[..length]);
            }
            self.offset += length as u64;
            *budget -= length as u64;
            self.last_growth = Instant::now();
            self.lines.feed(&chunk[..length], handle);
        }
        Ok(Stop::Budget)
    }

    /// Ends the incomplete line: no more will come.
    pub(super) fn finish(&mut self, handle: &mut dyn FnMut(Line<'_>)) {
        self.lines.finish(handle);
    }

    /// Since when there was nothing new.
    pub(super) fn last_growth(&self) -> Instant {
        self.last_growth
    }

    /// Whether the file was deleted.
    pub(super) fn is_deleted(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }
}

impl Position {
    /// Whether a file contains what was read.
    fn is_in(&self, file: &File, metadata: &Metadata) -> bool {
        metadata.len() >= self.offset
            && FileHead::read(file, self.head.length).is_ok_and(|head| head == Some(self.head))
    }
}

fn open(path: &Path) -> Option<(File, Metadata)> {
    // Checked first: opening a named pipe would wait for its writer.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    Some((file, metadata))
}

/// A file in the same directory that is the one looked for.
fn sibling(path: &Path, is_it: impl Fn(&File, &Metadata) -> bool) -> Option<(File, Metadata)> {
    // A directory listing may miss a file that is being renamed.
    (0..3).find_map(|_| sibling_now(path, &is_it))
}

fn sibling_now(path: &Path, is_it: &impl Fn(&File, &Metadata) -> bool) -> Option<(File, Metadata)> {
    siblings(path).filter_map(|other| open(&other.path())).find(|(file, metadata)| is_it(file, metadata))
}

/// The entries of the path's directory.
pub(super) fn siblings(path: &Path) -> impl Iterator<Item = DirEntry> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let entries = fs::read_dir(directory.unwrap_or(Path::new(".")));
    entries.into_iter().flatten().take(MOST_SIBLINGS).flatten()
}

/// Why a file cannot be read.
pub(super) fn problem(path: &Path, error: &io::Error) -> Problem {
    let reason = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            Reason::NotFound
        }
        io::ErrorKind::PermissionDenied => Reason::Permission,
        io::ErrorKind::TimedOut => Reason::Timeout,
        _ => Reason::Protocol,
    };
    Problem::new(reason, format!("{}: {error}", path.display()))
}
