//! From rows to samples: what becomes of a result, and what is refused.

mod answer_budget;
mod any_rows;
mod distinct;
mod flatten;
mod histograms;
mod lane;
mod other_counters;

use std::sync::Arc;

use platform_core::metric::Family;
use platform_core::query::{Cell, Language, LanguageFacts, Misuse, Reading, ResultSet, Rows, parse};
use platform_core::yaml::{self, Faults, Path};

/// Queries that nobody runs here: only what becomes of their rows is tested.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct AnyText(#[expect(dead_code, reason = "nobody runs it")] String);

impl Language for AnyText {
    const KEY: &'static str = "sql";

    fn check(&self) -> Result<(), Misuse> {
        Ok(())
    }
}

fn reading(yaml: &str) -> Reading {
    let mut faults = Faults::of("query.yml");
    let tree = yaml::parse(yaml, &|_| None, &mut faults);
    let query = tree.and_then(|tree| {
        parse::declared(&tree, &Path::default(), &[LanguageFacts::of::<AnyText>()], &mut faults)
    });
    Reading::new(Arc::new(query.unwrap_or_else(|| panic!("{faults}")).spec))
}

fn rows(columns: &[&str], rows: &[&[Cell]]) -> Rows {
    let columns = columns.iter().map(|&column| column.to_owned()).collect();
    Rows::new(columns, rows.iter().map(|row| row.to_vec()).collect())
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// Every sample as `name{values} value`.
fn samples(families: &[Family]) -> Vec<String> {
    let of_family = |family: &Family| {
        let line = |sample: &platform_core::metric::Sample| {
            format!("{}{{{}}} {}", family.desc.name, sample.labels.join(","), sample.value)
        };
        family.samples.iter().map(line).collect::<Vec<_>>()
    };
    families.iter().flat_map(of_family).collect()
}

const BY_PLAN: &str = "
name: users_by_plan
source: db
sql: SELECT plan, users, disabled FROM numbers
labels: [plan]
expect: {plan: [free, pro]}
metrics:
  - {name: acme_users, value: users, help: Users.}
  - {name: acme_users_kib, value: users, help: Scaled., scale: 1024}
  - {name: acme_users_by_state, value: disabled, help: States., labels: {state: disabled}}
  - {name: acme_users_by_state, value: users, help: States., labels: {state: all}}
  - {name: acme_rare, value: rare, help: Not always there., optional: true}
";

#[test]
fn rows_become_samples_and_expected_labels_are_never_absent() {
    let rows = rows(
        &["plan", "users", "disabled"],
        &[&[text("pro"), text("12.5"), Cell::Number(1.0)], &[text("team"), Cell::Number(3.0), text("0")]],
    );
    let result = reading(BY_PLAN).read(rows).unwrap();
    assert_eq!(
        samples(&result.families),
        [
            "acme_users{free} 0",
            "acme_users{pro} 12.5",
            "acme_users{team} 3",
            "acme_users_kib{free} 0",
            "acme_users_kib{pro} 12800",
            "acme_users_kib{team} 3072",
            "acme_users_by_state{free,disabled} 0",
            "acme_users_by_state{pro,disabled} 1",
            "acme_users_by_state{team,disabled} 0",
            "acme_users_by_state{free,all} 0",
            "acme_users_by_state{pro,all} 12.5",
            "acme_users_by_state{team,all} 3",
            "acme_rare{free} 0",
        ]
    );
}

#[test]
fn no_rows_are_zeros_where_labels_are_expected_and_nothing_elsewhere() {
    let none = rows(&[], &[]);
    assert_eq!(samples(&reading(BY_PLAN).read(none.clone()).unwrap().families).len(), 10);
    let mut plain =
        reading("{name: a, source: db, sql: SELECT 1, metrics: [{name: acme_a, value: n, help: N.}]}");
    assert_eq!(plain.read(none.clone()).unwrap(), ResultSet::default());
}

#[test]
fn each_wrong_result_is_refused_by_name() {
    let mut reading = reading(BY_PLAN);
    let columns = ["plan", "users", "disabled"];
    let one = Cell::Number(1.0);
    for (rows, expected) in [
        (
            rows(&["tier", "users", "disabled"], &[&[text("pro"), one.clone(), one.clone()]]),
            "there is no column `plan` in the result; it has tier, users, disabled",
        ),
        (
            rows(
                &columns,
                &[&[text("pro"), one.clone(), one.clone()], &[Cell::Null, one.clone(), one.clone()]],
            ),
            "row 2 has NULL in the label column `plan`: filter out such rows, or use coalesce",
        ),
        (
            rows(
                &columns,
                &[&[text("pro"), one.clone(), one.clone()], &[text("pro"), one.clone(), one.clone()]],
            ),
            "two rows have the same labels [\"pro\"]: group by every label column",
        ),
    ] {
        assert_eq!(reading.read(rows).unwrap_err().to_string(), expected);
    }
}

/// A family is exported whole or not at all, and the others do not depend on it.
#[test]
fn a_column_that_cannot_be_read_costs_only_its_families() {
    let one = Cell::Number(1.0);
    let row = |cells: [Cell; 3]| rows(&["plan", "users", "disabled"], &[&cells]);
    let renamed = rows(&["plan", "user", "disabled"], &[&[text("pro"), one.clone(), one.clone()]]);
    let whole =
        ["acme_users{free} 0", "acme_users{pro} 1", "acme_users_kib{free} 0", "acme_users_kib{pro} 1024"];
    for (rows, fault, remains) in [
        (
            row([text("pro"), one.clone(), Cell::Null]),
            "row 1 has nothing in the column `disabled`: it is NULL, as an aggregate such as sum over no rows, or the \
             field is missing. Use coalesce, or set `optional: true` to leave the series out",
            &whole[..],
        ),
        (
            row([text("pro"), text("many"), one.clone()]),
            "row 1 has no number in the column `users`, but text: a label goes under `labels`, and money has to be cast to numeric",
            &[],
        ),
        (
            renamed,
            "there is no column `users` in the result; it has plan, user, disabled (did you mean `user`?)",
            &[],
        ),
    ] {
        let result = reading(BY_PLAN).read(rows).unwrap();
        let faults: Vec<_> = result.faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, [fault]);
        assert_eq!(samples(&result.families), [remains, &["acme_rare{free} 0"]].concat());
    }
    // Where nothing is left, the run has failed.
    let mut plain =
        reading("{name: a, source: db, sql: SELECT 1, metrics: [{name: acme_a, value: n, help: N.}]}");
    let error = plain.read(rows(&["n"], &[&[text("many")]])).unwrap_err();
    assert!(error.to_string().starts_with("row 1 has no number in the column `n`"), "{error}");
}

#[test]
fn several_rows_need_labels() {
    let text = "{name: a, source: db, sql: SELECT 1, metrics: [{name: acme_a, value: n, help: N.}]}";
    let number = Cell::Number;
    let error = reading(text).read(rows(&["n"], &[&[number(1.0)], &[number(2.0)]])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there are several rows, and no `labels` that tell them apart: expected one row, or `labels: [COLUMN, …]`; \
         it has n"
    );
}

#[test]
fn cents_become_whole_cents_of_dollars() {
    let text =
        "{name: a, source: db, sql: SELECT 1, metrics: [{name: acme_a, value: n, help: N., scale: 0.01}]}";
    for (cents, expected) in [(1_338_338.0, "13383.38"), (29.0, "0.29"), (-57.0, "-0.57")] {
        let result = reading(text).read(rows(&["n"], &[&[Cell::Number(cents)]])).unwrap();
        assert_eq!(samples(&result.families), [format!("acme_a{{}} {expected}")]);
    }
}

/// Members stay while they have rows; a newcomer has to be clearly larger; the rest is one sum.
#[test]
fn series_over_the_budget_are_summed_and_members_are_sticky() {
    let mut reading = reading(
        "{name: top, source: db, sql: SELECT 1, labels: [user], max_series: 3, metrics: [{name: acme_calls, value: n, help: N.}]}",
    );
    let mut run = |counts: &[(&str, f64)]| {
        let table: Vec<Vec<Cell>> =
            counts.iter().map(|(user, n)| vec![text(user), Cell::Number(*n)]).collect();
        let table: Vec<&[Cell]> = table.iter().map(Vec::as_slice).collect();
        let result = reading.read(rows(&["user", "n"], &table)).unwrap();
        (samples(&result.families), result.dropped)
    };
    let calls = |pairs: &[&str]| pairs.iter().map(|pair| format!("acme_calls{{{pair}")).collect::<Vec<_>>();
    assert_eq!(run(&[("a", 9.0), ("b", 8.0), ("c", 7.0)]), (calls(&["a} 9", "b} 8", "c} 7"]), 0));
    // Two places are left beside `other`: the largest members keep them.
    assert_eq!(
        run(&[("a", 9.0), ("b", 8.0), ("c", 7.0), ("d", 1.0)]),
        (calls(&["a} 9", "b} 8", "other} 8"]), 2)
    );
    // A little larger is not enough to take a place.
    assert_eq!(
        run(&[("a", 9.0), ("b", 8.0), ("c", 9.0), ("d", 11.0)]),
        (calls(&["a} 9", "b} 8", "other} 20"]), 2)
    );
    // Clearly larger is.
    assert_eq!(
        run(&[("a", 9.0), ("b", 8.0), ("c", 1.0), ("d", 13.0)]),
        (calls(&["a} 9", "d} 13", "other} 9"]), 2)
    );
    // Who has no row any more leaves a place.
    assert_eq!(
        run(&[("b", 2.0), ("c", 1.0), ("d", 13.0), ("e", 1.0)]),
        (calls(&["b} 2", "d} 13", "other} 2"]), 2)
    );
}

/// The newest time of the rest is not the sum of its times.
#[test]
fn what_cannot_be_added_up_has_no_sample_under_other() {
    let mut reading = reading(
        "{name: seen, source: db, sql: SELECT 1, labels: [user], max_series: 2, metrics: [
          {name: acme_calls, value: n, help: N.},
          {name: acme_seen_timestamp_seconds, value: at, help: At., additive: false}]}",
    );
    let row = |user: &str, n: f64| [text(user), Cell::Number(n), Cell::Number(1000.0 + n)];
    let table = [row("a", 3.0), row("other", 2.0), row("c", 1.0)];
    let table: Vec<&[Cell]> = table.iter().map(<[Cell; 3]>::as_slice).collect();
    let result = reading.read(rows(&["user", "n", "at"], &table)).unwrap();
    assert_eq!(
        samples(&result.families),
        ["acme_calls{a} 3", "acme_calls{other} 3", "acme_seen_timestamp_seconds{a} 1003"]
    );
    assert_eq!(result.dropped, 2);
    // One whose name is `other` keeps its part of the sum, however large it is.
    let table = [row("a", 3.0), row("other", 20.0), row("c", 1.0)];
    let table: Vec<&[Cell]> = table.iter().map(<[Cell; 3]>::as_slice).collect();
    let result = reading.read(rows(&["user", "n", "at"], &table)).unwrap();
    assert_eq!(samples(&result.families)[..2], ["acme_calls{a} 3", "acme_calls{other} 21"]);
    // Within the budget, one whose name is `other` has its own value.
    let result = reading.read(rows(&["user", "n", "at"], &table[1..2])).unwrap();
    assert_eq!(
        samples(&result.families),
        ["acme_calls{other} 20", "acme_seen_timestamp_seconds{other} 1020"]
    );
}

/// What the source itself has summed counts as dropped, beside what the budget drops.
#[test]
fn label_sets_folded_by_the_source_are_counted() {
    let mut reading = reading(
        "name: q\nsource: db\nsql: x\nlabels: [id]\nmax_series: 2\nmetrics: [{name: n, value: n, help: N.}]\n",
    );
    let row = |id: &str| vec![text(id), Cell::Number(1.0)];
    let rows = Rows {
        folded: 3,
        ..Rows::new(vec!["id".to_owned(), "n".to_owned()], ["a", "b", "c"].map(row).to_vec())
    };
    assert_eq!(reading.read(rows).expect("it is right").dropped, 3 + 2);
}

/// Whoever can write into a column can not make a scrape as large as he likes, nor have two rows collide.
#[test]
fn long_label_values_are_cut_and_counted() {
    let yaml = "{name: a, source: db, sql: SELECT 1, labels: [plan], metrics: [{name: acme_users, value: n, help: N.}]}";
    let long = "x".repeat(20_000_000);
    let table = rows(
        &["plan", "n"],
        &[
            &[text(&format!("{long}1")), Cell::Number(1.0)],
            &[text(&format!("{long}2")), Cell::Number(2.0)],
            &[text("short"), Cell::Number(3.0)],
        ],
    );
    let result = reading(yaml).read(table).unwrap();
    assert_eq!(result.cut, 2);
    let samples = &result.families[0].samples;
    assert_eq!(samples.len(), 3);
    assert!(samples.iter().all(|sample| sample.labels[0].chars().count() <= 256));
    let sum: f64 = samples.iter().map(|sample| sample.value).sum();
    assert_eq!(sum, 6.0);
}
