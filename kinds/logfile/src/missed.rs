//! Files that were at the path only between two looks at it: created, written and renamed again.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::reader::{FileIdentity, siblings};

/// File systems round the time of creation down to a tick of the kernel's clock.
const TICK: Duration = Duration::from_millis(10);

/// The files beside the path that were created since the last look, oldest first. Those that are read already do not
/// count, nor do compressed ones.
pub(super) fn since(look: SystemTime, path: &Path, known: &[FileIdentity]) -> Vec<File> {
    let Some(name) = path.file_name() else { return Vec::new() };
    let renamed = siblings(path).filter(|entry| is_name_of_renamed(&entry.file_name(), name));
    let mut missed: Vec<(SystemTime, File)> = renamed
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            let created = metadata.created().ok().filter(|created| *created + TICK >= look)?;
            let is_known = known.contains(&FileIdentity::of(&metadata));
            let file = if is_known { None } else { File::open(entry.path()).ok() };
            file.filter(has_objects).map(|file| (created, file))
        })
        .collect();
    missed.sort_by_key(|(created, _)| *created);
    missed.into_iter().map(|(_, file)| file).collect()
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
