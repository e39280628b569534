//! Samples in the notation of promtool.

use super::Sample;

/// `1+2x3` for 1, 3, 5, 7; `_x2` for two steps without a sample.
pub(in crate::alerting) fn compact(samples: &[Sample]) -> String {
    let mut parts = Vec::new();
    let mut rest = samples;
    while let Some(first) = rest.first() {
        let (part, taken) = match first {
            Sample::Stale => ("stale".to_owned(), 1),
            Sample::Blank => {
                let count = rest.iter().take_while(|sample| **sample == Sample::Blank).count();
                (format!("_x{count}"), count)
            }
            Sample::Value(value) => run(*value, rest),
        };
        parts.push(part);
        rest = &rest[taken..];
    }
    parts.join(" ")
}

/// As many values as are on one line, and how many that are.
fn run(first: f64, samples: &[Sample]) -> (String, usize) {
    let Some(Sample::Value(second)) = samples.get(1) else { return (first.to_string(), 1) };
    let growth = second - first;
    let is_on_line = |(index, sample): &(usize, &Sample)| {
        let expected = first + growth * *index as f64;
        matches!(sample, Sample::Value(value) if (value - expected).abs() <= 1e-9 * expected.abs().max(1.0))
    };
    let count = samples.iter().enumerate().take_while(is_on_line).count();
    let sign = if growth < 0.0 { '-' } else { '+' };
    (format!("{first}{sign}{}x{}", growth.abs(), count - 1), count)
}

#[test]
fn runs_are_written_short() {
    use Sample::{Blank, Stale, Value};
    let samples =
        [Value(1.0), Value(3.0), Value(5.0), Value(5.0), Value(4.5), Stale, Blank, Blank, Value(-1.0)];
    assert_eq!(compact(&samples), "1+2x2 5-0.5x1 stale _x2 -1");
}
