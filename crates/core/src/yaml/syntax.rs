//! Mistakes in YAML that the parser does not name.

use super::Place;

/// What is wrong near the place where the parser stopped, if it is a common mistake, and where it is.
pub(super) fn mistake(text: &str, place: Place) -> Option<(Place, String)> {
    let tab = || tab_near(text, place).map(|at| (at, "found a tab in the indentation, use spaces"));
    let braces = || braces_in(text, place).map(|at| (at, "a text that begins with `{{` needs quotes"));
    let (at, what) = tab().or_else(braces)?;
    Some((at, format!("not valid YAML: {what}")))
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
