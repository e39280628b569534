//! Whether dashboards can be read on a screen of 1280 pixels: Grafana cuts titles that do not fit into their cards, and
//! draws sparklines behind values.

use platform_exporter::bundle;
use platform_exporter::config::{self, Surroundings};
use serde_json::Value;

/// The width of the letters of a title in Grafana's font, rounded to half pixels: Inter, 14 pixels, medium.
const LETTERS: [(&str, f64); 18] = [
    ("ijl", 3.5),
    (" I", 4.0),
    ("!',.:;t", 4.5),
    ("`f|", 5.0),
    ("()/[]r", 5.5),
    ("1", 6.0),
    ("-_{}", 6.5),
    ("\"^", 7.0),
    ("*?s", 7.5),
    ("JLackvxyz", 8.0),
    ("7EFehnou", 8.5),
    ("0235689#$PRSZbdgpq", 9.0),
    ("4&+<=>BT~", 9.5),
    ("DKXY", 10.0),
    ("ACGHNUV", 10.5),
    ("OQ", 11.0),
    ("w", 12.0),
    ("mM", 13.0),
];
/// Those of all others, as of `W` and `%`.
const WIDEST: f64 = 14.5;

/// The width of a column with its gap on a screen of 1280 pixels.
const COLUMN: f64 = 52.6;
/// What the gap, the margins and the sign for the description take.
const TAKEN: f64 = 83.0;
/// What the time range of a panel takes that has its own.
const RANGE: f64 = 115.0;

fn width(title: &str) -> f64 {
    let of = |letter: char| LETTERS.iter().find(|(letters, _)| letters.contains(letter));
    title.chars().map(|letter| of(letter).map_or(WIDEST, |(_, width)| *width)).sum()
}

/// What is left for a title.
fn room(panel: &Value) -> f64 {
    let columns = panel["gridPos"]["w"].as_f64().unwrap();
    let shows_range = panel.get("timeFrom").is_some() && panel["hideTimeOverride"] != true;
    columns * COLUMN - TAKEN - if shows_range { RANGE } else { 0.0 }
}

/// Calls a check with every panel of every dashboard, and with the path of the dashboard's file.
fn each_panel(mut check: impl FnMut(&str, &Value)) {
    for file in bundle::render(None).unwrap_or_else(|faults| panic!("{faults}")) {
        if !file.path.ends_with(".json") {
            continue;
        }
        let dashboard: Value = serde_json::from_str(&file.text).unwrap();
        let top = dashboard["panels"].as_array().unwrap();
        let nested = top.iter().filter_map(|row| row["panels"].as_array()).flatten();
        let panels = top.iter().filter(|panel| panel["type"] != "row").chain(nested);
        panels.for_each(|panel| check(&file.path, panel));
    }
}

#[test]
fn every_title_fits() {
    let (mut seen, mut cut) = (0, Vec::new());
    each_panel(|path, panel| {
        let title = panel["title"].as_str().unwrap().replace("$window", "30d");
        seen += 1;
        if width(&title) > room(panel) {
            cut.push(format!("{path}: {title}: {:.0} of {:.0} pixels", width(&title), room(panel)));
        }
    });
    assert!(seen > 300, "{seen}");
    assert_eq!(cut, Vec::<String>::new());
}

/// Grafana gives a sparkline what the lines of title and value leave of the height; the value is in the middle.
#[test]
fn a_sparkline_is_below_the_value() {
    let mut seen = 0;
    each_panel(|path, panel| {
        let options = &panel["options"];
        if options["graphMode"] != "area" || options["textMode"] != "value" {
            return;
        }
        seen += 1;
        let height = 38.0 * panel["gridPos"]["h"].as_f64().unwrap() - 42.0;
        let lines = |size: &Value| 1.2 * size.as_f64().unwrap();
        let (title, value) = (lines(&options["text"]["titleSize"]), lines(&options["text"]["valueSize"]));
        let sparkline = height - title - value;
        let title = &panel["title"];
        assert!(sparkline > 20.0, "{path}: {title}: {sparkline}");
        assert!(sparkline < (height - value) / 2.0, "{path}: {title}: {sparkline} of {height}");
    });
    assert!(seen > 40, "{seen}");
}

/// The panel of 20 columns that has a card for each source is as high as they need.
#[test]
fn many_sources_have_room_for_their_status() {
    let height = |sources: usize| {
        let source = |number: usize| format!("  cache-{number}: {{redis: {{url: \"redis://localhost\"}}}}\n");
        let config = format!("sources:\n{}", (0..sources).map(source).collect::<String>());
        let no_file = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let surroundings = Surroundings { variable: &|_| None, file: &no_file };
        let config = config::load(&config, "platform.yml", surroundings);
        let files = bundle::render(Some(&config.unwrap_or_else(|faults| panic!("{faults}"))));
        let files = files.unwrap_or_else(|faults| panic!("{faults}"));
        let file = files.iter().find(|file| file.path == "grafana/dashboards/overview.json").unwrap();
        let overview: Value = serde_json::from_str(&file.text).unwrap();
        let panels = overview["panels"].as_array().unwrap();
        let cards = panels.iter().find(|panel| panel["title"] == "Sources").unwrap();
        assert_eq!(cards["gridPos"]["w"], 20);
        cards["gridPos"]["h"].as_u64().unwrap()
    };
    assert_eq!([1, 24, 25, 36, 37, 1000].map(height), [6, 6, 8, 8, 10, 18]);
}
