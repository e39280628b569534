//! `bundle`: writes Grafana dashboards and Prometheus rules.

use std::path::{Path, PathBuf};

use platform_core::yaml::Faults;

use crate::bundle;
use crate::cli::BundleFormat;
use crate::config::Config;
use crate::server::BaseUrl;

/// Why the bundle was not written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The source files have errors.
    #[error("{0}")]
    Faults(Faults),
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
}

/// Writes the bundle into a directory: for everything, or for what a configuration uses. Returns the paths. If the
/// URL of the exporter is known, alerts link to the runbooks that it serves.
///
/// # Errors
/// When the source files have errors, or when a file cannot be written.
pub fn bundle(
    config: Option<&Config>,
    exporter: Option<&BaseUrl>,
    format: BundleFormat,
    out: &Path,
) -> Result<Vec<PathBuf>, BundleError> {
    let runbooks = exporter.map(|exporter| format!("{exporter}/runbooks"));
    let files = bundle::render_with_runbooks(config, runbooks).map_err(BundleError::Faults)?;
    let files = match format {
        BundleFormat::Files => files,
        BundleFormat::Kubernetes => bundle::manifests(files),
    };
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
