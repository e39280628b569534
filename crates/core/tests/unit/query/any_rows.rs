//! Arbitrary runs of a query: whatever its rows, the series budget holds and nothing is lost.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::metric::Family;
use platform_core::query::{Cell, Reading, Rows};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::{reading, rows, text};

type Labels = Vec<String>;
/// The rows of a run: a number, and one that may be NULL. Whole, so that sums do not depend on their order.
type Run = BTreeMap<Labels, (i32, Option<i32>)>;

/// A query with two labels, its budget and its expected label values.
#[derive(Clone, Debug)]
struct Query {
    max_series: usize,
    expect: BTreeMap<&'static str, BTreeSet<String>>,
}

const USERS: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "other"];
const STATES: [&str; 3] = ["on", "off", "other"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_run_keeps_the_budget_and_the_sums(query in query(), runs in vec(run(), 1..6)) {
        let mut reading = query.reading();
        let mut last = Exported::default();
        for run in runs {
            let exported = Exported::of(&mut reading, &run)?;
            query.check(&run, &exported)?;
            last.members_stayed(&query, &run, &exported)?;
            last = exported;
        }
    }
}

fn query() -> impl Strategy<Value = Query> {
    let some = |of: &'static [&'static str], most| {
        btree_set(prop::sample::select(of).prop_map(str::to_owned), 1..=most)
    };
    let expect = prop_oneof![
        Just(BTreeMap::new()),
        (some(&USERS, 3), some(&STATES, 2))
            .prop_map(|(users, states)| [("user", users), ("state", states)].into())
    ];
    expect.prop_flat_map(|expect: BTreeMap<_, BTreeSet<_>>| {
        let combinations = if expect.is_empty() { 0 } else { expect.values().map(BTreeSet::len).product() };
        (combinations + 1..combinations + 10)
            .prop_map(move |max_series| Query { max_series, expect: expect.clone() })
    })
}

fn run() -> impl Strategy<Value = Run> {
    let labels = (prop::sample::select(&USERS[..]), prop::sample::select(&STATES[..]));
    let labels = labels.prop_map(|(user, state)| vec![user.to_owned(), state.to_owned()]);
    let number = prop_oneof![-3..10, any::<i32>()];
    btree_map(labels, (number.clone(), prop::option::of(number)), 0..27)
}

impl Query {
    fn reading(&self) -> Reading {
        reading(&format!(
            "{{name: q, source: db, sql: SELECT 1, labels: [user, state], max_series: {}, expect: {}, metrics: [
              {{name: acme_plain, value: n, help: N.}},
              {{name: acme_kib, value: n, help: N., scale: 1024}},
              {{name: acme_age, value: n, help: N., additive: false}},
              {{name: acme_rare, value: rare, help: N., optional: true}}]}}",
            self.max_series,
            serde_json::to_string(&self.expect).unwrap(),
        ))
    }

    fn expected(&self) -> BTreeSet<Labels> {
        let of = |label| self.expect.get(label).into_iter().flatten();
        of("user").flat_map(|user| of("state").map(|state| vec![user.clone(), state.clone()])).collect()
    }

    fn check(&self, run: &Run, exported: &Exported) -> Result<(), TestCaseError> {
        let Exported { plain, kib, age, rare, dropped } = exported;
        prop_assert!(plain.len() <= self.max_series, "{} series", plain.len());
        let expected = self.expected();
        let known: BTreeSet<&Labels> = run.keys().chain(&expected).collect();
        let is_rest = |labels: &Labels| *dropped > 0 && *labels == rest();
        let (mut plain_sum, mut rare_sum) = (0.0, None);
        for &labels in &known {
            let zeros = (0, Some(0));
            let (number, sometimes) = run.get(labels).unwrap_or(&zeros);
            let (number, sometimes) = (f64::from(*number), sometimes.map(f64::from));
            if plain.contains_key(labels) && !is_rest(labels) {
                prop_assert_eq!(plain[labels], number);
                prop_assert_eq!(age.get(labels), Some(&number));
                prop_assert_eq!(rare.get(labels).copied(), sometimes);
            } else {
                prop_assert!(labels == &rest() || !expected.contains(labels), "{:?} is expected", labels);
                plain_sum += number;
                rare_sum = rare_sum.map_or(sometimes, |sum: f64| Some(sum + sometimes.unwrap_or(0.0)));
            }
        }
        let own = plain.keys().filter(|labels| !is_rest(labels)).count();
        prop_assert_eq!(*dropped, known.len() - own);
        if *dropped > 0 {
            prop_assert_eq!(plain.get(&rest()), Some(&plain_sum));
            prop_assert_eq!(rare.get(&rest()).copied(), rare_sum);
            prop_assert_eq!(age.get(&rest()), None, "ages are not added up");
        }
        let scaled: BTreeMap<_, _> =
            plain.iter().map(|(labels, value)| (labels.clone(), value * 1024.0)).collect();
        prop_assert_eq!(kib, &scaled);
        Ok(())
    }
}

/// What came out of a run, by labels.
#[derive(Debug, Default)]
struct Exported {
    plain: BTreeMap<Labels, f64>,
    kib: BTreeMap<Labels, f64>,
    age: BTreeMap<Labels, f64>,
    rare: BTreeMap<Labels, f64>,
    dropped: usize,
}

fn rest() -> Labels {
    vec!["other".to_owned(), "other".to_owned()]
}

impl Exported {
    fn of(reading: &mut Reading, run: &Run) -> Result<Self, TestCaseError> {
        let result = reading.read(table(run)).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let of = |name: &str| {
            let family = result.families.iter().find(|family| family.desc.name == name);
            family.map(series).unwrap_or_default()
        };
        let dropped = result.dropped;
        Ok(Self {
            plain: of("acme_plain"),
            kib: of("acme_kib"),
            age: of("acme_age"),
            rare: of("acme_rare"),
            dropped,
        })
    }

    /// A label set with a series of its own loses it only to one that is clearly larger, once there are too many.
    fn members_stayed(&self, query: &Query, run: &Run, next: &Self) -> Result<(), TestCaseError> {
        if self.dropped == 0 || next.dropped == 0 {
            return Ok(());
        }
        let expected = query.expected();
        let newcomers: Vec<f64> = next
            .plain
            .iter()
            .filter(|(labels, _)| !self.plain.contains_key(*labels) && !expected.contains(*labels))
            .map(|(_, value)| *value)
            .collect();
        for labels in
            self.plain.keys().filter(|labels| **labels != rest() && !next.plain.contains_key(*labels))
        {
            let Some((size, _)) = run.get(labels) else { continue };
            let clearly_larger = f64::from(*size) + 0.5 * f64::from(*size).abs();
            let largest = newcomers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(largest > clearly_larger, "{:?} gave way to {}", labels, largest);
        }
        Ok(())
    }
}

fn table(run: &Run) -> Rows {
    let cell = |number: &i32| Cell::Number(f64::from(*number));
    let table: Vec<Vec<Cell>> = run
        .iter()
        .map(|(labels, (number, rare))| {
            vec![text(&labels[0]), text(&labels[1]), cell(number), rare.as_ref().map_or(Cell::Null, cell)]
        })
        .collect();
    rows(&["user", "state", "n", "rare"], &table.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn series(family: &Family) -> BTreeMap<Labels, f64> {
    family.samples.iter().map(|sample| (sample.labels.to_vec(), sample.value)).collect()
}
