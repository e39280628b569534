//! Why a text is not PromQL.

use platform_core::yaml;

use super::bare_duration::quoted;
use super::promql_functions::FUNCTIONS;
use super::wrong::Wrong;

/// What the parser says if it has no reason to give.
const NO_REASON: &str = "invalid promql query";

/// The operators, longer ones before those that they begin with.
const OPERATORS: [&str; 16] =
    ["==", "!=", ">=", "<=", ">", "<", "+", "-", "*", "/", "%", "^", "and", "or", "unless", "atan2"];
/// These may also be the sign of what follows.
const SIGNS: [&str; 2] = ["+", "-"];

/// What is wrong with an expression that the parser refuses with this error.
pub(super) fn wrong(expr: &str, error: &str) -> Wrong {
    let reason = error.trim_start_matches(NO_REASON).trim_matches([':', ' ']);
    let reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty()).or_else(|| missing(expr));
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let function =
        error.split("unknown function with name '").nth(1).and_then(|rest| rest.split('\'').next());
    let hint = function.and_then(|name| yaml::hint(name, FUNCTIONS));
    Wrong::error(format!("this is not PromQL{reason}"), hint)
}

/// What is missing beside an operator, or is no operator of PromQL.
fn missing(expr: &str) -> Option<String> {
    const EXPECTED: &str = "a number or an expression is expected";
    let tokens = tokens(expr);
    let nexts = tokens.iter().skip(1).copied().map(Some).chain([None]);
    let before = std::iter::once(None).chain(tokens.iter().copied().map(Some));
    before.zip(tokens.iter().copied()).zip(nexts).find_map(|((before, token), next)| {
        if token == "=" {
            return Some("values are compared by `==`".to_owned());
        }
        if !OPERATORS.contains(&token) {
            return None;
        }
        let is_sign = SIGNS.contains(&token);
        if !is_sign && before.is_none_or(|before| ["(", ","].contains(&before)) {
            return Some(format!("before `{token}` {EXPECTED}"));
        }
        let is_side = |next: &str| {
            !(OPERATORS.contains(&next) || next == "=" || [")", ","].contains(&next)) || SIGNS.contains(&next)
        };
        (!next.is_some_and(is_side)).then(|| format!("after `{token}` {EXPECTED}"))
    })
}

/// The parts of an expression. What is in braces and brackets is left out: it has operators of its own.
fn tokens(expr: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), expr.trim_start());
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' | '`' => quoted(rest, first),
            '{' => enclosed(rest, '}'),
            '[' => enclosed(rest, ']'),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            _ if is_part(first) => rest.find(|next| !is_part(next)).unwrap_or(rest.len()),
            _ => OPERATORS
                .iter()
                .find(|operator| rest.starts_with(**operator))
                .map_or_else(|| first.len_utf8(), |operator| operator.len()),
        };
        let (token, after) = rest.split_at(length);
        if first != '#' {
            tokens.push(token);
        }
        rest = after.trim_start();
    }
    tokens
}

/// The length up to the closing character, or of all there is.
fn enclosed(text: &str, close: char) -> usize {
    let mut at = 1;
    while let Some(next) = text[at..].chars().next() {
        if next == close {
            return at + 1;
        }
        at += if matches!(next, '"' | '\'' | '`') { quoted(&text[at..], next) } else { next.len_utf8() };
    }
    text.len()
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | ':' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_without_a_side_is_named() {
        let expected = |side: &str| Some(format!("{side} a number or an expression is expected"));
        for (expr, side) in [
            ("shop_parcels >> 500", "after `>`"),
            (">> 500", "before `>`"),
            ("sum(shop_parcels) >", "after `>`"),
            ("(shop_parcels / ) > 1", "after `/`"),
            ("shop_parcels and or up", "after `and`"),
            ("max(* 2)", "before `*`"),
        ] {
            assert_eq!(missing(expr), expected(side), "{expr}");
        }
        assert_eq!(missing("shop_parcels = 5"), Some("values are compared by `==`".to_owned()));
    }

    #[test]
    fn whole_expressions_lack_nothing() {
        for expr in [
            "-shop_parcels > -1",
            "sum by (a, b) (rate(shop_orders_total[5m])) / on (a) group_left (b) up >= bool 1",
            r#"shop_parcels{status=~"a>>b", carrier!="}"} # >>"#,
            "max_over_time(shop_parcels[1d:5m] offset -1h) ^ 2",
        ] {
            assert_eq!(missing(expr), None, "{expr}");
        }
    }
}
