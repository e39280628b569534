//! The few strings read from the XML of S3 and STS, regardless of namespaces and nesting.

/// The text of the first element of this name.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(unescape(text.trim()))
}

/// Truncates a string for a label or message: account numbers and regions are much shorter.
pub(super) fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Resolves the five named entities; `&amp;` last, so that its result is not resolved again.
fn unescape(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}
