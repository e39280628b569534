//! Explains why a text is not YAML.

use serde_saphyr::Error;

use super::Place;

/// What is wrong, and where: `place` is where the parser stopped.
pub(super) fn explained(error: &Error, text: &str, place: Place) -> (Place, String) {
    if let Some(tab) = tab_near(text, place) {
        return (tab, "not valid YAML: found a tab in the indentation, use spaces".to_owned());
    }
    if let Some(braces) = braces_in(text, place) {
        return (braces, "not valid YAML: a text that begins with `{{` needs quotes".to_owned());
    }
    (place, message(error))
}

/// The error without the place at the end of the parser's message: every message already starts with it.
fn message(mut error: &Error) -> String {
    while let Error::AliasError { error: inner, .. } | Error::WithSnippet { error: inner, .. } = error {
        error = inner;
    }
    let own = match error {
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "the value of the anchor `&NAME` contains its own alias `*NAME`: write it out"
        }
        Error::UnknownAnchor { .. } => {
            "there is no anchor `&NAME` before this alias `*NAME`: put strings with `*` in quotes"
        }
        Error::MultipleDocuments { .. } => "expected one document: remove `---` and everything after it",
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "expected a smaller or flatter document: with aliases (`*NAME`) expanded, it has too many values or levels"
        }
        _ => "",
    };
    if !own.is_empty() {
        return own.to_owned();
    }
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default();
    let message = message.split(" at line ").next().unwrap_or(message);
    let message = message.strip_prefix("error: ").unwrap_or(message);
    match message {
        message if message.contains("while parsing a block mapping") => {
            format!("not valid YAML: {message}; does the indentation match the lines above?")
        }
        message if message.contains("while parsing a flow") || message.contains("unexpected character") => {
            format!("not valid YAML: {message}; texts with `: ` or `,` or a special character need quotes")
        }
        message => format!("not valid YAML: {message}"),
    }
}

/// A text without quotes that begins with `{{`, as in `summary: {{ $value }} parcels`, in the line with the error. YAML
/// takes it for a map.
fn braces_in(text: &str, place: Place) -> Option<Place> {
    let line = text.lines().nth(usize::try_from(place.line).ok()?.checked_sub(1)?)?;
    let begins = |at: usize| {
        let before = line[..at].trim_end();
        before.is_empty()
            || (before.len() < at && before.ends_with([':', '-']))
            || before.ends_with(['[', ','])
    };
    let (at, _) = line.match_indices("{{").find(|(at, _)| begins(*at))?;
    Some(Place { column: line[..at].chars().count() as u64 + 1, ..place })
}

/// A tab in the indentation of the line with the error, or of an adjacent line.
fn tab_near(text: &str, place: Place) -> Option<Place> {
    let lines = (1..).zip(text.lines()).skip_while(|(line, _)| *line + 1 < place.line);
    let near = lines.take_while(|(line, _)| *line <= place.line + 1);
    near.into_iter().find_map(|(line, text)| {
        let indentation = text.len() - text.trim_start().len();
        let column = text[..indentation].find('\t')?;
        Some(Place { line, column: column as u64 + 1, ..place })
    })
}
