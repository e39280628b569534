//! `probe NAME`: runs one probe and prints its metrics.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use platform_core::metric::{Format, encode};
use platform_core::probe::Problem;
use platform_core::setting::SourceName;

use super::Loaded;
use crate::cli::Flags;
use crate::schedule::{Assembly, assemble, by_kind, probe_once};
use crate::snapshot::{Status, Store};

/// What a probe from the command line found.
pub struct Probed {
    /// The status.
    pub status: Status,
    /// The problems.
    pub problems: Vec<Problem>,
    /// The metrics, in the text format.
    pub metrics: String,
}

/// Probes one source once. Returns `None` when there is no such source.
pub async fn probe(flags: &Flags, loaded: &Loaded, name: &str) -> Option<Probed> {
    let (name, source) = loaded.config.sources().get_key_value(name)?;
    let assembly =
        assemble(&loaded.config, &by_kind(Arc::default(), super::variable, flags.storage_path.as_deref()));
    let mut probers = open_lanes(assembly);
    let store = Store::new(&loaded.config, SystemTime::now());
    let started = Instant::now();
    let result = probe_once(probers.remove(name)?.as_mut(), source.timeout).await;
    let event = store.update(name, |state| state.probed(result, started.elapsed(), SystemTime::now()));
    let state = store.state(name.as_str())?;
    Some(Probed {
        status: state.status(),
        problems: event.flatten().map(|event| event.problems).unwrap_or_default(),
        metrics: encode(&state.exposition(Instant::now()), Format::Text),
    })
}

/// Serves the lanes on the current runtime, and returns the probers.
pub(super) fn open_lanes(
    assembly: Assembly,
) -> std::collections::BTreeMap<SourceName, Box<dyn platform_core::probe::Prober>> {
    for (mut inbox, mut answers) in assembly.inboxes {
        tokio::spawn(async move { inbox.serve(answers.as_mut()).await });
    }
    assembly.probers
}
