//! Names as written in SQL.

use std::fmt;

/// The name of a table or column as written in SQL: `users`, `app.users`, `"userId"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct SqlName(String);

/// Why a name was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an SQL name, such as users, app.users or '\"userId\"'")]
pub struct SqlNameError;

impl SqlName {
    /// Whether a text is such a name.
    pub fn is_valid(text: &str) -> bool {
        text.split('.').all(|part| is_plain(part) || is_quoted(part))
    }
}

fn is_plain(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Without characters that could end the text around it.
fn is_quoted(part: &str) -> bool {
    let inner = part.strip_prefix('"').and_then(|part| part.strip_suffix('"')).unwrap_or_default();
    !inner.is_empty() && !inner.contains(['\'', '"', '`', '\\']) && !inner.chars().any(char::is_control)
}

impl TryFrom<String> for SqlName {
    type Error = SqlNameError;

    fn try_from(name: String) -> Result<Self, SqlNameError> {
        if Self::is_valid(&name) { Ok(Self(name)) } else { Err(SqlNameError) }
    }
}

impl fmt::Display for SqlName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
