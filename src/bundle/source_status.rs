//! The status of sources as one number each.

use std::collections::BTreeMap;

use super::last_known::LAST_KNOWN;
use super::panel::{Color, PanelLook, PanelQuery, Series, Word};

/// The status of each source that the matchers select: 3 up, 2 degraded, 1 down, 0 not probed yet, and -1 if there were
/// values in the last hours but none now.
pub(super) fn expr(matchers: &str) -> String {
    let of = |status: &str| {
        let comma = if matchers.is_empty() { "" } else { ", " };
        format!("max by (source, kind) (platform_source_status{{status=\"{status}\"{comma}{matchers}}})")
    };
    let (up, degraded, down) = (of("up"), of("degraded"), of("down"));
    let known =
        format!("max by (source, kind) (last_over_time(platform_source_up{{{matchers}}}[{LAST_KNOWN}]))");
    format!("3 * {up} + 2 * {degraded} + {down} or 0 * {known} - 1")
}

/// The status as a series, with its words.
pub(super) fn series(matchers: &str) -> Series {
    Series {
        name: "{{source}}".to_owned(),
        question: PanelQuery::Promql(expr(matchers)),
        look: PanelLook { words: words(), ..PanelLook::default() },
    }
}

fn words() -> BTreeMap<String, Word> {
    let words = [
        ("3", "UP", Color::Ok),
        ("2", "DEGRADED", Color::Warning),
        ("1", "DOWN", Color::Critical),
        ("0", "NOT PROBED YET", Color::Unknown),
        ("-1", "NO DATA", Color::Unknown),
    ];
    let word =
        |(value, text, color): (&str, &str, _)| (value.to_owned(), Word { text: text.to_owned(), color });
    words.into_iter().map(word).collect()
}
