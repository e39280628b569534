//! Files in which a source keeps state that survives restarts. They are read completely or not at all.
//!
//! The first line is the SHA-256 of the rest, so that a file corrupted by a disk or changed by an editor is rejected.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The content of a state file. `None` if there is no file, or it cannot be used; the reason is logged.
pub fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let content = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        content => content.and_then(|content| decode(&content)),
    };
    content
        .inspect_err(
            |error| tracing::warn!(path = %path.display(), %error, "state file unreadable, starting fresh"),
        )
        .ok()
}

fn decode<T: DeserializeOwned>(content: &[u8]) -> io::Result<T> {
    let damaged =
        || io::Error::new(io::ErrorKind::InvalidData, "it is damaged, or not a state file of this version");
    let end = content.iter().position(|&byte| byte == b'\n').ok_or_else(damaged)?;
    let (checksum, state) = (&content[..end], &content[end + 1..]);
    if checksum != checksum_of(state).as_bytes() {
        return Err(damaged());
    }
    Ok(serde_json::from_slice(state)?)
}

/// Replaces the file atomically, even if the process or the machine dies. Only the exporter's user may read it.
///
/// # Errors
/// When the directory cannot be written to. The file is then unchanged.
pub fn store<T: Serialize>(path: &Path, state: &T) -> io::Result<()> {
    let state = serde_json::to_string(state)?;
    let content = format!("{}\n{state}", checksum_of(state.as_bytes()));
    let temporary = path.with_extension("new");
    // Half a file would take up space on a full disk.
    write(&temporary, &content)
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    // Until the directory is synced as well, a power failure may bring back the old file.
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Writes a file and syncs it before it gets its final name.
fn write(path: &Path, content: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        // Left behind by a process that was killed.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

fn checksum_of(state: &[u8]) -> String {
    hex::encode(digest(&SHA256, state))
}
