//! What the subcommands do.

mod bundle;
mod catalog;
mod check;
mod healthcheck;
mod packs;
mod probe;
mod serve;

pub use bundle::{BundleError, bundle};
pub use catalog::catalog;
pub use check::check;
pub use healthcheck::healthcheck;
pub use packs::packs;
pub use probe::probe;
pub use serve::serve;

use std::path::{Path, PathBuf};

use crate::cli::Flags;
use crate::config::{self, Config, NoSources, Surroundings};
use crate::yaml::Faults;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is no file, and the environment names no source.
    #[error(transparent)]
    NoSources(#[from] NoSources),
    /// The configuration is wrong.
    #[error("{0}")]
    Faults(Faults),
}

/// The configuration with the name under which faults are told.
pub struct Loaded {
    /// The file, or `environment`.
    pub origin: String,
    /// The configuration.
    pub config: Config,
}

/// Loads the configuration that the flags name.
///
/// # Errors
/// When the file cannot be read, or when there is anything wrong with the configuration.
pub fn load(flags: &Flags) -> Result<Loaded, LoadError> {
    let variable = |name: &str| std::env::var(name).ok();
    let (origin, text) = match &flags.config_file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| LoadError::Unreadable { path: path.clone(), error })?;
            (path.display().to_string(), text)
        }
        None => ("environment".to_owned(), config::from_environment(&variable)?),
    };
    // A pack's file is named as seen from the configuration, wherever the exporter was started.
    let directory = flags.config_file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let file = |name: &str| std::fs::read_to_string(directory.join(name));
    let surroundings = Surroundings { variable: &variable, file: &file };
    let config = config::load(&text, &origin, surroundings).map_err(LoadError::Faults)?;
    Ok(Loaded { origin, config })
}
