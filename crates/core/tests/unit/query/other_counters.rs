//! Counters under `other`: rates over all series give what was counted, whichever series come and go.

use std::collections::BTreeMap;

use platform_core::query::{Cell, Reading};
use proptest::array::uniform6;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{reading, rows, text};

/// The totals of some counters at one time.
type Totals = BTreeMap<&'static str, u32>;

fn commands() -> Reading {
    reading(
        "{name: commands, source: db, sql: SELECT 1, labels: [cmd], max_series: 3, metrics: [
          {name: acme_calls_total, type: counter, value: n, help: N.},
          {name: acme_calls, type: unknown, value: n, help: N.},
          {name: acme_open, value: n, help: N.}]}",
    )
}

/// The series of a metric after a run.
fn run(reading: &mut Reading, totals: &Totals, metric: &str) -> BTreeMap<String, f64> {
    let table: Vec<Vec<Cell>> =
        totals.iter().map(|(cmd, n)| vec![text(cmd), Cell::Number(f64::from(*n))]).collect();
    let table: Vec<&[Cell]> = table.iter().map(Vec::as_slice).collect();
    let result = reading.read(rows(&["cmd", "n"], &table)).unwrap();
    let family = result.families.iter().find(|family| family.desc.name == metric);
    let samples = family.into_iter().flat_map(|family| &family.samples);
    samples.map(|sample| (sample.labels[0].clone(), sample.value)).collect()
}

fn totals(totals: &[(&'static str, u32)]) -> Totals {
    totals.iter().copied().collect()
}

#[test]
fn the_line_of_other_counts_what_is_added_and_never_falls() {
    for metric in ["acme_calls_total", "acme_calls"] {
        let mut commands = commands();
        let mut other = |counts: &[(&'static str, u32)]| {
            run(&mut commands, &totals(counts), metric).get("other").copied()
        };
        assert_eq!(other(&[("get", 9000), ("set", 8000), ("del", 500), ("ttl", 400)]), Some(0.0));
        assert_eq!(other(&[("get", 9100), ("set", 8000), ("del", 510), ("ttl", 403)]), Some(13.0));
        // One takes a place of its own, and another leaves it: their totals do not move.
        assert_eq!(other(&[("get", 9200), ("set", 8000), ("del", 20_000), ("ttl", 404)]), Some(19_504.0));
        assert_eq!(other(&[("get", 9200), ("set", 8007), ("del", 21_000), ("ttl", 404)]), Some(19_511.0));
        // One that has restarted, and a new one, have counted from zero.
        assert_eq!(
            other(&[("get", 9200), ("set", 5), ("del", 21_000), ("ttl", 404), ("new", 2)]),
            Some(19_518.0)
        );
        // One without a row has added nothing.
        assert_eq!(other(&[("get", 9200), ("set", 5), ("del", 21_000), ("new", 2)]), Some(19_518.0));
        // With a place for each, there is no such line. Later it goes on.
        assert_eq!(other(&[("get", 9200), ("set", 9)]), None);
        assert_eq!(other(&[("get", 9200), ("del", 9300), ("set", 9100), ("x", 3)]), Some(28_825.0));
    }
}

#[test]
fn a_label_set_that_had_no_row_goes_on_where_it_was() {
    let mut commands = commands();
    let mut other = |counts: &[(&'static str, u32)]| {
        run(&mut commands, &totals(counts), "acme_calls_total").get("other").copied()
    };
    let first = [("get", 9000), ("set", 8000), ("del", 7000), ("rare", 500)];
    assert_eq!(other(&[]), None);
    assert_eq!(other(&first), Some(0.0), "a first run with rows is the one to start from");
    other(&[]);
    other(&first[..3]);
    assert_eq!(other(&[("get", 9000), ("set", 8000), ("del", 7000), ("rare", 503)]), Some(3.0));
}

#[test]
fn gauges_under_other_are_summed() {
    let open = run(&mut commands(), &totals(&[("a", 9), ("b", 8), ("c", 2), ("d", 1)]), "acme_open");
    assert_eq!(open.get("other"), Some(&3.0));
}

/// What Prometheus would show for a series: the first sample counts for nothing, and a fall is a restart.
fn increase(samples: &[Option<f64>]) -> f64 {
    let pairs = samples.windows(2).filter_map(|pair| Some((pair[0]?, pair[1]?)));
    pairs.map(|(before, now)| if now >= before { now - before } else { now }).sum()
}

const COMMANDS: [&str; 6] = ["del", "get", "other", "set", "ttl", "xadd"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// All that was counted is in some series, but for what a new one had counted before its first sample.
    #[test]
    fn rates_add_up(steps in vec(uniform6(0_u32..1000), 2..20)) {
        let mut commands = commands();
        let mut now = Totals::new();
        let runs: Vec<_> = steps
            .iter()
            .map(|step| {
                for (cmd, added) in COMMANDS.iter().zip(step) {
                    *now.entry(cmd).or_default() += added;
                }
                run(&mut commands, &now, "acme_calls_total")
            })
            .collect();
        let shown: f64 = COMMANDS
            .iter()
            .map(|cmd| increase(&runs.iter().map(|run| run.get(*cmd).copied()).collect::<Vec<_>>()))
            .sum();
        let counted: u32 = steps[1..].iter().flatten().sum();
        prop_assert_eq!(shown, f64::from(counted));
    }
}
