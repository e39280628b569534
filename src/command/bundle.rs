//! `bundle`: writes what Grafana and Prometheus read.

use std::path::{Path, PathBuf};

use platform_core::yaml::Faults;

use crate::bundle;
use crate::config::Config;

/// Why the bundle was not written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// What it is made of is wrong.
    #[error("{0}")]
    Faults(Faults),
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// Writes the bundle below a directory: of everything, or of what a configuration has. Returns the paths.
///
/// # Errors
/// When what it is made of is wrong, or when a file cannot be written.
pub fn bundle(config: Option<&Config>, out: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let files = bundle::render(config).map_err(BundleError::Faults)?;
    let write = |file: bundle::File| {
        let path = out.join(file.path);
        let directory = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        match directory.and_then(|()| std::fs::write(&path, file.text)) {
            Ok(()) => Ok(path),
            Err(error) => Err(BundleError::Unwritable { path, error }),
        }
    };
    files.into_iter().map(write).collect()
}
