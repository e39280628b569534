//! Rows with cumulative buckets become histograms, and impossible ones are refused by name.

use platform_core::metric::{HistogramSample, MetricType};
use platform_core::query::{Cell, Reading, ResultSet};

use super::{reading, rows, text};

const COLUMNS: [&str; 5] = ["plan", "orders", "total_ms", "fast", "slow"];

fn orders(more: &str) -> Reading {
    reading(&format!(
        "{{name: orders, source: db, sql: SELECT 1, labels: [plan], max_series: 3, metrics: [
          {{name: shop_order_seconds, type: histogram, help: Orders., scale: 0.001,
            buckets: {{1e1: slow, 0.5: fast}}, sum: total_ms, count: orders{more}}}]}}",
    ))
}

fn read(reading: &mut Reading, table: &[(&str, [f64; 4])]) -> ResultSet {
    let table: Vec<Vec<Cell>> = table
        .iter()
        .map(|(plan, numbers)| [text(plan)].into_iter().chain(numbers.map(Cell::Number)).collect())
        .collect();
    let table: Vec<&[Cell]> = table.iter().map(Vec::as_slice).collect();
    reading.read(rows(&COLUMNS, &table)).unwrap()
}

/// Each histogram as its labels, buckets, sum and count.
fn shown(result: &ResultSet) -> Vec<String> {
    let one =
        |one: &HistogramSample| format!("{:?} {:?} {} {}", one.labels, one.buckets(), one.sum(), one.count());
    result.families.iter().flat_map(|family| &family.histograms).map(one).collect()
}

#[test]
fn a_row_becomes_a_histogram_with_ascending_bounds() {
    let result = read(&mut orders(""), &[("pro", [7.0, 4500.0, 2.0, 5.0])]);
    assert_eq!(shown(&result), [r#"["pro"] [(0.5, 2), (10.0, 5)] 4.5 7"#]);
    let [family] = &result.families[..] else { panic!("{result:?}") };
    assert_eq!(family.desc.metric_type, MetricType::Histogram);
    assert_eq!(family.desc.labels.iter().collect::<Vec<_>>(), ["plan"]);
    assert_eq!(family.samples, []);
    assert_eq!(family.series_count(), 5, "two buckets, +Inf, _sum and _count");
}

#[test]
fn expected_labels_have_an_empty_histogram() {
    let mut reading = reading(
        "{name: orders, source: db, sql: SELECT 1, labels: [plan], expect: {plan: [free]}, metrics: [
          {name: shop_order_seconds, type: histogram, help: Orders., buckets: {'1': fast}, sum: total_ms, count: orders}]}",
    );
    assert_eq!(shown(&reading.read(rows(&[], &[])).unwrap()), [r#"["free"] [(1.0, 0)] 0 0"#]);
}

#[test]
fn impossible_numbers_are_refused_with_their_row_and_columns() {
    for (numbers, expected) in [
        (
            [7.0, 1.0, 5.0, 2.0],
            "row 2 has 2 in the column `slow`, less than the 5 in `fast`: each bucket has to count all observations up \
             to its bound, and `count` all of them",
        ),
        (
            [4.0, 1.0, 2.0, 5.0],
            "row 2 has 4 in the column `orders`, less than the 5 in `slow`: each bucket has to count all observations \
             up to its bound, and `count` all of them",
        ),
        ([7.0, 1.0, 0.5, 5.0], "row 2 has 0.5 in the column `fast`: expected a whole number of observations"),
        ([7.0, 1.0, -1.0, 5.0], "row 2 has -1 in the column `fast`: expected a whole number of observations"),
    ] {
        let good = [text("free"), Cell::Number(1.0), Cell::Number(1.0), Cell::Number(1.0), Cell::Number(1.0)];
        let bad: Vec<Cell> = [text("pro")].into_iter().chain(numbers.map(Cell::Number)).collect();
        let error = orders("").read(rows(&COLUMNS, &[&good, &bad])).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn null_fails_the_metric_or_leaves_out_the_label_set() {
    let number = Cell::Number;
    let whole = [text("free"), number(1.0), number(2.0), number(1.0), number(1.0)];
    let partial = [text("pro"), number(1.0), number(2.0), Cell::Null, number(1.0)];
    let table = rows(&COLUMNS, &[&whole, &partial]);
    let error = orders("").read(table.clone()).unwrap_err();
    assert!(error.to_string().starts_with("row 2 has nothing in the column `fast`"), "{error}");
    let result = orders(", optional: true").read(table).unwrap();
    assert_eq!(shown(&result), [r#"["free"] [(0.5, 1), (10.0, 1)] 0.002 1"#]);
}

/// The buckets of `other` count what was added, as counters do, and never fall from one to the next.
#[test]
fn label_sets_over_the_budget_are_summed_bucket_by_bucket() {
    let mut reading = orders("");
    let table = |counts: [f64; 3]| {
        [
            ("a", [90.0, 1.0, 1.0, 1.0]),
            ("b", [80.0, 1.0, 1.0, 1.0]),
            ("c", [9.0, 1000.0, 1.0, 4.0]),
            ("d", [counts[0], 2000.0, counts[1], counts[2]]),
        ]
    };
    let other = |result: &ResultSet| shown(result).into_iter().find(|line| line.starts_with(r#"["other"]"#));
    let first = read(&mut reading, &table([8.0, 3.0, 6.0]));
    assert_eq!(first.dropped, 2);
    assert_eq!(other(&first).as_deref(), Some(r#"["other"] [(0.5, 0), (10.0, 0)] 0 0"#));
    let second = read(&mut reading, &table([12.0, 4.0, 9.0]));
    assert_eq!(other(&second).as_deref(), Some(r#"["other"] [(0.5, 1), (10.0, 3)] 0 4"#));
    // All buckets but the last one began again from zero.
    let third = read(&mut reading, &table([12.0, 3.0, 8.0]));
    assert_eq!(other(&third).as_deref(), Some(r#"["other"] [(0.5, 4), (10.0, 11)] 0 11"#));
    let mut apart = orders(", additive: false");
    assert_eq!(other(&read(&mut apart, &table([8.0, 3.0, 6.0]))), None);
}
