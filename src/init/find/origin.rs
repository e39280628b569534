//! Where something was found.

use std::fmt;

/// Where something was found, as a person looks it up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The environment of this process.
    Environment,
    /// A file below the directory.
    File {
        /// Its path from the directory.
        file: String,
        /// The line, counted from 1.
        line: u64,
        /// What it belongs to in the file: `service web`.
        part: Option<String>,
    },
}

/// `docker-compose.yml:12 (service web)`.
impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => formatter.write_str("environment"),
            Self::File { file, line, part: None } => write!(formatter, "{file}:{line}"),
            Self::File { file, line, part: Some(part) } => write!(formatter, "{file}:{line} ({part})"),
        }
    }
}
