//! Counts at set times.

use platform_core::query::Cell;
use serde_json::json;

use super::*;

fn tally(question: &Value) -> Tally {
    Tally::new(serde_json::from_value(question.clone()).unwrap())
}

/// The number of lines of a query without `by`.
fn lines(tally: &Tally, now: f64) -> f64 {
    match tally.rows(now).rows[0][0] {
        Cell::Number(lines) => lines,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn a_window_ends_with_the_part_that_left_it() {
    let mut tally = tally(&json!({"window": "60s"}));
    for at in [940.0, 940.9, 941.0, 999.5] {
        tally.count(&json!({}), at, 1000.0);
    }
    assert_eq!(lines(&tally, 1000.0), 2.0, "only what was written after 940 s");
    let kept: Vec<i64> = tally.combinations.values().flat_map(BTreeMap::keys).copied().collect();
    assert_eq!(kept, [941, 999], "what is too old takes no memory");
    assert_eq!(lines(&tally, 1000.9), 2.0);
    assert_eq!(lines(&tally, 1001.0), 1.0);
    assert_eq!(lines(&tally, 1060.0), 0.0);
}

#[test]
fn a_part_is_a_sixtieth_of_the_window_but_at_least_a_second() {
    let mut hour = tally(&json!({"window": "1h"}));
    hour.count(&json!({}), 3600.0, 3600.0);
    assert_eq!((lines(&hour, 7199.0), lines(&hour, 7200.0)), (1.0, 0.0));
    hour.count(&json!({}), 3659.0, 3659.0);
    assert_eq!((lines(&hour, 7199.0), lines(&hour, 7200.0)), (2.0, 0.0), "one minute is one part");
    let mut short = tally(&json!({"window": "6s"}));
    short.count(&json!({}), 100.9, 100.9);
    assert_eq!((lines(&short, 105.9), lines(&short, 106.0)), (1.0, 0.0));
}

#[test]
fn only_what_has_left_the_window_is_dropped() {
    let mut tally = tally(&json!({"by": ["user"], "window": "60s"}));
    tally.count(&json!({"user": "a"}), 900.0, 900.0);
    tally.count(&json!({"user": "b"}), 950.0, 950.0);
    tally.prune(970.0);
    assert_eq!(tally.combinations.keys().flatten().collect::<Vec<_>>(), ["b"]);
    tally.prune(1009.0);
    assert_eq!(tally.combinations.len(), 1);
    tally.prune(1010.0);
    assert!(tally.combinations.is_empty());
}

#[test]
fn combinations_beyond_the_limit_are_counted_together() {
    let mut tally = tally(&json!({"by": ["user"], "window": "60s"}));
    let most = MOST_COMBINATIONS;
    for user in 0..most + 2 {
        tally.count(&json!({"user": user}), 1000.0, 1000.0);
    }
    tally.count(&json!({"user": 0}), 1000.0, 1000.0);
    tally.count(&json!({"user": most}), 1010.0, 1010.0);
    let rows = tally.rows(1010.0);
    assert_eq!((rows.rows.len(), rows.folded), (most + 1, 2));
    let of = |user: &str| {
        let user = Cell::Text(user.to_owned());
        rows.rows.iter().find(|row| row[0] == user).map(|row| row[1].clone())
    };
    assert_eq!(of("0"), Some(Cell::Number(2.0)), "a known combination is still counted for itself");
    assert_eq!(of(OTHER), Some(Cell::Number(3.0)));
    assert_eq!(tally.rows(1065.0).folded, 1, "one was last seen at 1000 s");
    tally.prune(1065.0);
    assert_eq!((tally.folded.len(), tally.overflow), (1, Some(1010)));
    tally.prune(1070.0);
    assert_eq!((tally.folded.len(), tally.overflow), (0, None));
    assert_eq!(tally.rows(1070.0).folded, 0);
}

#[test]
fn at_most_so_many_of_the_rest_are_remembered() {
    let mut tally = tally(&json!({"by": ["user"]}));
    for user in 0..MOST_COMBINATIONS + MOST_FOLDED + 10 {
        tally.count(&json!({"user": user}), 0.0, 0.0);
    }
    assert_eq!(tally.rows(0.0).folded, MOST_FOLDED);
}

/// Which combinations were counted together is not kept over a restart; that there were some is.
#[test]
fn counts_go_on_after_a_restart_unless_the_query_has_changed() {
    let question = json!({"by": ["user"], "sum": ["ms"], "window": "60s"});
    let mut before = tally(&question);
    for user in 0..=MOST_COMBINATIONS {
        before.count(&json!({"user": user, "ms": 5}), 1000.0, 1000.0);
    }
    let saved = [before.memory()];
    let mut after = tally(&question);
    after.resume(&saved);
    assert_eq!(after.rows(1000.0).rows, before.rows(1000.0).rows);
    assert_eq!((after.rows(1000.0).folded, after.rows(1060.0).folded), (1, 0));
    for other in [
        json!({"by": ["user"], "sum": ["ms"], "window": "61s"}),
        json!({"by": ["user"], "window": "60s"}),
        json!({"by": ["id"], "sum": ["ms"], "window": "60s"}),
        json!({"by": ["user"], "sum": ["ms"], "window": "60s", "where": {"user": ["1"]}}),
    ] {
        let mut after = tally(&other);
        after.resume(&saved);
        assert!(after.combinations.is_empty(), "{other}");
    }
}

#[test]
fn sums_are_added_up_over_the_parts_and_average_the_lines_with_a_number() {
    let mut tally = tally(&json!({"sum": ["ms", "missing"], "window": "60s"}));
    for (at, ms) in
        [(1000.0, json!(10)), (1000.1, json!(" 20 ")), (1001.0, json!(null)), (1002.0, json!("1e999"))]
    {
        tally.count(&json!({"ms": ms}), at, at);
    }
    tally.count(&json!({"ms": 30}), 1003.0, 1003.0);
    let rows = tally.rows(1003.0);
    assert_eq!(rows.columns, ["count", "sum_ms", "avg_ms", "sum_missing", "avg_missing"]);
    let number = Cell::Number;
    assert_eq!(rows.rows, [[number(5.0), number(60.0), number(20.0), number(0.0), Cell::Null]]);
}

#[test]
fn a_line_counts_if_every_field_has_one_of_its_values() {
    let mut tally = tally(&json!({"where": {"level": ["error", "fatal"], "code": ["504"]}}));
    for line in [
        json!({"level": "fatal", "code": 504}),
        json!({"level": "error", "code": "504"}),
        json!({"level": "error", "code": 200}),
        json!({"level": "error"}),
        json!({"level": "info", "code": 504}),
    ] {
        tally.count(&line, 0.0, 0.0);
    }
    assert_eq!(lines(&tally, 0.0), 2.0);
}

#[test]
fn long_values_are_cut_between_characters() {
    let text = "é".repeat(LONGEST_VALUE + 1);
    assert_eq!(label(&json!(text)), Some("é".repeat(LONGEST_VALUE)));
    assert_eq!(label(&json!("é".repeat(LONGEST_VALUE))), Some("é".repeat(LONGEST_VALUE)));
}
