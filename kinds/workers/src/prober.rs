//! One probe: all classes at once, each from its own source.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future;
use platform_core::large;
use platform_core::metric::Families;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::Lane;
use platform_core::setting::SourceName;

use super::ahead::Ahead;
use super::config::{Class, ClassName, HeartbeatOrigin};
use super::families::{Known, add_configured};
use super::pushed::Pushed;
use super::store::HeartbeatStore;
use super::worker::WorkerList;

pub(super) struct WorkersProber {
    pub(super) classes: BTreeMap<ClassName, Class>,
    pub(super) lanes: BTreeMap<SourceName, Lane>,
    pub(super) pushed: Pushed,
    pub(super) ahead: Ahead,
    /// How long reading a class may take.
    pub(super) timeout: Duration,
}

#[async_trait::async_trait]
impl Prober for WorkersProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        self.pushed.begin().await;
        let read = self.classes.iter().map(|(name, class)| self.read(name.as_str(), class));
        let rolls = future::join_all(read).await;
        let mut observation = Observation::default();
        let mut families = Families::default();
        let mut failures = Vec::new();
        for ((name, class), roll) in self.classes.iter().zip(rolls) {
            let name = name.as_str();
            add_configured(&mut families, name, class);
            if matches!(class.way, HeartbeatOrigin::Push { .. }) {
                observation.problems.extend(self.pushed.add_refused(&mut families, name));
            }
            match roll {
                Ok((mut roll, is_settled)) => {
                    let problem = large::in_place(roll.workers.len(), || {
                        self.ahead.mark(name, &mut roll);
                        Known { class, name, roll: &roll, is_settled }.add_to(&mut families)
                    });
                    observation.problems.extend(problem);
                }
                Err(problem) => failures.push(problem.context(format_args!("class {name}"))),
            }
        }
        if failures.len() == self.classes.len()
            && let Some(first) = failures.first()
        {
            return Err(first.clone());
        }
        observation.problems.extend(failures);
        if let Err(error) = self.pushed.save().await {
            let detail = format!("cannot save pushed heartbeats: {error}");
            observation.problems.push(Problem::new(Reason::Internal, detail));
        }
        observation.families = families.into_vec();
        Ok(observation)
    }
}

impl WorkersProber {
    async fn read(&self, name: &str, class: &Class) -> Result<(WorkerList, bool), Problem> {
        let HeartbeatOrigin::Ask { from, layout } = &class.way else {
            return Ok(self.pushed.roll(name, class.limit.unwrap_or_default()));
        };
        let lane = self.lanes.get(from);
        let lane =
            lane.ok_or_else(|| Problem::new(Reason::Internal, format!("there is no source `{from}`")))?;
        let store = HeartbeatStore { lane: lane.clone(), timeout: self.timeout };
        // The lane's timeout starts when a query runs; this one includes waiting, and all queries.
        let late = |_| Err(Problem::new(Reason::Timeout, format!("no answer within {:?}", self.timeout)));
        let roll = tokio::time::timeout(self.timeout, layout.read(&store)).await.unwrap_or_else(late);
        roll.map(|roll| (roll, true)).map_err(|problem| problem.context(from))
    }
}
