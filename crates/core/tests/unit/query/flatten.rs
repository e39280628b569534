//! Families that rules make of every number of an answer.

use std::sync::Arc;

use platform_core::query::parse::{self, BuiltInQuery};
use platform_core::query::{Cell, Columns, LanguageFacts, Reading};
use platform_core::yaml::{self, Faults, Path};

use super::{AnyText, rows, samples, text};

const RULES: &str = "
name: status
sql: status
labels: [host, role]
columns: {role: kind}
flatten:
  prefix: shop
  from: status
  except: [clock]
  shorten: {engine: e, engine.txn: t}
  fields:
    - {path: 'open.{state}', type: gauge, help: 'Open, by state.'}
    - {path: 'latency.{op}.count'}
    - {path: 'index.{index+}', type: gauge}
    - {path: memory.*, type: gauge}
";

fn query(rules: &str) -> BuiltInQuery {
    let mut faults = Faults::of("queries.yml");
    let tree = yaml::parse(rules, &|_| None, &mut faults);
    let query = tree.and_then(|tree| {
        parse::built_in(&tree, &Path::default(), LanguageFacts::of::<AnyText>(), &mut faults)
    });
    query.unwrap_or_else(|| panic!("{faults}"))
}

fn reading() -> Reading {
    let query = query(RULES);
    let Columns::Numbers(numbers) = query.spec.columns() else { panic!("{:?}", query.spec.columns()) };
    assert!(numbers.texts.iter().eq(["host", "kind"]) && numbers.except.iter().eq(["clock"]));
    let known: Vec<_> =
        query.spec.catalogue().iter().map(|desc| (desc.name.clone(), desc.labels.iter().count())).collect();
    assert_eq!(known, [("shop_open".into(), 3), ("shop_latency_count".into(), 3), ("shop_index".into(), 3)]);
    Reading::new(query.spec)
}

/// The names, labels and values of one row of numbers.
fn read(reading: &mut Reading, numbers: &[(&str, f64)]) -> Vec<String> {
    let columns: Vec<&str> =
        ["host", "kind"].into_iter().chain(numbers.iter().map(|(name, _)| *name)).collect();
    let cells =
        [text("a"), text("x")].into_iter().chain(numbers.iter().map(|(_, value)| Cell::Number(*value)));
    let cells: Vec<Cell> = cells.collect();
    samples(&reading.read(rows(&columns, &[&cells])).expect("it can be read").families)
}

#[test]
fn a_path_is_the_name_of_its_family() {
    let read = read(
        &mut reading(),
        &[
            ("pages (dirty), in cache", 1.0),
            ("engine.files", 2.0),
            ("engine.txn.begins", 3.0),
            ("engineering.files", 4.0),
            ("memory.used", 5.0),
            ("_id", 6.0),
        ],
    );
    let expected = [
        "shop_pages_dirty_in_cache{a,x} 1",
        "shop_e_files{a,x} 2",
        "shop_t_begins{a,x} 3",
        "shop_engineering_files{a,x} 4",
        "shop_memory_used{a,x} 5",
        "shop_id{a,x} 6",
    ];
    assert_eq!(read, expected);
}

#[test]
fn keys_become_labels() {
    let read = read(
        &mut reading(),
        &[
            ("open.current", 1.0),
            ("open.most", 2.0),
            ("open.by.host", 3.0),
            ("latency.read.count", 4.0),
            ("latency.read.time", 5.0),
            ("index.a.b_1", 6.0),
        ],
    );
    let expected = [
        "shop_open{a,x,current} 1",
        "shop_open{a,x,most} 2",
        "shop_open_by_host{a,x} 3",
        "shop_latency_count{a,x,read} 4",
        "shop_latency_read_time{a,x} 5",
        "shop_index{a,x,a.b_1} 6",
    ];
    assert_eq!(read, expected);
}

/// Prometheus rejects a scrape in which a series is twice.
#[test]
fn two_paths_with_one_name_give_one_series() {
    let read = read(&mut reading(), &[("a b", 1.0), ("a.b", 2.0), ("open", 3.0), ("open.current", 4.0)]);
    assert_eq!(read, ["shop_a_b{a,x} 1", "shop_open{a,x} 3"]);
}

#[test]
fn another_version_has_other_numbers() {
    let mut reading = reading();
    assert_eq!(read(&mut reading, &[("old", 1.0)]), ["shop_old{a,x} 1"]);
    assert_eq!(read(&mut reading, &[("new", 1.0), ("newer", 2.0)]), ["shop_new{a,x} 1", "shop_newer{a,x} 2"]);
}

/// A column that is empty in one run must not make `other` forget what it has counted.
#[test]
fn the_budget_outlasts_columns_that_come_and_go() {
    let mut spec = (*query(RULES).spec).clone();
    spec.max_series = 2;
    let mut reading = Reading::new(Arc::new(spec));
    let mut other = |columns: &[&str], total: f64| {
        let columns: Vec<&str> = ["host", "kind"].iter().chain(columns).copied().collect();
        let row = |host: &str, size: f64| {
            let values = columns[2..].iter().map(|_| Cell::Number(size));
            [text(host), text("x")].into_iter().chain(values).collect::<Vec<_>>()
        };
        let table = [row("large", 1e6 + total), row("small", total), row("tiny", 1.0)];
        let table: Vec<&[Cell]> = table.iter().map(Vec::as_slice).collect();
        let read = samples(&reading.read(rows(&columns, &table)).expect("it can be read").families);
        read.into_iter().filter(|line| line.contains("{other")).collect::<Vec<_>>()
    };
    assert_eq!(
        other(&["reads", "writes"], 100.0),
        ["shop_reads{other,other} 0", "shop_writes{other,other} 0"]
    );
    assert_eq!(
        other(&["reads", "writes"], 105.0),
        ["shop_reads{other,other} 5", "shop_writes{other,other} 5"]
    );
    assert_eq!(
        other(&["writes", "reads"], 106.0),
        ["shop_reads{other,other} 6", "shop_writes{other,other} 6"]
    );
    assert_eq!(other(&["reads"], 108.0)[0], "shop_reads{other,other} 8");
    let all = other(&["deletes", "reads", "writes"], 110.0);
    assert_eq!(all[..2], ["shop_reads{other,other} 10", "shop_writes{other,other} 10"]);
    // Without the column by which series are chosen, they are chosen by another one.
    assert_eq!(other(&["writes"], 112.0), ["shop_writes{other,other} 0"]);
    // Nor are columns remembered for ever.
    let names: Vec<String> = (0..1_000).map(|number| format!("writes.{number}")).collect();
    for names in names.chunks(50) {
        let names: Vec<&str> = ["writes"].into_iter().chain(names.iter().map(String::as_str)).collect();
        assert!((51..=202).contains(&other(&names, 112.0).len()));
    }
}

/// Settings, for example, are rows.
#[test]
fn a_row_may_be_a_number() {
    let rules = RULES.replace("flatten:", "flatten:\n  rows: {path: name, value: setting}");
    let rules = rules.replace("labels: [host, role]\ncolumns: {role: kind}\n", "");
    let mut reading = Reading::new(query(&rules).spec);
    let answer = [
        [text("engine.files"), Cell::Number(2.0)],
        [text("a b"), text("0.5")],
        [text("unknown"), Cell::Null],
    ];
    let answer = answer.each_ref().map(|row| row.as_slice());
    let read = reading.read(rows(&["name", "setting"], &answer)).expect("it can be read");
    assert_eq!(samples(&read.families), ["shop_e_files{} 2", "shop_a_b{} 0.5"]);
    assert!(reading.read(rows(&["name"], &[&[text("a")]])).is_err());
    assert_eq!(reading.read(rows(&[], &[])).expect("it can be read").families, []);
}
