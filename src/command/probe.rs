//! `probe NAME [TARGET]`: runs one probe and the queries of the source, and prints their metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use platform_core::metric::{Family, Format, encode};
use platform_core::printable::printable;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::{Declared, Reading};
use platform_core::setting::SourceName;
use platform_core::yaml::Faults;
use serde_json::json;

use super::{Loaded, hint, series};
use crate::cli::{Flags, ResultFormat};
use crate::config::ProbeTarget;
use crate::schedule::{Assembly, Lanes, ask, assemble, by_kind, failure_of, probe_and_leave};
use crate::snapshot::{QueryRun, SourceState, Status, Store};

/// What a probe from the command line found.
pub struct Probed {
    /// The status.
    pub status: Status,
    /// The problems.
    pub problems: Vec<Problem>,
    /// The metrics, in the requested format.
    pub text: String,
}

/// Why nothing is probed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error("there is no source `{name}` in {origin}{hint}")]
    NoSource { name: String, origin: String, hint: String },
    #[error("`{0}` is a module: name a target as well, as in `probe {0} HOST:PORT`")]
    NoTarget(String),
    #[error("there is no module `{name}` in {origin}{hint}")]
    NoModule { name: String, origin: String, hint: String },
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
    format: ResultFormat,
) -> Result<Probed, ProbeError> {
    let (state, families) = match target {
        None => source(flags, loaded, name).await,
        Some(target) => target_of(flags, loaded, name, target).await,
    }?;
    let problems: Vec<_> = state.problems().into_iter().map(|(problem, _)| problem).collect();
    let text = match format {
        ResultFormat::Table => table(&state),
        ResultFormat::Prometheus => exposition(&state),
        ResultFormat::Json => json(name, &state, &families, &problems),
    };
    Ok(Probed { status: state.status(), problems, text })
}

/// The state of a source after a probe, and the values that it is made of.
type Observed = (SourceState, Vec<Family>);

async fn source(flags: &Flags, loaded: &Loaded, name: &str) -> Result<Observed, ProbeError> {
    if loaded.config.modules().contains_key(name) {
        return Err(ProbeError::NoTarget(name.to_owned()));
    }
    let known = loaded.config.sources().keys().chain(loaded.config.modules().keys());
    let hint = hint(name, known.map(SourceName::as_str));
    let no_source =
        || ProbeError::NoSource { name: name.to_owned(), origin: loaded.origin.clone(), hint: hint.clone() };
    let (name, source) = loaded.config.sources().get_key_value(name).ok_or_else(no_source)?;
    let build = by_kind(Arc::default(), super::variable, flags.storage_path.as_deref());
    let assembly = assemble(&loaded.config, &build);
    let lanes = assembly.lanes.clone();
    let mut probers = open_lanes(assembly);
    let mut prober = probers.remove(name).ok_or_else(no_source)?;
    let mut state =
        Store::new(&loaded.config, SystemTime::now()).state(name.as_str()).ok_or_else(no_source)?;
    let probe = Probe::run(prober.as_mut(), source.timeout).await;
    // Why the queries of a source that is down fail is known.
    let queries = loaded.config.queries().iter().filter(|_| probe.is_good());
    let mut families = Vec::new();
    for declared in queries.filter(|query| query.ask.source() == name) {
        families.extend(query(declared, &lanes, &mut state).await);
    }
    families.extend(probe.record(&mut state));
    Ok((state, families))
}

async fn target_of(
    flags: &Flags,
    loaded: &Loaded,
    module: &str,
    target: &ProbeTarget,
) -> Result<Observed, ProbeError> {
    let no_module = || ProbeError::NoModule {
        name: module.to_owned(),
        origin: loaded.origin.clone(),
        hint: hint(module, loaded.config.modules().keys().map(SourceName::as_str)),
    };
    let (name, module) = loaded.config.modules().get_key_value(module).ok_or_else(no_module)?;
    if !module.allows(target) {
        return Err(ProbeError::NotAllowed { module: name.to_string(), target: target.clone() });
    }
    let source = module.source(target).map_err(ProbeError::Unusable)?;
    let build = by_kind(Arc::default(), super::variable, flags.storage_path.as_deref());
    let mut prober = build(name, &source, &[], &Lanes::new()).prober;
    let mut state = SourceState::new(name, &source, SystemTime::now());
    let families = Probe::run(prober.as_mut(), source.timeout).await.record(&mut state);
    Ok((state, families))
}

/// Runs a query, and returns the values in its result.
async fn query(declared: &Declared, lanes: &Lanes, state: &mut SourceState) -> Vec<Family> {
    let (rows, duration) = ask(declared, lanes).await;
    let read = |rows| Reading::new(Arc::new(declared.spec.clone())).read(rows);
    let result = rows.and_then(|rows| read(rows).map_err(|fault| Problem::new(Reason::Query, fault)));
    let families = result.as_ref().map(|result| result.families.clone()).unwrap_or_default();
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
    families
}

/// A probe that has ended.
struct Probe {
    result: Result<Observation, Problem>,
    duration: Duration,
}

impl Probe {
    async fn run(prober: &mut dyn Prober, timeout: Duration) -> Self {
        let started = Instant::now();
        let result = probe_and_leave(prober, timeout).await;
        Self { result, duration: started.elapsed() }
    }

    fn is_good(&self) -> bool {
        failure_of(&self.result).is_none()
    }

    /// Also judges the queries that ran before. Returns the values of the probe.
    fn record(self, state: &mut SourceState) -> Vec<Family> {
        let now = Instant::now();
        let families =
            self.result.as_ref().map(|observation| observation.families.clone()).unwrap_or_default();
        let result = self.result.map(|observation| state.encoder().probe(observation));
        state.expect_probe(now, now, Duration::ZERO);
        state.probed(result, self.duration, SystemTime::now());
        families
    }
}

fn exposition(state: &SourceState) -> String {
    encode(&state.exposition(Instant::now()), Format::Text)
}

/// For people: the status, and a line for each series.
fn table(state: &SourceState) -> String {
    let exposition = exposition(state);
    let series = exposition.lines().filter(|line| !line.starts_with('#'));
    let series: Vec<_> = series.filter_map(|line| line.rsplit_once(' ')).collect();
    let width = series.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let took = state.last_duration().unwrap_or_default();
    let head = format!("{} {}, {} series, {took:.1?}\n\n", state.target(), state.status(), series.len());
    let line = |(name, value): (&str, &str)| format!("{}  {value}\n", printable(format!("{name:width$}")));
    head + &series.into_iter().map(line).collect::<String>()
}

/// For programs.
fn json(name: &str, state: &SourceState, families: &[Family], problems: &[Problem]) -> String {
    let json = json!({
        "source": name,
        "kind": state.kind().as_str(),
        "target": state.target(),
        "status": state.status().as_str(),
        "duration_seconds": state.last_duration().map(|duration| duration.as_secs_f64()),
        "series": families.iter().flat_map(|family| series::json(name, family)).collect::<Vec<_>>(),
        "problems": series::problems_json(problems),
    });
    format!("{json:#}\n")
}

/// Serves the lanes on the current runtime, and returns the probers.
pub(super) fn open_lanes(assembly: Assembly) -> BTreeMap<SourceName, Box<dyn Prober>> {
    for (mut inbox, mut answers) in assembly.inboxes {
        tokio::spawn(async move { inbox.serve(answers.as_mut()).await });
    }
    assembly.probers
}
