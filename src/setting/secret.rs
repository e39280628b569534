//! Secrets: never printed, and read anew from their file whenever they are needed, so that a rotated one counts
//! without a restart.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// A password, key or token.
#[derive(Clone)]
pub enum Secret {
    /// Given in place, usually through `${NAME}`.
    Value(SecretString),
    /// In a file, whose trailing line break does not count.
    File(PathBuf),
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file holds nothing.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// Both `NAME` and `NAME_file` are given.
    #[error("give either `{0}` or `{0}_file`, not both")]
    Twice(&'static str),
}

impl Secret {
    /// From the two keys under which a configuration gives a secret: `key` and `key_file`.
    ///
    /// # Errors
    /// When both are given.
    pub fn from_keys(
        key: &'static str,
        value: Option<Self>,
        file: Option<PathBuf>,
    ) -> Result<Option<Self>, SecretError> {
        match (value, file) {
            (Some(_), Some(_)) => Err(SecretError::Twice(key)),
            (value, file) => Ok(value.or(file.map(Self::File))),
        }
    }

    /// The secret as it is now.
    ///
    /// # Errors
    /// When its file cannot be read or is empty.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => read_file(path),
        }
    }
}

fn read_file(path: &Path) -> Result<SecretString, SecretError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SecretError::Unreadable { path: path.to_owned(), error })?;
    let text = SecretString::from(text);
    match text.expose_secret().trim_end_matches(['\r', '\n']) {
        "" => Err(SecretError::Empty(path.to_owned())),
        secret => Ok(SecretString::from(secret)),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => formatter.write_str("<secret>"),
            Self::File(path) => write!(formatter, "<secret in {}>", path.display()),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = SecretString::from(String::deserialize(deserializer)?);
        if value.expose_secret().is_empty() {
            return Err(serde::de::Error::custom(
                "expected a value, found an empty one: check the variable that it comes from",
            ));
        }
        Ok(Self::Value(value))
    }
}
