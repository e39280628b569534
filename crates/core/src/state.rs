//! Files in which a source keeps what has to survive a restart: each whole, or not taken at all.
//!
//! The first line is the SHA-256 of the rest, so that a file that a dying disk or an editor has changed is not taken
//! for what was kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a file keeps. `None` where there is no file, and where it cannot be used: the log then says why.
pub fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let content = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        content => content.and_then(|content| decode(&content)),
    };
    content
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "unreadable state: begun anew"))
        .ok()
}

fn decode<T: DeserializeOwned>(content: &[u8]) -> io::Result<T> {
    let damaged =
        || io::Error::new(io::ErrorKind::InvalidData, "it is damaged, or not a state of this version");
    let end = content.iter().position(|&byte| byte == b'\n').ok_or_else(damaged)?;
    let (checksum, state) = (&content[..end], &content[end + 1..]);
    if checksum != checksum_of(state).as_bytes() {
        return Err(damaged());
    }
    Ok(serde_json::from_slice(state)?)
}

/// Puts a state in the place of the file, whole or not at all, whenever the process or the machine dies. Only the
/// exporter's user may read it.
///
/// # Errors
/// When the directory cannot be written to. The file is then as it was.
pub fn store<T: Serialize>(path: &Path, state: &T) -> io::Result<()> {
    let state = serde_json::to_string(state)?;
    let content = format!("{}\n{state}", checksum_of(state.as_bytes()));
    let temporary = path.with_extension("new");
    // Half a file takes room on a disk that is full.
    write(&temporary, &content)
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    // Until the directory is on the disk as well, a power failure may bring back the file of before.
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Writes a file that is on the disk before it is given its name.
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
    let bytes = digest(&SHA256, state);
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
