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
}
