//! `probe NAME [TARGET]`: runs one probe and the queries of the source, and prints their metrics.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use platform_core::metric::{Format, encode};
use platform_core::probe::{Prober, Problem, Reason};
use platform_core::query::Reading;
use platform_core::setting::SourceName;
use platform_core::yaml::Faults;

use super::Loaded;
use crate::cli::Flags;
use crate::config::ProbeTarget;
use crate::schedule::{Assembly, Lanes, ask, assemble, by_kind, probe_and_leave};
use crate::snapshot::{QueryRun, SourceState, Status, Store};

/// What a probe from the command line found.
pub struct Probed {
    /// The status.
    pub status: Status,
    /// The problems.
    pub problems: Vec<Problem>,
    /// The metrics, in the text format.
    pub metrics: String,
}

/// Why nothing is probed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error("there is no source `{name}` in {origin}")]
    NoSource { name: String, origin: String },
    #[error("`{0}` is a module: name a target as well, as in `probe {0} HOST:PORT`")]
    NoTarget(String),
    #[error("there is no module `{name}` in {origin}")]
    NoModule { name: String, origin: String },
    #[error("the module `{module}` does not allow the target {target}: see its `targets`")]
    NotAllowed { module: String, target: ProbeTarget },
    #[error("{0}")]
    Unusable(Faults),
}

/// Probes a source, or a target of a module, once.
///
/// # Errors
/// When there is no such source, module or target.
pub async fn probe(
    flags: &Flags,
    loaded: &Loaded,
    name: &str,
    target: Option<&ProbeTarget>,
) -> Result<Probed, ProbeError> {
    match target {
        None => source(flags, loaded, name).await,
        Some(target) => target_of(flags, loaded, name, target).await,
    }
}

async fn source(flags: &Flags, loaded: &Loaded, name: &str) -> Result<Probed, ProbeError> {
    if loaded.config.modules().contains_key(name) {
        return Err(ProbeError::NoTarget(name.to_owned()));
    }
    let no_source = || ProbeError::NoSource { name: name.to_owned(), origin: loaded.origin.clone() };
    let (name, source) = loaded.config.sources().get_key_value(name).ok_or_else(no_source)?;
    let build = by_kind(Arc::default(), super::variable, flags.storage_path.as_deref());
    let assembly = assemble(&loaded.config, &build);
    let lanes = assembly.lanes.clone();
    let mut probers = open_lanes(assembly);
    let mut prober = probers.remove(name).ok_or_else(no_source)?;
    let mut state =
        Store::new(&loaded.config, SystemTime::now()).state(name.as_str()).ok_or_else(no_source)?;
    once(&mut state, source.timeout, prober.as_mut()).await;
    for declared in loaded.config.queries().iter().filter(|query| query.ask.source() == name) {
        let (rows, duration) = ask(declared, &lanes).await;
        let read = |rows| Reading::new(Arc::new(declared.spec.clone())).read(rows);
        let result = rows.and_then(|rows| read(rows).map_err(|fault| Problem::new(Reason::Query, fault)));
        let query = &declared.spec.name;
        let run = QueryRun {
            result: result.map(|result| state.encoder_of(query).query(result)),
            waited: Duration::ZERO,
            duration,
            every: declared.every.get(),
            max_age: declared.max_age.get(),
            ended: Instant::now(),
        };
        state.queried(query, run, SystemTime::now());
    }
    Ok(Probed::of(&state))
}

async fn target_of(
    flags: &Flags,
    loaded: &Loaded,
    module: &str,
    target: &ProbeTarget,
) -> Result<Probed, ProbeError> {
    let no_module = || ProbeError::NoModule { name: module.to_owned(), origin: loaded.origin.clone() };
    let (name, module) = loaded.config.modules().get_key_value(module).ok_or_else(no_module)?;
    if !module.allows(target) {
        return Err(ProbeError::NotAllowed { module: name.to_string(), target: target.clone() });
    }
    let source = module.source(target).map_err(ProbeError::Unusable)?;
    let build = by_kind(Arc::default(), super::variable, flags.storage_path.as_deref());
    let mut prober = build(name, &source, &[], &Lanes::new()).prober;
    let mut state = SourceState::new(name, &source, SystemTime::now());
    once(&mut state, source.timeout, prober.as_mut()).await;
    Ok(Probed::of(&state))
}

async fn once(state: &mut SourceState, timeout: Duration, prober: &mut dyn Prober) {
    let started = Instant::now();
    let result = probe_and_leave(prober, timeout).await.map(|observation| state.encoder().probe(observation));
    state.probed(result, started.elapsed(), SystemTime::now());
}

impl Probed {
    fn of(state: &SourceState) -> Self {
        Self {
            status: state.status(),
            problems: state.problems().into_iter().map(|(problem, _)| problem).collect(),
            metrics: encode(&state.exposition(Instant::now()), Format::Text),
        }
    }
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
