//! Why `init` writes nothing.

use std::path::PathBuf;

use platform_core::yaml::Faults;

use crate::init::RecipeError;

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The recipes cannot be used.
    #[error(transparent)]
    Recipes(#[from] RecipeError),
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {error}", path.display())]
    File {
        /// What failed.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// Nothing names a backing service.
    #[error(
        "found no backing service in the environment and the files of {}: set a variable such as DATABASE_URL, or name \
         the directory of the application by --directory",
        .0.display()
    )]
    NothingFound(PathBuf),
    /// The configuration that is there has errors, or would have.
    #[error("{0}")]
    Faults(Faults),
    /// The choice cannot be read from the terminal.
    #[error("cannot read what to leave out: {0}")]
    Terminal(std::io::Error),
}
