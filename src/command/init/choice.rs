//! What a person leaves out of what is proposed.

use std::io::{self, BufRead, IsTerminal, Write};

/// Whether one of these names a proposal: its recipe, its table, or both.
pub(super) fn is_left_out(without: &[String], id: &str) -> bool {
    let (recipe, subject) = id.trim_end_matches(')').split_once('(').unwrap_or((id, ""));
    let tables = subject.split_once('.').map_or(subject, |(table, _)| table);
    let is_named =
        |name: &str| name == recipe || name == subject || tables.split(',').any(|table| name == table);
    without.iter().any(|name| name == id || is_named(name))
}

/// Lets a person at the terminal leave out some of these by their numbers or names. Without a terminal, none.
pub(super) fn leave_out(ids: &[String]) -> io::Result<Vec<&str>> {
    if !io::stdin().is_terminal() {
        return Ok(Vec::new());
    }
    loop {
        eprint!("Numbers to leave out, such as `2 4-6` (Enter for none): ");
        io::stderr().flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        match chosen(&line, ids) {
            Ok(chosen) => return Ok(chosen),
            Err(word) => eprintln!("`{word}` is no number, range or name of a proposal"),
        }
    }
}

/// The proposals that a line names, by their number, a range of numbers, or as [`is_left_out`]. The word that names none.
fn chosen<'l, 'i>(line: &'l str, ids: &'i [String]) -> Result<Vec<&'i str>, &'l str> {
    let mut chosen = Vec::new();
    for word in line.split([' ', ',']).map(str::trim).filter(|word| !word.is_empty()) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let named: Vec<_> = match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), Ok(last)) if first > 0 => {
                ids.iter().take(last).skip(first - 1).filter(|_| last <= ids.len()).collect()
            }
            _ => ids.iter().filter(|id| is_left_out(&[word.to_owned()], id)).collect(),
        };
        if named.is_empty() {
            return Err(word);
        }
        chosen.extend(named.into_iter().map(String::as_str));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_tables_and_proposals_are_left_out_by_name() {
        let without = |name: &str| is_left_out(&[name.to_owned()], "growth(orders)");
        assert!(without("growth") && without("orders") && without("growth(orders)"));
        assert!(is_left_out(&["orders".to_owned()], "states(orders.status)"));
        assert!(!without("order") && !without("states") && !without("growth(users)"));
    }

    #[test]
    fn a_line_names_proposals_by_numbers_ranges_and_names() {
        let ids = ["growth(a)", "growth(b)", "states(a.s)", "money(c)"].map(str::to_owned);
        assert_eq!(chosen("", &ids), Ok(vec![]));
        assert_eq!(chosen("1 3-4\n", &ids), Ok(vec!["growth(a)", "states(a.s)", "money(c)"]));
        assert_eq!(chosen("growth, c", &ids), Ok(vec!["growth(a)", "growth(b)", "money(c)"]));
        assert_eq!(chosen("1 5", &ids), Err("5"));
        assert_eq!(chosen("2-9", &ids), Err("2-9"));
        assert_eq!(chosen("0 nothing", &ids), Err("0"));
    }
}
