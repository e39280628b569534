//! `bundle`: writes Grafana dashboards and Prometheus rules, or compares them with what is there.

use std::path::PathBuf;

use platform_core::yaml::Faults;

use super::write_file;
use crate::bundle::{self, Objects};
use crate::cli::{BundleFlags, BundleFormat};
use crate::config::Config;
use crate::server::BaseUrl;

/// Why the bundle was not written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Flags of another format.
    #[error("--grafana-operator and --external-secrets are flags of --format kubernetes")]
    OnlyForKubernetes,
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

/// What to render, and where it is.
#[derive(Clone, Copy, Debug)]
pub struct BundleTarget<'a> {
    /// With one, only what it uses.
    pub config: Option<&'a Config>,
    /// The URL of the exporter, if it is known: alerts link to the runbooks that it serves.
    pub exporter: Option<&'a BaseUrl>,
    /// The form of the files, and their directory.
    pub flags: &'a BundleFlags,
}

/// Writes the bundle into a directory. Returns the paths.
///
/// # Errors
/// When the source files have errors, when flags do not fit the format, or when a file cannot be written.
pub fn bundle(target: BundleTarget<'_>) -> Result<Vec<PathBuf>, BundleError> {
    let write = |(path, text): (PathBuf, String)| match write_file(&path, &text) {
        Ok(()) => Ok(path),
        Err(error) => Err(BundleError::Unwritable { path, error }),
    };
    rendered(target)?.into_iter().map(write).collect()
}

/// Compares the bundle with what is in its directory. Returns the paths of files that are missing or different.
///
/// # Errors
/// When the source files have errors, or when flags do not fit the format.
pub fn bundle_differences(target: BundleTarget<'_>) -> Result<Vec<PathBuf>, BundleError> {
    // What cannot be read is different.
    let differs =
        |(path, text): &(PathBuf, String)| std::fs::read(path).ok().as_deref() != Some(text.as_bytes());
    Ok(rendered(target)?.into_iter().filter(differs).map(|(path, _)| path).collect())
}

/// The files, with their paths below the directory.
fn rendered(
    BundleTarget { config, exporter, flags }: BundleTarget<'_>,
) -> Result<Vec<(PathBuf, String)>, BundleError> {
    let runbooks = exporter.map(|exporter| format!("{exporter}/runbooks"));
    let files = bundle::render_with_runbooks(config, runbooks).map_err(BundleError::Faults)?;
    let BundleFlags { grafana_operator, external_secrets, .. } = flags;
    let files = match flags.format {
        BundleFormat::Files if *grafana_operator || external_secrets.is_some() => {
            return Err(BundleError::OnlyForKubernetes);
        }
        BundleFormat::Files => files,
        BundleFormat::Kubernetes => {
            let secrets = external_secrets.as_ref();
            bundle::manifests(files, Objects { grafana_operator: *grafana_operator, secrets })
        }
    };
    Ok(files.into_iter().map(|file| (flags.out.join(file.path), file.text)).collect())
}
