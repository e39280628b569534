//! Counts of distinct ids.

use std::ops::Range;

use platform_core::query::{Cell, DistinctCount, Rows};

use super::{rows, text};

fn ids(range: Range<u32>) -> Rows {
    Rows::new(vec!["id".to_owned()], range.map(|id| vec![text(&id.to_string())]).collect())
}

#[test]
fn distinct_ids_are_counted_exactly_and_then_within_one_percent() {
    let mut count = DistinctCount::default();
    count.add(&ids(0..70_000));
    count.add(&ids(50_000..100_000));
    count.add(&rows(&["id"], &[&[Cell::Null], &[Cell::Number(7.0)], &[text("7")]]));
    assert_eq!(count.count(), 100_000.0);

    let mut sketch = DistinctCount::exact_up_to(1_000);
    sketch.add(&ids(0..150_000));
    sketch.add(&ids(100_000..200_000));
    let error = (sketch.count() - 200_000.0).abs() / 200_000.0;
    assert!(error < 0.01, "off by {error}");
}

/// The bound itself is still exact; one id more is an estimate.
#[test]
fn the_bound_of_an_exact_count_is_a_million() {
    let mut count = DistinctCount::default();
    for part in 0..10 {
        count.add(&ids(part * 100_000..(part + 1) * 100_000));
    }
    assert_eq!(count.count(), 1_000_000.0);
    for part in 9..15 {
        count.add(&ids(part * 100_000..(part + 1) * 100_000));
        let expected = f64::from(part + 1) * 100_000.0;
        let error = (count.count() - expected).abs() / expected;
        assert!(error < 0.01, "off by {error}");
    }
}
