//! `${NAME}` and `${NAME:-default}` in the strings of a document.

use super::expanded::{Expanded, VariableUse};

/// Why a text with variables was rejected. Contains only names: the rest may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum VariableError {
    #[error("expected `}}` after `${{NAME`")]
    Open,
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    #[error("expected `${{NAME}}` or `${{NAME:-default}}`")]
    Form,
    #[error("a default cannot contain another variable: `${{{0}:-…}}`")]
    Nested(String),
}

impl VariableError {
    /// How to fix it.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::NotSet(name) => {
                Some(format!("write `${{{name}:-default}}` to set a default, or `$${{` for a literal `${{`"))
            }
            Self::Form => Some("write `$${` for a literal `${`".to_owned()),
            Self::Open | Self::Nested(_) => None,
        }
    }
}

/// Replaces each `${NAME}` by its variable, and `${NAME:-default}` by the default if the variable is not set or empty;
/// `$${` is a literal `${`.
pub(super) fn expand(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Expanded, VariableError> {
    let mut out = String::with_capacity(text.len());
    let mut variables = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = (&rest[..start], &rest[start + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (reference, after) = after.split_once('}').ok_or(VariableError::Open)?;
        let (value, name) = value(reference, variable)?;
        let start = out.len();
        out.push_str(&value);
        variables.extend(name.map(|name| VariableUse { name: name.to_owned(), at: start..out.len() }));
        rest = after;
    }
    out.push_str(rest);
    Ok(Expanded { text: out, variables })
}

/// The value, and the name of the variable unless it is the default.
fn value<'a>(
    reference: &'a str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, Option<&'a str>), VariableError> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    if !is_name(name) {
        return Err(VariableError::Form);
    }
    match (variable(name), default) {
        (_, Some(default)) if default.contains("${") => Err(VariableError::Nested(name.to_owned())),
        (Some(value), Some(_)) if !value.is_empty() => Ok((value, Some(name))),
        (_, Some(default)) => Ok((default.to_owned(), None)),
        (Some(value), None) => Ok((value, Some(name))),
        (None, None) => Err(VariableError::NotSet(name.to_owned())),
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
