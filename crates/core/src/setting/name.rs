//! The name of a source: the value of its `source` label.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The name of a source in a configuration: letters, digits, `_`, `-` and `.`, at most 63.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct SourceName(Arc<str>);

/// Why a name was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 63 letters, digits, `_`, `-` or `.`, found `{0}`")]
pub struct SourceNameError(String);

impl TryFrom<String> for SourceName {
    type Error = SourceNameError;

    fn try_from(name: String) -> Result<Self, SourceNameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if (1..=63).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err(SourceNameError(name))
        }
    }
}

impl SourceName {
    /// As shared text, for label values.
    pub fn as_arc(&self) -> &Arc<str> {
        &self.0
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SourceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
