//! What a person leaves out of what is proposed.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::init::Proposal;

/// Whether one of these names a proposal: its recipe, its table, or both.
pub(super) fn is_left_out(without: &[String], id: &str) -> bool {
    let (recipe, subject) = id.trim_end_matches(')').split_once('(').unwrap_or((id, ""));
    let tables = subject.split_once('.').map_or(subject, |(table, _)| table);
    let is_named =
        |name: &str| name == recipe || name == subject || tables.split(',').any(|table| name == table);
    without.iter().any(|name| name == id || is_named(name))
}

/// Lets a person at the terminal leave out proposals by their numbers. Without a terminal, all stay.
pub(super) fn leave_out<'a>(lists: impl Iterator<Item = &'a mut Vec<Proposal>>) -> io::Result<()> {
    if !io::stdin().is_terminal() {
        return Ok(());
    }
    eprint!("Numbers to leave out, separated by spaces (Enter for none): ");
    io::stderr().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let numbers: Vec<usize> = numbers(&line);
    let mut number = 0;
    for list in lists {
        list.retain(|_| {
            number += 1;
            !numbers.contains(&number)
        });
    }
    Ok(())
}

fn numbers(line: &str) -> Vec<usize> {
    line.split([' ', ',']).filter_map(|number| number.trim().parse().ok()).collect()
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
}
