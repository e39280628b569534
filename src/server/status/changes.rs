//! The recent status changes. Those that many sources had in common, as in an outage of what they share, are one row.

use std::time::{Duration, SystemTime};

use platform_core::setting::SourceName;

use super::text::{join, utc};
use crate::registry::Kind;
use crate::snapshot::{SourceState, Status};

/// How many rows the page shows, over all sources.
const ROWS: usize = 20;
/// Changes alike are one row if this little time is between one and the next: that of the default interval.
const TOGETHER: Duration = Duration::from_secs(15);

/// A status change, or several alike.
pub(super) struct StatusChange {
    /// The time of the last one.
    pub(super) at: String,
    /// The source of the last one.
    pub(super) source: String,
    /// How many other changes are like it.
    pub(super) others: usize,
    pub(super) status: Status,
    pub(super) reasons: String,
}

/// A change, with what those alike have in common.
#[derive(PartialEq)]
struct Alike {
    kind: Kind,
    status: Status,
    reasons: String,
}

/// The last changes, newest first.
pub(super) fn rows(states: &[(SourceName, SourceState)]) -> Vec<StatusChange> {
    let of_source = |(name, state): &'_ (SourceName, SourceState)| {
        let kind = state.kind();
        let change = |change: &crate::snapshot::Change| {
            let alike = Alike { kind, status: change.status, reasons: join(&change.reasons) };
            (change.at, name.to_string(), alike)
        };
        state.history().map(change).collect::<Vec<_>>()
    };
    let mut changes: Vec<_> = states.iter().flat_map(of_source).collect();
    changes.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    together(changes)
}

fn together(changes: Vec<(SystemTime, String, Alike)>) -> Vec<StatusChange> {
    let mut rows: Vec<(SystemTime, Alike, StatusChange)> = Vec::new();
    for (at, source, alike) in changes {
        let is_near = |earliest: SystemTime| earliest.duration_since(at).is_ok_and(|gap| gap <= TOGETHER);
        let known = rows.iter_mut().rev().find(|(earliest, known, _)| *known == alike && is_near(*earliest));
        if let Some((earliest, _, row)) = known {
            *earliest = at;
            row.others += 1;
        } else if rows.len() < ROWS {
            let (status, reasons) = (alike.status, alike.reasons.clone());
            rows.push((at, alike, StatusChange { at: utc(at), source, others: 0, status, reasons }));
        } else {
            break;
        }
    }
    rows.into_iter().map(|(.., row)| row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(seconds: u64, number: usize, status: Status, reasons: &str) -> (SystemTime, String, Alike) {
        let alike = Alike { kind: Kind::ALL[0], status, reasons: reasons.to_owned() };
        (SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), format!("s{number}"), alike)
    }

    #[test]
    fn an_outage_and_its_end_are_a_row_each() {
        let ends = (0..500).map(|number| change(2000 - number as u64 % 15, number, Status::Up, ""));
        let other = change(1995, 9000, Status::Down, "auth");
        let begins =
            (0..500).map(|number| change(1000 - number as u64 % 15, number, Status::Down, "connect"));
        let long_before = change(900, 1, Status::Down, "connect");
        let mut changes: Vec<_> = ends.chain([other]).chain(begins).chain([long_before]).collect();
        changes.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        let rows = together(changes);
        let seen: Vec<_> = rows.iter().map(|row| (row.status, row.reasons.as_str(), row.others)).collect();
        let expected = [
            (Status::Up, "", 499),
            (Status::Down, "auth", 0),
            (Status::Down, "connect", 499),
            (Status::Down, "connect", 0),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn only_the_last_rows_are_kept() {
        let alone =
            (0..100).map(|number| change(10_000 - 20 * number as u64, number, Status::Down, "connect"));
        assert_eq!(together(alone.collect()).len(), ROWS);
    }
}
