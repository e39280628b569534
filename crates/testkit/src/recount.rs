//! Compares every sample of a probe with an answer that was computed another way.

mod page;

use std::collections::BTreeMap;

use platform_core::metric::{Family, HistogramSample};

/// The values of series, by name and label values: `redis_db_keys{db0}`.
pub type Series = BTreeMap<String, f64>;

/// The name of a series.
pub fn series(name: &str, labels: &[&str]) -> String {
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(", ")) }
}

/// The series of a histogram; the bound of a bucket is its last label value.
fn of_histogram(name: &str, histogram: &HistogramSample) -> Series {
    let labels: Vec<&str> = histogram.labels.iter().map(String::as_str).collect();
    let count = |count: u64| f64::from(u32::try_from(count).expect("a test counts fewer"));
    let bounds = histogram.buckets().iter().map(|(bound, at_most)| (bound.to_string(), *at_most));
    let bucket = |(bound, at_most): (String, u64)| {
        let labels = [&labels[..], &[&bound]].concat();
        (series(&format!("{name}_bucket"), &labels), count(at_most))
    };
    let mut all: Series = bounds.chain([("+Inf".to_owned(), histogram.count())]).map(bucket).collect();
    all.insert(series(&format!("{name}_sum"), &labels), histogram.sum());
    all.insert(series(&format!("{name}_count"), &labels), count(histogram.count()));
    all
}

/// How many samples were compared, by state.
#[derive(Debug, Default)]
pub struct Recounts {
    states: Vec<(String, usize)>,
    wrong: Vec<String>,
    uncounted: Option<&'static str>,
}

impl Recounts {
    /// Compares the series of this family without counting them: how many there are depends on time.
    pub fn without_count(family: &'static str) -> Self {
        Self { uncounted: Some(family), ..Self::default() }
    }

    /// Compares a probe with recounts just before and after it. A value must lie between the two, but for those that are
    /// `moving` of themselves, which must be near. A series must be there if it is in both, and may be if it is in one: it
    /// counts from zero then.
    pub fn compare(
        &mut self,
        state: &str,
        before: &Series,
        probe: &[Family],
        after: &Series,
        moving: &[&str],
    ) {
        let mut found = Series::new();
        for family in probe {
            for sample in &family.samples {
                let labels: Vec<&str> = sample.labels.iter().map(String::as_str).collect();
                found.insert(series(&family.desc.name, &labels), sample.value);
            }
            for histogram in &family.histograms {
                found.extend(of_histogram(&family.desc.name, histogram));
            }
        }
        for (name, value) in &found {
            let known = [before, after].map(|recount| recount.get(name).copied());
            let [first, second] = known.map(|value| value.unwrap_or(0.0));
            let (low, high) = (first.min(second), first.max(second));
            let slack =
                if moving.iter().any(|moving| name.starts_with(moving)) { 0.2 * high.abs() } else { 1e-9 };
            if known == [None, None] {
                self.wrong.push(format!("{state}: {name} = {value}, which nobody has recounted"));
            } else if !(low - slack..=high + slack).contains(value) {
                self.wrong.push(format!("{state}: {name} = {value}, recounted as {low} to {high}"));
            }
        }
        for name in before.keys().filter(|name| after.contains_key(*name) && !found.contains_key(*name)) {
            self.wrong.push(format!("{state}: {name} is missing"));
        }
        let is_counted = |name: &&String| self.uncounted.is_none_or(|family| !name.starts_with(family));
        self.states.push((state.to_owned(), found.keys().filter(is_counted).count()));
    }

    /// Prints the rows of the kind, and compares the states with those of `docs/truth.md`, or with `BLESS=1` writes them.
    ///
    /// # Panics
    /// With every sample that is not as it was recounted, and if the page is stale.
    pub fn finish(self, kind: &str) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        let total = self.states.iter().map(|(_, samples)| samples).sum();
        let states = self.states.iter().map(|(state, samples)| row(kind, state, *samples));
        let rows: Vec<String> = states.chain([row(kind, "**all**", total)]).collect();
        println!("{}", rows.join("\n"));
        page::check(kind, &rows);
    }
}

fn row(kind: &str, state: &str, samples: usize) -> String {
    format!("| {kind} | {state} | {samples} |")
}
