//! The subcommands.

mod bundle;
mod catalog;
mod check;
mod config_files;
mod files;
mod findings;
mod healthcheck;
mod init;
mod lane_load;
mod listen;
mod local;
mod output;
mod packs;
mod probe;
mod query;
mod reload;
mod remedy;
mod schema;
mod series;
mod serve;
mod status;
mod status_table;

pub use bundle::{BundleError, BundleTarget, bundle, bundle_differences};
pub use catalog::catalog;
pub use check::check;
pub use findings::findings;
pub use healthcheck::healthcheck;
pub use init::{InitError, init};
pub use local::local;
pub use output::print;
pub use packs::packs;
pub use probe::probe;
pub use query::query;
pub use remedy::remedy;
pub use schema::schema;
pub use serve::serve;
pub use status::status;

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use platform_core::off_thread::{self, CurrentFile, OffThreadError};
use platform_core::yaml::{self, Faults};

use self::config_files::ConfigFilesError;
use crate::cli::Flags;
use crate::config::{self, Checks, Config, ConfigFile, EnvironmentErrors, NoSources, Surroundings};
use crate::server::{Gate, WebError};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its files cannot be read.
    #[error(transparent)]
    Files(#[from] ConfigFilesError),
    /// There is no file, and the environment configures no source.
    #[error("{error}{}", if *has_file { " (there is a platform.yml here: --config.file platform.yml)" } else { "" })]
    NoSources {
        /// What would configure one.
        error: NoSources,
        /// Whether there is a file of the usual name in the current directory.
        has_file: bool,
    },
    /// There is no file, and the environment configures a source with errors.
    #[error(transparent)]
    Environment(#[from] EnvironmentErrors),
    /// The configuration has errors.
    #[error("{0}")]
    Faults(Faults),
    /// The web configuration file has errors.
    #[error(transparent)]
    Web(#[from] WebError),
    /// A file system does not answer.
    #[error(transparent)]
    OffThread(#[from] OffThreadError),
    /// Both have errors.
    #[error("{0}\n{1}")]
    Both(Box<LoadError>, WebError),
}

impl LoadError {
    /// Whether its text begins with a place in a file, or with a variable.
    pub fn has_places(&self) -> bool {
        match self {
            Self::Faults(_) | Self::Environment(_) | Self::Files(ConfigFilesError::NoText(_)) => true,
            Self::Both(first, _) => first.has_places(),
            _ => false,
        }
    }
}

/// The configuration, with its name for error messages.
pub struct Loaded {
    /// The file, or `environment`.
    pub origin: String,
    /// The configuration.
    pub config: Config,
    /// Equal for files with equal content, within one run of the process.
    pub fingerprint: u64,
}

/// Writes a file, in a directory that need not exist.
fn write_file(path: &Path, text: &str) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(path, text)
}

/// A configuration that takes longer to read is rejected.
const LONGEST_LOAD: Duration = Duration::from_secs(10);

/// The environment.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The names of the variables of the environment.
fn names_of_variables() -> Vec<String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
}

/// Loads the configuration that the flags name.
///
/// # Errors
/// When the file cannot be read, or when the configuration has errors.
pub fn load(flags: &Flags) -> Result<Loaded, LoadError> {
    let flags = flags.clone();
    off_thread::wait(LONGEST_LOAD, move |current| read(&flags, Checks::default(), current))?
}

/// Loads the configuration that the flags name. Records each file it opens, because any of them may hang.
fn read(flags: &Flags, checks: Checks<'_>, current: &CurrentFile) -> Result<Loaded, LoadError> {
    let (origin, files) = match &flags.config_file {
        Some(path) => (path.display().to_string(), config_files::read(path, current)?),
        None => {
            let has_file = Path::new("platform.yml").exists();
            let text = config::from_environment(&variable);
            let text = text.map_err(|error| LoadError::NoSources { error, has_file })?;
            let name = "environment".to_owned();
            (name.clone(), vec![ConfigFile { name, directory: PathBuf::new(), text }])
        }
    };
    let hasher = RefCell::new(DefaultHasher::new());
    files.iter().for_each(|file| (&file.name, &file.text).hash(&mut *hasher.borrow_mut()));
    let file = |name: &str| {
        current.set(Path::new(name));
        let text = yaml::text(std::fs::read(name)?).map_err(|error| {
            let (line, column) = error.place();
            io::Error::new(io::ErrorKind::InvalidData, format!("line {line}, column {column}: {error}"))
        })?;
        text.hash(&mut *hasher.borrow_mut());
        Ok(text)
    };
    let surroundings = Surroundings { variable: &variable, file: &file };
    let config =
        config::load_files(&files, surroundings, checks).map_err(|faults| match flags.config_file {
            Some(_) => LoadError::Faults(faults),
            None => LoadError::Environment(EnvironmentErrors::of(&faults, &variable)),
        })?;
    let fingerprint = hasher.borrow().finish();
    Ok(Loaded { origin, config, fingerprint })
}

/// How much is checked when a configuration is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckDepth {
    /// The configuration and its packs: what the exporter needs to serve.
    Configuration,
    /// Its dashboards and rules as well.
    Bundle,
    /// The files that its sources and roll-ups read as well.
    Files,
}

/// Loads the configuration and the web configuration file that the flags name.
///
/// # Errors
/// As [`load`], with the errors of both files.
pub fn load_all(flags: &Flags, depth: CheckDepth) -> Result<(Loaded, Gate), LoadError> {
    let flags = flags.clone();
    off_thread::wait(LONGEST_LOAD, move |current| {
        let gate = |path| Gate::load(path, current);
        let gate = flags.web_config_file.as_deref().map_or_else(|| Ok(Gate::open()), gate);
        let checks = match depth {
            CheckDepth::Configuration => Checks::default(),
            CheckDepth::Bundle => Checks { bundle: Some(&crate::bundle::check), files: None },
            CheckDepth::Files => Checks { bundle: Some(&crate::bundle::check), files: Some(&files::look) },
        };
        with_gate(read(&flags, checks, current), gate)
    })?
}

fn with_gate(
    loaded: Result<Loaded, LoadError>,
    gate: Result<Gate, WebError>,
) -> Result<(Loaded, Gate), LoadError> {
    match (loaded, gate) {
        (Ok(loaded), Ok(gate)) => Ok((loaded, gate)),
        (Ok(_), Err(error)) => Err(error.into()),
        (Err(error), Ok(_)) => Err(error),
        (Err(error), Err(of_gate)) => Err(LoadError::Both(Box::new(error), of_gate)),
    }
}

/// An error lists this many names.
const MOST_LISTED: usize = 20;

/// What a misspelt name means, to append to an error; which names there are if it is like none of a few.
fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.into_iter().collect();
    match yaml::hint(name, known.iter().copied()) {
        Some(hint) => format!(": {hint}"),
        None if known.is_empty() || known.len() > MOST_LISTED => String::new(),
        None => format!(": there are {}", known.join(", ")),
    }
}
