//! Where a secret comes from, so that whoever reads of a wrong one knows where to correct it.

use std::fmt;
use std::path::PathBuf;

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// A file.
    File(PathBuf),
    /// One or more environment variables.
    Variables(Vec<String>),
    /// The configuration itself.
    Configuration,
    /// What clients use if nothing is configured.
    BuiltIn,
}

impl SecretOrigin {
    /// An environment variable.
    pub fn variable(name: &str) -> Self {
        Self::Variables(vec![name.to_owned()])
    }

    /// That of a text of the configuration with these variables in it.
    pub(super) fn of_text<'a>(variables: impl IntoIterator<Item = &'a str>) -> Self {
        let variables: Vec<_> = variables.into_iter().map(str::to_owned).collect();
        if variables.is_empty() { Self::Configuration } else { Self::Variables(variables) }
    }
}

impl fmt::Display for SecretOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Variables(names) => {
                let names: Vec<_> = names.iter().map(|name| format!("${{{name}}}")).collect();
                formatter.write_str(&names.join(" and "))
            }
            Self::Configuration => formatter.write_str("the configuration"),
            Self::BuiltIn => formatter.write_str("the built-in default"),
        }
    }
}
