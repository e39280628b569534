//! A variable as a file sets it.

use super::interpolation::{InterpolationError, interpolate};
use super::origin::Origin;
use super::scope::{ScopeValue, ScopeVariable, UNKNOWN};
use super::service::concerns_service;

/// A variable whose value may name others. A note has those that are not set; what is known nevertheless, such as the host
/// of a URL whose password is missing, is kept.
pub(super) fn assigned(
    name: &str,
    raw: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    origin: Origin,
    notes: &mut Vec<String>,
) -> Option<ScopeVariable> {
    let error = match interpolate(raw, variable) {
        Ok(value) => return Some(ScopeVariable::new(&value, origin)),
        Err(error) => error,
    };
    if concerns_service(name) {
        notes.push(format!("{origin}: {name} has no value: {error}"));
    }
    let (InterpolationError::NotSet(missing) | InterpolationError::Plain(missing)) = error else {
        return None;
    };
    let value = if is_reference(raw, &missing) {
        ScopeValue::Elsewhere(format!("variable {missing}"))
    } else {
        let known_or_not = |name: &str| Some(variable(name).unwrap_or_else(|| UNKNOWN.to_owned()));
        ScopeValue::Partly(interpolate(raw, &known_or_not).ok()?.into())
    };
    Some(ScopeVariable { value, origin, is_own: true })
}

/// Whether a text is nothing but a variable: `$NAME`, `${NAME}` or `${NAME:?why}`.
fn is_reference(text: &str, name: &str) -> bool {
    let inner = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
    let rest = match inner {
        Some(inner) => inner.strip_prefix(name).filter(|_| !inner.contains("${")),
        None => {
            text.strip_prefix('$').and_then(|text| text.strip_prefix(name)).filter(|rest| rest.is_empty())
        }
    };
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '?']))
}
