//! Probes for clients of `/probe`: of all that a source turns on, or of the collectors that a client chooses.
//!
//! Each choice has a state of its own, and all are probed by the same prober, one after another: however many there are,
//! the source has no more connections.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use platform_core::collectors::{Chosen, Collectors};
use platform_core::probe::{Prober, Problem, Reason};
use platform_core::setting::SourceName;
use tokio::time::Instant;

use super::probe_once::{probe_once, take_in};
use super::refusal::ProbeRefusal;
use super::status_log::StatusLog;
use crate::config::Source;
use crate::snapshot::{EncodedProbe, Encoder, SourceState};

/// A result younger than this is reused, which limits how often clients can trigger probes.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(1);

/// More than the scrape jobs of one source have. It is as many probes as clients can trigger within [`FRESH_FOR`].
const MOST: usize = 16;

/// What a client chooses; `None` for all that is turned on.
pub(super) type CollectorChoice = Option<Chosen>;

/// The states of a source by what clients have chosen lately.
pub(super) struct ChosenParts {
    /// In the log.
    name: String,
    collectors: Option<Collectors>,
    unprobed: SourceState,
    states: BTreeMap<CollectorChoice, SourceState>,
}

impl ChosenParts {
    /// Those of a source that has not been probed. `log_name` is its name in the log.
    pub(super) fn new(log_name: String, name: &SourceName, source: &Source) -> Self {
        let unprobed = SourceState::new(name, source, SystemTime::now());
        let collectors = source.config.definition().collectors();
        Self { name: log_name, collectors, unprobed, states: BTreeMap::new() }
    }

    /// The choice of these collectors. Of the choices that are kept, the one that was probed the longest ago makes room.
    ///
    /// # Errors
    /// When it cannot be chosen.
    pub(super) fn choose(&mut self, collect: &[String]) -> Result<CollectorChoice, ProbeRefusal> {
        let choice = match &self.collectors {
            _ if collect.is_empty() => None,
            Some(collectors) => Some(collectors.choose(collect)?),
            None => return Err(ProbeRefusal::Undivided(self.unprobed.kind().as_str())),
        };
        if !self.states.contains_key(&choice) && self.states.len() >= MOST {
            let now = Instant::now().into_std();
            let old = self.states.iter().filter(|(_, state)| !state.is_fresh(now, FRESH_FOR));
            let oldest = old.min_by_key(|(_, state)| state.probed_at()).map(|(choice, _)| choice.clone());
            self.states.remove(&oldest.ok_or(ProbeRefusal::TooManyChoices)?);
        }
        self.states.entry(choice.clone()).or_insert_with(|| self.unprobed.clone());
        Ok(choice)
    }

    /// Whether the source has ever answered.
    pub(super) fn has_answered(&self) -> bool {
        self.states.values().any(|state| state.last_success().is_some())
    }

    /// What is known now. If the client's deadline is over, the probe continues for others, and this is a timeout.
    pub(super) fn state(&self, choice: &CollectorChoice, late_after: Option<Duration>) -> SourceState {
        let mut state = self.states.get(choice).unwrap_or(&self.unprobed).clone();
        if let Some(waited) = late_after {
            let late = Problem::new(Reason::Timeout, "not probed within the scrape timeout");
            drop(state.probed(Err(late), waited, SystemTime::now()));
        }
        state
    }

    fn is_fresh(&self, choice: &CollectorChoice) -> bool {
        let now = Instant::now().into_std();
        self.states.get(choice).is_some_and(|state| state.is_fresh(now, FRESH_FOR))
    }

    fn encoder(&self, choice: &CollectorChoice) -> Encoder {
        self.states.get(choice).unwrap_or(&self.unprobed).encoder()
    }

    fn record(
        &mut self,
        choice: &CollectorChoice,
        result: Result<EncodedProbe, Problem>,
        took: Duration,
        log: &StatusLog,
    ) {
        let state = self.states.entry(choice.clone()).or_insert_with(|| self.unprobed.clone());
        let ended = Instant::now().into_std();
        state.expect_probe(ended, ended, Duration::ZERO);
        if let Some(event) = state.probed(result, took, SystemTime::now()) {
            let name = match choice {
                Some(chosen) => format!("{}[{chosen}]", self.name),
                None => self.name.clone(),
            };
            log.event(&name, state.kind(), &event);
        }
    }
}

/// Probes what was chosen, unless the last result is fresh.
pub(super) async fn probe(
    prober: &mut dyn Prober,
    parts: &Mutex<ChosenParts>,
    choice: &CollectorChoice,
    timeout: Duration,
    log: &StatusLog,
) {
    if parts.lock().is_fresh(choice) {
        return;
    }
    prober.choose(choice.as_ref());
    let started = Instant::now();
    let result = probe_once(prober, timeout).await;
    prober.choose(None);
    let took = started.elapsed();
    take_in(result, |result| {
        let encoder = parts.lock().encoder(choice);
        let result = result.map(|observation| encoder.probe(observation));
        parts.lock().record(choice, result, took, log);
    });
}
