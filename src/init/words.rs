//! Names of tables and columns as the words that they are made of.

/// A name in lower case with underscores: `orderItems`, `OrderItems` and `order-items` are `order_items`. What is no
/// ASCII letter or digit separates words.
pub fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut previous = ' ';
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let ends_acronym = previous.is_ascii_uppercase() && rest.peek().is_some_and(char::is_ascii_lowercase);
        let begins = c.is_ascii_uppercase()
            && (previous.is_ascii_lowercase() || previous.is_ascii_digit() || ends_acronym);
        if (begins || !c.is_ascii_alphanumeric()) && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        if c.is_ascii_alphanumeric() {
            snake.push(c.to_ascii_lowercase());
        }
        previous = c;
    }
    snake.trim_end_matches('_').to_owned()
}

/// Words of other languages, by what they are in English.
const FOREIGN_WORDS: &str = include_str!("foreign_words.txt");

/// A name or value in English, in snake case: `bestellung_status` is `order_status`. What is in no list stays.
pub(super) fn in_english(name: &str) -> String {
    let name = snake(name);
    english(&name).map_or_else(
        || name.split('_').map(|word| english(word).unwrap_or(word)).collect::<Vec<_>>().join("_"),
        str::to_owned,
    )
}

fn english(word: &str) -> Option<&'static str> {
    let lines = FOREIGN_WORDS.lines().filter(|line| !line.starts_with('#'));
    let mut lines = lines.filter_map(|line| line.split_once(": "));
    lines.find(|(_, foreign)| foreign.split(' ').any(|listed| listed == word)).map(|(english, _)| english)
}

/// Its words, the first in upper case: `Order items`.
pub(super) fn title(name: &str) -> String {
    let words = snake(name).replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// Its words without spaces, each in upper case: `OrderItems`.
pub(super) fn camel(name: &str) -> String {
    snake(name).split('_').map(title).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_any_convention() {
        for name in
            ["orderItems", "OrderItems", "order-items", "order_items", "ORDER_ITEMS", " order  items "]
        {
            assert_eq!(snake(name), "order_items", "{name}");
            assert_eq!(title(name), "Order items", "{name}");
            assert_eq!(camel(name), "OrderItems", "{name}");
        }
        assert_eq!(snake("userID"), "user_id");
        assert_eq!(snake("HTTPRequests2xx"), "http_requests2xx");
        assert_eq!(snake("日本"), "");
    }

    #[test]
    fn names_of_other_languages_are_what_they_are_in_english() {
        for (name, expected) in [
            ("Bestellungen", "orders"),
            ("erstellt_am", "created_at"),
            ("fechaCreacion", "created_at"),
            ("bestellung_status", "order_status"),
            ("en_attente", "pending"),
            ("orderStatus", "order_status"),
        ] {
            assert_eq!(in_english(name), expected, "{name}");
        }
    }
}
