//! The history of everything that was watched.

use std::collections::{BTreeMap, BTreeSet};

use super::calendar::{Calendar, DAY};
use super::exposition::{is_of_name, name, with_labels};
use super::incident::{is_problem, problem};
use super::recorded::{Rule, recorded};
use super::series::Series;
use super::watch::Watch;

/// How long the history of what no query uses is.
const SHORT_HISTORY: i64 = 3 * DAY;
/// For how long a sample without a successor is an answer, in seconds.
const ANSWERS_FOR: i64 = 300;

/// The history of every series of a target.
pub struct Past {
    pub(crate) calendar: Calendar,
    pub(crate) watched: Vec<Series>,
    /// What rules made of it, with the name of the metric.
    pub(crate) recorded: BTreeMap<String, Vec<(i64, f64)>>,
    /// The names of which all of it is stored; of the others, only the last days.
    whole: BTreeSet<String>,
    job: String,
    instance: String,
}

impl Past {
    /// The history of what was watched, as Prometheus would have scraped it from this instance for this job. Of what no
    /// query in a text uses, it is short: most series are only looked at now and then.
    pub fn of(watch: &mut Watch, job: &str, instance: &str, queries: &str) -> Self {
        watch.see_scrape();
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
        let now = watch.end() as i64;
        let (series, disturbance) = problem(now);
        let watched = watch.series().filter(|(series, _)| !is_problem(series));
        let watched = watched.map(|(series, seen)| Series::new(series, seen, watch.rate(series, seen), now));
        let watched = watched.chain([Series::only_while(series, disturbance)]).collect();
        Self {
            calendar: Calendar::until(now),
            watched,
            recorded: BTreeMap::new(),
            whole: words(queries).map(str::to_owned).collect(),
            job: job.to_owned(),
            instance: instance.to_owned(),
        }
    }

    /// The first and the last second.
    pub fn span(&self) -> (i64, i64) {
        (self.calendar.times[0], self.calendar.times[self.calendar.times.len() - 1])
    }

    /// The first of the points in time at which a series is stored.
    pub(crate) fn first(&self, series: &Series) -> usize {
        let (_, last) = self.span();
        match self.whole.contains(name(&series.exposed)) {
            true => 0,
            false => self.calendar.times.partition_point(|time| *time < last - SHORT_HISTORY),
        }
    }

    /// Adds what Prometheus answers to a rule's expression over the span. The last answer is also that at its end: until
    /// rules are evaluated again, it is the only one.
    ///
    /// # Errors
    /// When that is no answer of Prometheus.
    pub fn record(&mut self, rule: &Rule, answer: &str) -> Result<(), serde_json::Error> {
        let (_, end) = self.span();
        for (series, mut values) in recorded(rule, answer)? {
            if let Some(&(time, value)) = values.last()
                && (end - ANSWERS_FOR..end).contains(&time)
            {
                values.push((end, value));
            }
            self.recorded.insert(series, values);
        }
        Ok(())
    }

    /// A series as it is stored, for those whose names fit.
    pub(crate) fn stored(&self, series: &Series, fits: &dyn Fn(&str) -> bool) -> Option<String> {
        let exposed = &series.exposed;
        let labels = [("instance", self.instance.as_str()), ("job", self.job.as_str())];
        fits(name(exposed)).then(|| with_labels(exposed, &labels))
    }
}

/// The words of a text, among them the names of metrics.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !is_of_name(letter))
}
