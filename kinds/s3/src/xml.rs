//! The few texts that are read from the XML of S3 and STS, whatever their namespaces and surroundings.

/// The text of the first element of this name.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(unescape(text.trim()))
}

/// The beginning of a text that becomes a label or part of a sentence: account numbers and regions are much shorter.
pub(super) fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Resolves the five named entities; `&amp;` comes last, for what it gives is not to be resolved again.
fn unescape(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}
