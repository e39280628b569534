//! What fires in a scenario, how long after its beginning, and whether it should.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::consequences;
use super::promtool::Fired;
use super::rules::Alert;
use super::scenario::Scenario;
use super::series::Series;

/// It fires all the time.
pub(crate) const WATCHDOG: &str = "Watchdog";

pub(crate) struct Outcome {
    pub(crate) scenario: Scenario,
    /// What fires, and how long after the failure. That is not known if the scenario begins with it.
    pub(crate) fired: BTreeMap<Alert, Option<Duration>>,
}

impl Outcome {
    pub(crate) fn new(scenario: Scenario, fired: &[Fired]) -> Self {
        let mut first: BTreeMap<Alert, &Fired> = BTreeMap::new();
        for found in fired {
            let earliest = first.entry(found.alert.clone()).or_insert(found);
            if found.at < earliest.at {
                *earliest = found;
            }
        }
        let fired = first.into_iter().map(|(alert, found)| (alert, after(&scenario, found)));
        let fired = fired.collect();
        Self { scenario, fired }
    }

    /// What fires, but for the watchdog.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.fired.keys().map(|alert| alert.name.as_str()).filter(|name| *name != WATCHDOG).collect()
    }

    /// What fires that the scenario is not about: the alert and its cause.
    pub(crate) fn companions(&self) -> Vec<(&str, Option<&'static consequences::Consequence>)> {
        let is_other = |name: &&str| !self.scenario.expected.contains(*name);
        let with_cause = |name| (name, consequences::find(&self.scenario.expected, name));
        self.names().into_iter().filter(is_other).map(with_cause).collect()
    }

    /// Whether everything fires that should, and nothing else.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let names: BTreeSet<_> = self.fired.keys().map(|alert| alert.name.as_str()).collect();
        let silent = self.scenario.expected.iter().filter(|name| !names.contains(name.as_str()));
        let silent = silent.map(|name| format!("{name} does not fire"));
        let loud = self.companions().into_iter().filter(|(_, cause)| cause.is_none());
        let loud = loud.map(|(name, _)| {
            format!("{name} fires as well: if it should, tests/alerts/consequences.rs has to say why")
        });
        let wrong: Vec<_> = silent.chain(loud).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }
}

/// How long after the failure an alert fires. The failure is the last departure from its course of a series that the
/// alert may be about, or else of one of the same job: jobs wait in one source, and their workers are another.
fn after(scenario: &Scenario, fired: &Fired) -> Option<Duration> {
    let begins = |concerns: &dyn Fn(&Series) -> bool| {
        let concerned = scenario.series.iter().filter(|series| concerns(series));
        let departures = concerned.filter_map(|series| u32::try_from(series.departure()?).ok());
        departures.map(|sample| scenario.interval * sample).filter(|begin| *begin <= fired.at).max()
    };
    let of_job = |series: &Series| fired.labels.get("job").is_some_and(|job| job == series.label("job"));
    let begin = begins(&|series| series.concerns(&fired.labels)).or_else(|| begins(&of_job))?;
    Some(fired.at - begin)
}
