//! The files of a web configuration, and whether they have changed since they were read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use platform_core::off_thread::CurrentFile;
use ring::digest::{self, Context, Digest, SHA256};

/// Nothing beyond this is read: an endless file may be named by mistake.
const LARGEST: u64 = 4 << 20;

/// A file written less than this time ago may be written again without a change of its timestamps.
const SETTLED: Duration = Duration::from_secs(1);

/// The files that have been read, and their state at that time.
pub(super) struct Files {
    directory: PathBuf,
    read: Vec<(PathBuf, Stamp)>,
    content: Context,
    /// Records each file that is opened or checked.
    pub(super) current: CurrentFile,
}

impl Files {
    /// Nothing read yet; relative paths start at a directory.
    pub(super) fn of(directory: &Path, current: &CurrentFile) -> Self {
        Self {
            directory: directory.to_owned(),
            read: Vec::new(),
            content: Context::new(&SHA256),
            current: current.clone(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn read(&mut self, name: &Path) -> io::Result<Vec<u8>> {
        let path = self.directory.join(name);
        self.current.set(&path);
        // First the state, then the content, so that a write in between counts as a change.
        self.read.push((path.clone(), Stamp::of(&path)));
        let mut content = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(LARGEST).read_to_end(&mut content));
        let content = read.map(|_| content);
        let bytes = content.as_deref().unwrap_or_default();
        self.content.update(digest::digest(&SHA256, bytes).as_ref());
        content
    }

    /// Whether any of the files has changed since it was read.
    pub(super) fn have_changed(&self) -> bool {
        let now = SystemTime::now();
        self.read.iter().any(|(path, stamp)| {
            self.current.set(path);
            stamp.is_stale(&Stamp::of(path), now)
        })
    }

    /// A digest of everything that was read.
    pub(super) fn digest(&self) -> Digest {
        self.content.clone().finish()
    }
}

/// The state of a file: its identity behind all links, and when it was last written.
struct Stamp {
    file: Option<[i128; 7]>,
    /// Until when a further write might leave no trace.
    unsettled_until: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> Self {
        let Ok(metadata) = fs::metadata(path) else { return Self { file: None, unsettled_until: None } };
        let file = [
            metadata.dev().into(),
            metadata.ino().into(),
            metadata.len().into(),
            metadata.mtime().into(),
            metadata.mtime_nsec().into(),
            metadata.ctime().into(),
            metadata.ctime_nsec().into(),
        ];
        let settled = metadata.modified().ok().map(|written| written + SETTLED);
        Self { file: Some(file), unsettled_until: settled.filter(|settled| *settled > SystemTime::now()) }
    }

    fn is_stale(&self, current: &Self, now: SystemTime) -> bool {
        self.file != current.file || self.unsettled_until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn read(directory: &Path) -> Files {
        let mut files = Files::of(directory, &CurrentFile::default());
        drop(files.read(Path::new("web.yml")));
        files
    }

    #[test]
    fn every_way_of_changing_a_file_is_seen() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("web.yml");
        let old = SystemTime::now() - Duration::from_secs(60);
        let write = |path: &Path, text: &str| {
            fs::write(path, text).unwrap();
            fs::File::open(path).unwrap().set_modified(old).unwrap();
        };
        let files = read(directory.path());
        assert!(!files.have_changed(), "it is still not there");
        write(&path, "one");
        assert!(files.have_changed(), "it has come");
        let files = read(directory.path());
        assert!(!files.have_changed());
        write(&path, "two");
        assert!(files.have_changed(), "same length, same time of writing");
        // As in Kubernetes: web.yml -> ..data/web.yml, ..data -> a directory that is replaced as a whole.
        fs::remove_file(&path).unwrap();
        for version in ["v1", "v2"] {
            fs::create_dir(directory.path().join(version)).unwrap();
            write(&directory.path().join(version).join("web.yml"), "all");
        }
        let data = directory.path().join("..data");
        symlink("v1", &data).unwrap();
        symlink("..data/web.yml", &path).unwrap();
        let files = read(directory.path());
        assert!(!files.have_changed());
        symlink("v2", directory.path().join("..tmp")).unwrap();
        fs::rename(directory.path().join("..tmp"), &data).unwrap();
        assert!(files.have_changed());
        let files = read(directory.path());
        fs::remove_file(&path).unwrap();
        assert!(files.have_changed(), "it has gone");
    }

    #[test]
    fn a_file_just_written_is_read_once_more() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("web.yml");
        fs::write(&path, "one").unwrap();
        let files = read(directory.path());
        assert!(!files.have_changed(), "not yet");
        let (_, stamp) = &files.read[0];
        assert!(stamp.is_stale(&Stamp::of(&path), SystemTime::now() + SETTLED));
        fs::File::open(&path).unwrap().set_modified(SystemTime::now() - SETTLED).unwrap();
        let (_, stamp) = &read(directory.path()).read[0];
        assert!(!stamp.is_stale(&Stamp::of(&path), SystemTime::now() + SETTLED), "it has settled");
    }
}
