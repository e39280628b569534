//! What an exporter shows while it is watched.

use std::collections::BTreeMap;

use super::exposition::{label, samples};

/// What was seen of each series.
#[derive(Debug, Default)]
pub struct Watch {
    series: BTreeMap<String, Seen>,
    last: f64,
}

/// What was seen of one series.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) is_gauge: bool,
    /// The latest value.
    pub(crate) value: f64,
    pub(crate) is_whole: bool,
    times: u32,
    sum: f64,
    /// When it first had another value than before, and that value; a source is probed less often than it is watched.
    first_change: Option<(f64, f64)>,
    last_change: Option<(f64, f64)>,
}

impl Watch {
    /// Takes down an exposition, at a time in seconds.
    pub fn see(&mut self, exposition: &str, now: f64) {
        self.last = now;
        for sample in samples(exposition) {
            let value = sample.value;
            match self.series.get_mut(sample.series) {
                Some(seen) => seen.again(value, now),
                None => {
                    let seen = Seen {
                        is_gauge: sample.is_gauge,
                        value,
                        is_whole: value.fract() == 0.0,
                        times: 1,
                        sum: value,
                        first_change: None,
                        last_change: None,
                    };
                    self.series.insert(sample.series.to_owned(), seen);
                }
            }
        }
    }

    /// Adds what Prometheus itself says of each scrape.
    pub(crate) fn see_scrape(&mut self) {
        let samples = self.series().count();
        let gauges = [
            ("up", 1.0),
            ("scrape_duration_seconds", 0.012),
            ("scrape_samples_scraped", samples as f64),
            ("scrape_samples_post_metric_relabeling", samples as f64),
            ("scrape_series_added", 0.0),
        ];
        let text = gauges.map(|(name, value)| format!("# TYPE {name} gauge\n{name} {value}\n")).concat();
        self.see(&text, self.last);
    }

    /// Every series that was seen: some come and go.
    pub(crate) fn series(&self) -> impl Iterator<Item = (&str, &Seen)> {
        self.series.iter().map(|(series, seen)| (series.as_str(), seen))
    }

    /// How much a series grows in a second. A bucket takes its share of all observations: if each were measured by
    /// itself, it could outgrow the next.
    pub(crate) fn rate(&self, series: &str, seen: &Seen) -> f64 {
        let all = label(series, "le")
            .and_then(|bound| self.series.get(&series.replace(&format!("le=\"{bound}\""), "le=\"+Inf\"")));
        match all {
            Some(all) if all.value > 0.0 => all.rate() * seen.value / all.value,
            _ => seen.rate(),
        }
    }

    /// When it was seen last, in seconds.
    pub(crate) fn end(&self) -> f64 {
        self.last
    }
}

impl Seen {
    fn again(&mut self, value: f64, now: f64) {
        if value.total_cmp(&self.value).is_ne() {
            self.last_change = Some((now, value));
            self.first_change = self.first_change.or(self.last_change);
        }
        self.is_whole &= value.fract() == 0.0;
        self.value = value;
        self.times += 1;
        self.sum += value;
    }

    /// How much a counter grows in a second.
    fn rate(&self) -> f64 {
        let (Some((start, first)), Some((end, last))) = (self.first_change, self.last_change) else {
            return 0.0;
        };
        if end > start { ((last - first) / (end - start)).max(0.0) } else { 0.0 }
    }

    /// The mean of what was seen.
    pub(crate) fn mean(&self) -> f64 {
        self.sum / f64::from(self.times)
    }
}
