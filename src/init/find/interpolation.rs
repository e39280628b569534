//! `${NAME:-default}` and its relatives, as Compose and shells have them.

/// Why a text has no value. Shows only names in braces: the rest may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InterpolationError {
    #[error("{0} is not set")]
    NotSet(String),
    /// It may be no variable, but a password.
    #[error("a variable is not set; if it is none, write its `$` as `$$`")]
    Plain(String),
    #[error("a `${{` is not closed, or has no name")]
    Form,
}

/// Defaults within defaults, such as `${A:-${B:-c}}`.
const DEEPEST: usize = 8;

/// Replaces variables by their values; `$$` is a `$`.
pub(super) fn interpolate(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<String, InterpolationError> {
    at_depth(text, variable, 0)
}

fn at_depth(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> Result<String, InterpolationError> {
    if depth > DEEPEST {
        return Err(InterpolationError::Form);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        out.push_str(&rest[..start]);
        let after = &rest[start + 1..];
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let end = closing(after).ok_or(InterpolationError::Form)?;
            out.push_str(&reference(&after[..end], variable, depth)?);
            rest = &after[end + 1..];
        } else {
            let name = &after[..name_length(after)];
            if name.is_empty() {
                out.push('$');
            } else {
                out.push_str(&variable(name).ok_or_else(|| InterpolationError::Plain(name.to_owned()))?);
            }
            rest = &after[name.len()..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Where the brace is that closes the one before this text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1;
    let mut before = '\0';
    for (at, character) in text.char_indices() {
        match character {
            '{' if before == '$' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
        before = character;
    }
    None
}

fn reference(
    text: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> Result<String, InterpolationError> {
    let (name, operation) = text.split_at(name_length(text));
    if name.is_empty() {
        return Err(InterpolationError::Form);
    }
    let value = variable(name);
    let is_filled = value.as_ref().is_some_and(|value| !value.is_empty());
    let not_set = || InterpolationError::NotSet(name.to_owned());
    let nested = |text: &str| at_depth(text, variable, depth + 1);
    let (operator, argument) = match operation.strip_prefix(':') {
        Some(operation) => (operation.chars().next(), operation.get(1..).unwrap_or_default()),
        None => (operation.chars().next(), operation.get(1..).unwrap_or_default()),
    };
    let is_there = if operation.starts_with(':') { is_filled } else { value.is_some() };
    match operator {
        None if operation.is_empty() => value.ok_or_else(not_set),
        Some('-') if !is_there => nested(argument),
        Some('?') if !is_there => Err(not_set()),
        Some('-' | '?') => value.ok_or_else(not_set),
        Some('+') => {
            if is_there {
                nested(argument)
            } else {
                Ok(String::new())
            }
        }
        _ => Err(InterpolationError::Form),
    }
}

fn name_length(text: &str) -> usize {
    let is_part = |(at, character): &(usize, char)| {
        character.is_ascii_alphabetic() || *character == '_' || (*at > 0 && character.is_ascii_digit())
    };
    text.char_indices().take_while(is_part).count()
}
