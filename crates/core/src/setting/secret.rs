//! Secrets: never printed, and re-read from their file whenever they are needed, so that rotation needs no restart.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::origin::SecretOrigin;
use crate::off_thread::{CurrentFile, OffThread, OffThreadError};
use crate::yaml::Expanded;

/// No secret is longer; a larger file was named by mistake, and may be endless.
const LONGEST: u64 = 64 << 10;

/// A password, key or token.
#[derive(Clone, schemars::JsonSchema)]
#[schemars(with = "String", description = "A secret, best as a variable: ${NAME}")]
pub enum Secret {
    /// Given inline, usually through `${NAME}`.
    Value(SecretString, SecretOrigin),
    /// In a file; a trailing line break is ignored.
    File(SecretFile),
}

/// A file that holds a secret.
#[derive(Clone)]
pub struct SecretFile {
    path: PathBuf,
    reading: OffThread<Result<SecretString, SecretError>>,
}

/// Why a secret is not available.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: Arc<io::Error>,
    },
    /// The file is empty.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// The file is too large for a secret.
    #[error("{} is larger than {} KiB: not a secret", .0.display(), LONGEST >> 10)]
    TooLong(PathBuf),
    /// The file system does not answer.
    #[error(transparent)]
    OffThread(#[from] OffThreadError),
    /// Both `NAME` and `NAME_file` are given.
    #[error("set either `{0}` or `{0}_file`, not both")]
    Twice(&'static str),
}

impl Secret {
    /// A secret in a file.
    pub fn file(path: PathBuf) -> Self {
        Self::File(SecretFile { path, reading: OffThread::default() })
    }

    /// Where it comes from.
    pub fn origin(&self) -> SecretOrigin {
        match self {
            Self::Value(_, origin) => origin.clone(),
            Self::File(file) => SecretOrigin::File(file.path.clone()),
        }
    }

    /// From the two keys for a secret in a configuration: `key` and `key_file`.
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
            (value, file) => Ok(value.or(file.map(Self::file))),
        }
    }

    /// The secret as it is now.
    ///
    /// # Errors
    /// When its file cannot be read in time, or is empty.
    pub async fn read(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::Value(value, _) => Ok(value.clone()),
            Self::File(file) => file.read().await,
        }
    }
}

impl SecretFile {
    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn read(&self) -> Result<SecretString, SecretError> {
        let path = self.path.clone();
        let read = move |file: &CurrentFile| {
            file.set(&path);
            read_file(&path)
        };
        self.reading.run(read).await?
    }
}

fn read_file(path: &Path) -> Result<SecretString, SecretError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
    let text = SecretString::from(text);
    read.map_err(|error| SecretError::Unreadable { path: path.to_owned(), error: Arc::new(error) })?;
    if text.expose_secret().len() as u64 > LONGEST {
        return Err(SecretError::TooLong(path.to_owned()));
    }
    match text.expose_secret().trim_end_matches(['\r', '\n']) {
        "" => Err(SecretError::Empty(path.to_owned())),
        secret => Ok(SecretString::from(secret)),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(..) => formatter.write_str("<secret>"),
            Self::File(file) => write!(formatter, "<secret in {}>", file.path.display()),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Expanded { text, variables } = Expanded::deserialize(deserializer)?;
        let value = SecretString::from(text);
        if value.expose_secret().is_empty() {
            return Err(serde::de::Error::custom(
                "expected a value, found an empty one: check the variable that it comes from",
            ));
        }
        let names = variables.iter().map(|variable| variable.name.as_str());
        Ok(Self::Value(value, SecretOrigin::of_text(names)))
    }
}
