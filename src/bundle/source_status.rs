//! The status of sources as one number each.

use std::collections::BTreeMap;

use platform_core::setting::Duration;
use serde_json::{Value, json};

use super::field;
use super::last_known::LAST_KNOWN;
use super::look::{Color, PanelLink, PanelLook, Word};
use super::panel::{PanelQuery, Series};
use super::target::{self, Form};

/// Where there is no data of any source: not a status.
const NOT_RECORDED: &str = "-2";

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

/// The status of each source that was not up all the time, with its words: of a hundred sources, those that matter.
pub(super) fn troubled(matchers: &str, over: Duration) -> Series {
    let comma = if matchers.is_empty() { "" } else { ", " };
    let up = format!("platform_source_status{{status=\"up\"{comma}{matchers}}}");
    let worst = format!("min_over_time({up}[{}s] @ end())", over.get().as_secs());
    // Grafana has no text of its own for a timeline without rows. Nor has it one for a time without points, such as the one
    // before Prometheus was started.
    let recorded = format!("platform_source_up{{{matchers}}}");
    let all = format!(
        "label_replace(3 * group({recorded}) or {NOT_RECORDED} * group(absent({recorded})), \"source\", \"every source\", \"\", \"\")"
    );
    series(format!(
        "({}) and on (source, kind) ({worst} < 1) or {all} unless on () ({worst} < 1)",
        expr(matchers)
    ))
}

fn series(expr: String) -> Series {
    Series {
        name: "{{source}}".to_owned(),
        question: PanelQuery::Promql(expr),
        look: PanelLook { words: words(), ..PanelLook::default() },
    }
}

/// A panel of this width with a card for each source, linked to the dashboard of its kind.
pub(super) fn cards(matchers: &str, cards: usize, width: u16) -> Value {
    let (title_size, value_size) = text_sizes(cards, width);
    let mut series = series(expr(matchers));
    series.look.fills_card = true;
    let mut defaults = field::config(&series.look, "NO DATA");
    defaults.insert("links".to_owned(), field::link(&PanelLink::Kind));
    json!({
        "type": "stat",
        "targets": [target::question("A", &series.question, &series.look, "{{source}}", Form::Now)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "colorMode": "background_solid",
            "graphMode": "none",
            "justifyMode": "center",
            "orientation": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            "showPercentChange": false,
            // By default, Grafana makes the names of many sources too small to read.
            "text": {"titleSize": title_size, "valueSize": value_size},
            "textMode": "value_and_name",
            "wideLayout": false,
        },
    })
}

/// More lines of cards than this would push everything else off the screen.
const MOST_LINES: usize = 8;

/// How many cards a line of a panel has: on a screen of 1280 pixels, one of 1.65 columns has room for `DEGRADED`.
fn in_a_line(width: u16) -> usize {
    usize::from(width * 20 / 33).max(1)
}

/// The sizes of a card's name and status, in pixels: what fits the cards of a screen of 1280 pixels.
fn text_sizes(cards: usize, width: u16) -> (u8, u8) {
    match usize::from(width) * 2 / cards.clamp(1, in_a_line(width)) {
        8.. => (16, 24),
        5.. => (14, 14),
        _ => (12, 12),
    }
}

/// The height of a panel of this width with so many cards: Grafana makes cards as square as it can, and so narrower
/// than their text if the panel is not high enough.
pub(super) fn height(cards: usize, width: u16) -> u16 {
    let lines = cards.div_ceil(in_a_line(width)).clamp(1, MOST_LINES);
    // A name of three lines and the status take 2.1 rows of the dashboard's grid, and the panel's header one.
    u16::try_from((lines * 21 + 10).div_ceil(10)).unwrap_or(u16::MAX)
}

fn words() -> BTreeMap<String, Word> {
    let words = [
        ("3", "UP", Color::Ok),
        ("2", "DEGRADED", Color::Warning),
        ("1", "DOWN", Color::Critical),
        ("0", "NOT PROBED YET", Color::Unknown),
        ("-1", "NO DATA", Color::Unknown),
        (NOT_RECORDED, "NOT RECORDED", Color::Gray),
    ];
    let word =
        |(value, text, color): (&str, &str, _)| (value.to_owned(), Word { text: text.to_owned(), color });
    words.into_iter().map(word).collect()
}
