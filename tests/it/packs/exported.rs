//! What a pack exports, beside what it should; and what `check --live` says of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use testkit::exporter::{Exporter, binary};
use testkit::wait::PAUSE;

/// Series with their values.
pub(super) type Values = BTreeMap<String, f64>;

/// The series of a pack, as they stand in an exposition.
pub(super) fn of_pack(exposition: &str, pack: &str) -> Values {
    let prefix = format!("{pack}_");
    let lines = exposition.lines().filter(|line| line.starts_with(&prefix));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect()
}

/// The same without the label `source`, and with the other labels in their order.
pub(super) fn without_source(values: Values) -> Values {
    let bare = |(series, value): (String, f64)| {
        let (name, labels) = series.split_once('{').unwrap();
        let mut labels: Vec<_> = labels.trim_end_matches('}').split(',').collect();
        labels.retain(|label| !label.starts_with("source="));
        labels.sort_unstable();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        (format!("{name}{labels}"), value)
    };
    values.into_iter().map(bare).collect()
}

/// Waits until the exporter shows these values and no others. `read` takes them from its exposition.
pub(super) async fn shows(
    exporter: &Exporter,
    read: impl Fn(&str) -> Values,
    expected: &Values,
    tolerance: f64,
    patience: Duration,
) {
    let deadline = Instant::now() + patience;
    loop {
        let differences = differences(&read(&exporter.get("/metrics").await), expected, tolerance);
        if differences.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "{}\n{}", differences.join("\n"), exporter.log());
        tokio::time::sleep(PAUSE).await;
    }
}

/// Each series that is not in both with the same value; `tolerance` is relative to values above 1.
pub(super) fn differences(found: &Values, expected: &Values, tolerance: f64) -> Vec<String> {
    let same = |a: f64, b: f64| (a - b).abs() <= tolerance * a.abs().max(1.0);
    let wrong = expected.iter().filter_map(|(series, value)| match found.get(series) {
        None => Some(format!("{series} is missing, expected {value}")),
        Some(found) if same(*found, *value) => None,
        Some(found) => Some(format!("{series} is {found}, expected {value}")),
    });
    let more = found.iter().filter(|(series, _)| !expected.contains_key(*series));
    wrong.chain(more.map(|(series, value)| format!("{series} is {value}, expected none"))).collect()
}

/// Whether `check --live` finds a configuration good, and all that it says.
pub(crate) fn check_live(directory: &Path, config: &str) -> (bool, String) {
    let file = directory.join("platform.yml");
    std::fs::write(&file, config).unwrap();
    let mut check = Command::new(binary());
    let Output { status, stdout, stderr } =
        check.args(["check", "--live", "--config.file"]).arg(&file).output().unwrap();
    (status.success(), [stdout, stderr].map(|text| String::from_utf8(text).unwrap()).concat())
}
