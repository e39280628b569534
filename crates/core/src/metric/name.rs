//! Names that every parser of the exposition formats accepts.

use std::fmt;

/// Why a name was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A character outside the classic set.
    #[error("expected a {what} of the form {pattern}, found `{name}`")]
    Syntax {
        /// Metric name or label name.
        what: &'static str,
        /// The pattern that it has to match.
        pattern: &'static str,
        /// The name that was given.
        name: String,
    },
    /// A label name that Prometheus or this exporter sets itself.
    #[error("the label `{0}` is reserved: choose another name")]
    Reserved(String),
    /// A prefix that belongs to Prometheus or to the process itself.
    #[error("names that start with `{0}` are reserved: choose another prefix")]
    ReservedPrefix(&'static str),
}

/// A metric name in the classic character set, without colons: those are for recording rules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct MetricName(String);

/// A label name that neither Prometheus nor the exporter sets itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct LabelName(String);

const RESERVED_PREFIXES: [&str; 3] = ["scrape_", "process_", "platform_"];
/// `le` and `quantile` belong to histograms; `source` is set by the exporter; `job` and `instance` by Prometheus.
const RESERVED_LABELS: [&str; 5] = ["le", "quantile", "source", "job", "instance"];

fn is_classic(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl TryFrom<String> for MetricName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        if !is_classic(&name) {
            return Err(NameError::Syntax { what: "metric name", pattern: "[a-zA-Z_][a-zA-Z0-9_]*", name });
        }
        if let Some(prefix) = RESERVED_PREFIXES.into_iter().find(|prefix| name.starts_with(prefix)) {
            return Err(NameError::ReservedPrefix(prefix));
        }
        Ok(Self(name))
    }
}

impl TryFrom<String> for LabelName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        if !is_classic(&name) {
            return Err(NameError::Syntax { what: "label name", pattern: "[a-zA-Z_][a-zA-Z0-9_]*", name });
        }
        if name.starts_with("__") || RESERVED_LABELS.contains(&name.as_str()) {
            return Err(NameError::Reserved(name));
        }
        Ok(Self(name))
    }
}

impl LabelName {
    /// A name in a kind's own rules, which may export the series of another exporter's histogram or summary.
    pub(crate) fn of_kind(name: &str) -> Option<Self> {
        match name {
            "le" | "quantile" => Some(Self(name.to_owned())),
            name => Self::try_from(name.to_owned()).ok(),
        }
    }
}

impl AsRef<str> for MetricName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for LabelName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for LabelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
