//! Durations that stand for numbers, as in `age_seconds > 30m`. Only Prometheus 3 takes them.

use promql_parser::util::parse_duration;

use super::wrong::Wrong;

/// A duration in an expression that is neither in brackets nor an offset.
pub(super) fn check(expr: &str) -> Option<Wrong> {
    let (mut depth, mut before, mut rest) = (0_usize, "", expr);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' | '`' => quoted(rest, first),
            _ if is_part(first) => rest.find(|next| !is_part(next)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        match first {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '0'..='9' if depth == 0 && !before.eq_ignore_ascii_case("offset") => {
                // Without a unit, it would be a duration as well.
                if word.ends_with(|last: char| last.is_ascii_alphabetic())
                    && let Ok(duration) = parse_duration(word)
                {
                    return Some(number(word, duration.as_secs_f64()));
                }
            }
            _ => {}
        }
        // An offset may have a sign.
        if is_part(first) {
            before = word;
        }
        rest = after;
    }
    None
}

fn number(word: &str, seconds: f64) -> Wrong {
    Wrong::error(
        format!("before Prometheus 3, `{word}` is no number: durations are for `[…]` and `offset`"),
        Some(format!("write {seconds}, or give a parameter for it the type `number`")),
    )
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | ':' | '.')
}

/// The length of a quoted text with its quotes.
pub(super) fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if character == quote && !is_escaped {
            return at + character.len_utf8();
        }
        is_escaped = character == '\\' && !is_escaped && quote != '`';
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_no_numbers() {
        for expr in [
            "shop_age_seconds[30m]",
            "max_over_time(shop_age_seconds[1d:5m] offset -1h)",
            r#"shop_age_seconds{every="30m"} > 1800"#,
            "shop:age:max5m > 1e3",
            "shop_age_seconds OFFSET 5m > 0x1f",
        ] {
            assert_eq!(check(expr), None, "{expr}");
        }
        let wrong = check("shop_age_seconds > 1h30m").unwrap();
        assert!(wrong.message.contains("`1h30m` is no number"), "{}", wrong.message);
        assert!(wrong.hint.unwrap().contains("write 5400"));
    }
}
