//! Which of the workers that recipes have found are alive.

use std::time::Duration;

use platform_core::printable::printable;
use platform_core::setting::SourceName;

use crate::config::Source;
use crate::init::{FoundWorkers, LiveWorkers};
use crate::schedule::{Build, Lanes, probe_and_leave};

/// How long reading the heartbeats of a class may take.
const LOOK: Duration = Duration::from_secs(10);

/// Reads the heartbeats of a class, as the source will that it is proposed for.
///
/// # Errors
/// Why it is not proposed: a number that is not known is nothing to be alerted about, and none may be right or an outage.
pub(super) async fn live(found: FoundWorkers, build: &Build, lanes: &Lanes) -> Result<LiveWorkers, String> {
    let why = |why: &dyn std::fmt::Display| format!("{}: not proposed: {why}", found.id);
    let config = found.source().map_err(|faults| why(&faults))?;
    let dependencies = config.definition().dependencies();
    let reads = dependencies.into_iter().flat_map(|dependency| dependency.reads).collect();
    let source = Source { config, interval: LOOK, timeout: LOOK, slow_after: None, fingerprint: 0 };
    let name =
        SourceName::try_from(found.from.clone()).map_err(|error| why(&printable(error.to_string())))?;
    let mut prober = build(&name, &source, &[], lanes).prober;
    let observation = probe_and_leave(prober.as_mut(), LOOK).await.map_err(|problem| why(&problem))?;
    let alive = observation.families.iter().find(|family| family.desc.name == "workers_alive");
    let alive = alive.and_then(|family| family.samples.first()).map_or(0.0, |sample| sample.value);
    match alive as u32 {
        0 => Err(why(&"no worker is alive now: run `init` again when one is")),
        alive => Ok(LiveWorkers { found, alive, reads }),
    }
}
