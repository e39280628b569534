//! Families that rules make of every number of an answer.

use std::sync::Arc;

use platform_core::query::parse;
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

fn reading() -> Reading {
    let mut faults = Faults::of("queries.yml");
    let tree = yaml::parse(RULES, &|_| None, &mut faults);
    let query = tree.and_then(|tree| {
        parse::built_in(&tree, &Path::default(), LanguageFacts::of::<AnyText>(), &mut faults)
    });
    let query = query.unwrap_or_else(|| panic!("{faults}"));
    let Columns::Numbers(numbers) = query.spec.columns() else { panic!("{:?}", query.spec.columns()) };
    assert!(numbers.texts.iter().eq(["host", "kind"]) && numbers.except.iter().eq(["clock"]));
    let known: Vec<_> =
        query.spec.catalogue().into_iter().map(|desc| (desc.name, desc.labels.iter().count())).collect();
    assert_eq!(known, [("shop_open".into(), 3), ("shop_latency_count".into(), 3), ("shop_index".into(), 3)]);
    Reading::new(Arc::clone(&query.spec))
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
