//! Label values of bounded length: otherwise anyone who can write to a column could make a scrape arbitrarily large.

use std::borrow::Cow;

use ring::digest::{SHA256, digest};

/// Longer values are cut to this many characters.
pub const LONGEST_LABEL: usize = 256;

/// The value of a label as exported. A value that is cut ends in `…` and eight digits that distinguish it from other
/// values with the same prefix.
pub fn label_value(text: &str) -> Cow<'_, str> {
    // A character is at least one byte.
    if text.len() <= LONGEST_LABEL || text.chars().nth(LONGEST_LABEL).is_none() {
        return Cow::Borrowed(text);
    }
    let hash = digest(&SHA256, text.as_bytes());
    let [a, b, c, d, ..] = hash.as_ref() else { return Cow::Borrowed("") };
    let mark = format!("…{a:02x}{b:02x}{c:02x}{d:02x}");
    let kept = LONGEST_LABEL - mark.chars().count();
    let end = text.char_indices().nth(kept).map_or(text.len(), |(end, _)| end);
    Cow::Owned(format!("{}{mark}", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_and_stay_apart() {
        let fits = "ä".repeat(LONGEST_LABEL);
        assert_eq!(label_value(&fits), fits);
        let (one, other) = (format!("{fits}1"), format!("{fits}2"));
        let (one, other) = (label_value(&one), label_value(&other));
        assert_eq!((one.chars().count(), other.chars().count()), (LONGEST_LABEL, LONGEST_LABEL));
        assert_ne!(one, other);
        assert!(one.starts_with("ääää") && one.contains('…'), "{one}");
        assert_eq!(label_value(&one), one, "a cut value is not cut again");
    }
}
