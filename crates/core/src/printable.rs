//! Text from elsewhere, for the terminal and the log.

/// The same text on one line, unable to control a terminal: each control character is a space.
pub fn printable(text: impl Into<String>) -> String {
    let text = text.into();
    match text.contains(char::is_control) {
        true => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        false => text,
    }
}
