//! What was found.

use std::fmt;

use platform_core::setting::{Secret, SecretOrigin};
use platform_core::survey::SurveyedNames;
use secrecy::{ExposeSecret, SecretString};

use super::origin::Origin;
use crate::registry::Kind;

/// A source that the environment or a file names.
#[derive(Clone, Debug)]
pub struct FoundSource {
    /// Its name: unique among those that were found, and valid.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Its address for display, without credentials. If the address is not known: the variables that hold it.
    pub address: String,
    /// The keys of its configuration.
    pub settings: Vec<FoundSetting>,
    /// Names for further keys, which the source itself knows.
    pub names: Vec<SurveyedNames>,
    /// Every place that names it. The settings are from the first one whose values are all known.
    pub places: Vec<Origin>,
}

/// A key of a source.
#[derive(Clone, Debug)]
pub struct FoundSetting {
    /// The key; `sts.endpoint` is the key `endpoint` of the map `sts`.
    pub key: String,
    /// The value for a configuration, in which variables stand for all that may be secret: `${DATABASE_URL}`, or
    /// `postgres://${PGUSER}@${PGHOST}/${PGDATABASE}`.
    pub text: String,
    /// The variables in it.
    pub variables: Vec<FoundVariable>,
    /// What the text is here and now; `None` if a variable is not known.
    pub value: Option<Secret>,
    /// Where the first of its variables is set.
    pub origin: Origin,
}

/// A variable that a setting needs.
#[derive(Clone, Debug)]
pub struct FoundVariable {
    /// Its name.
    pub name: String,
    /// What it has to hold so that the source can be reached from here; `None` if that is not known.
    pub value: Option<Secret>,
    /// Whether that is not what the application has under this name: the port that Compose publishes instead of the
    /// host of its network, a URL without the dialect of a library, a name that is free.
    pub is_adapted: bool,
}

/// All that was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The sources, in the order of precedence.
    pub sources: Vec<FoundSource>,
    /// What was seen and cannot be used as it is, each with its place and the reason. Without values.
    pub notes: Vec<String>,
}

/// The text of a secret that is no file.
pub(super) fn exposed(secret: &Secret) -> Option<&str> {
    match secret {
        Secret::Value(value, _) => Some(value.expose_secret()),
        Secret::File(_) => None,
    }
}

impl FoundVariable {
    pub(super) fn new(name: &str, value: Option<&str>, is_adapted: bool) -> Self {
        let secret = |value: &str| Secret::Value(value.into(), SecretOrigin::variable(name));
        Self { name: name.to_owned(), value: value.map(secret), is_adapted }
    }

    /// Its value, which must not be printed.
    pub fn exposed(&self) -> Option<&str> {
        exposed(self.value.as_ref()?)
    }
}

impl FoundSetting {
    pub(super) fn new(key: &str, text: &str, variables: Vec<FoundVariable>, origin: Origin) -> Self {
        let value = variables.iter().try_fold(text.to_owned(), |text, variable| {
            let value = exposed(variable.value.as_ref()?)?;
            Some(text.replace(&reference(&variable.name), value))
        });
        let names = variables.iter().map(|variable| variable.name.clone()).collect();
        let secret = |value: String| Secret::Value(SecretString::from(value), SecretOrigin::Variables(names));
        let value = value.map(secret);
        Self { key: key.to_owned(), text: text.to_owned(), variables, value, origin }
    }

    /// A setting that is the value of one variable.
    pub(super) fn of_variable(key: &str, variable: FoundVariable, origin: Origin) -> Self {
        let text = reference(&variable.name);
        Self::new(key, &text, vec![variable], origin)
    }
}

/// How a configuration names a variable.
pub(super) fn reference(variable: &str) -> String {
    format!("${{{variable}}}")
}

/// A table of the sources, and the notes below it.
impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.sources.is_empty() {
            let rows = self.sources.iter().map(|source| {
                let places: Vec<_> = source.places.iter().map(ToString::to_string).collect();
                [source.name.clone(), source.kind.to_string(), source.address.clone(), places.join(", ")]
            });
            let heading = ["source", "kind", "address", "where"].map(str::to_owned);
            let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
            let width = |column: usize| {
                rows.iter().map(|row: &[String; 4]| row[column].chars().count()).max().unwrap_or_default()
            };
            let widths = [width(0), width(1), width(2)];
            for row in &rows {
                for (cell, width) in row.iter().zip(widths) {
                    write!(formatter, "{cell:width$}  ")?;
                }
                writeln!(formatter, "{}", row[3])?;
            }
        }
        self.notes.iter().try_for_each(|note| writeln!(formatter, "note: {note}"))
    }
}
