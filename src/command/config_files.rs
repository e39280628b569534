//! The files that a configuration is read from.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use platform_core::off_thread::CurrentFile;
use platform_core::yaml::{self, Faults};

use crate::config::ConfigFile;

/// Why the text of a configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFilesError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// No file matches the path.
    #[error(
        "there is no configuration in {}: expected a file, a directory with *.yml or *.yaml, or a pattern of files",
        .0.display()
    )]
    NoFiles(PathBuf),
    /// Files are no text.
    #[error("{0}")]
    NoText(Faults),
}

/// Reads a file, all files of a directory, or those that match a pattern, in the order of their names. Records each that
/// it opens, because any of them may hang.
pub(super) fn read(path: &Path, current: &CurrentFile) -> Result<Vec<ConfigFile>, ConfigFilesError> {
    current.set(path);
    let unreadable = |path: &Path| {
        let path = path.to_path_buf();
        move |error| ConfigFilesError::Unreadable { path, error }
    };
    let paths = paths(path).map_err(unreadable(path))?;
    if paths.is_empty() {
        return Err(ConfigFilesError::NoFiles(path.to_path_buf()));
    }
    let (mut files, mut faults) = (Vec::new(), Faults::default());
    for path in paths {
        current.set(&path);
        let name = path.display().to_string();
        let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        match yaml::text(fs::read(&path).map_err(unreadable(&path))?) {
            Ok(text) => files.push(ConfigFile { name, directory, text }),
            Err(error) => {
                faults.begin(name);
                faults.at_line(error.place(), error.to_string());
            }
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(ConfigFilesError::NoText(faults)) }
}

fn paths(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_dir() {
        let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
        let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| is_config(path));
        paths.sort();
        return Ok(paths);
    }
    match path.to_str().filter(|text| text.contains(['*', '?', '[']) && !path.exists()) {
        // A match that cannot be read is reported when it is.
        Some(pattern) => {
            let matches =
                glob::glob(pattern).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            Ok(matches.map(|path| path.unwrap_or_else(|error| error.path().to_path_buf())).collect())
        }
        None => Ok(vec![path.to_path_buf()]),
    }
}

/// Whether a file in a directory is a part of the configuration. Hidden ones are not: editors and Kubernetes keep copies.
fn is_config(path: &Path) -> bool {
    let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !is_hidden
        && path.extension().and_then(OsStr::to_str).is_some_and(|end| matches!(end, "yml" | "yaml"))
        && !path.is_dir()
}
