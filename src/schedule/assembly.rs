//! Builds the parts of each source from a configuration, and the lanes between sources. No network access.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use platform_core::built_in::ParsedQueries;
use platform_core::heartbeat::Heartbeats;
use platform_core::kind::{Context, Dependency, Parts};
use platform_core::probe::Prober;
use platform_core::query::{Answers, Ask, Inbox, Lane, Question, lane};
use platform_core::setting::SourceName;

use crate::config::{Config, Source};
use crate::registry::languages;

/// The sending ends of the query lanes, by source name.
pub type Lanes = BTreeMap<SourceName, Lane>;

/// Builds the parts of a source from its name, configuration and the queries that it has to know in advance.
pub type Build = Box<dyn Fn(&SourceName, &Source, &[Question], &Lanes) -> Parts + Send + Sync>;

/// Builds sources by their kind. `variable` reads the environment; `state_dir` is for state that survives restarts.
pub fn by_kind(
    heartbeats: Arc<Heartbeats>,
    variable: fn(&str) -> Option<String>,
    state_dir: Option<&Path>,
) -> Build {
    let state_dir: Option<PathBuf> = state_dir.map(Path::to_owned);
    let built_in = ParsedQueries::default();
    Box::new(move |name, source, questions, lanes| {
        source.config.definition().build(&Context {
            name,
            timeout: source.timeout,
            questions,
            lanes,
            built_in: &built_in,
            heartbeats: &heartbeats,
            variable: &variable,
            state_dir: state_dir.as_deref(),
        })
    })
}

/// The parts of all sources of a configuration, not running yet.
pub struct Assembly {
    /// The probers, by source name.
    pub probers: BTreeMap<SourceName, Box<dyn Prober>>,
    /// The sending ends of the query lanes.
    pub lanes: Lanes,
    /// The receiving ends, each with what serves it.
    pub inboxes: Vec<(Inbox, Box<dyn Answers>)>,
}

/// Builds every source of a configuration.
pub fn assemble(config: &Config, build: &Build) -> Assembly {
    let questions = questions(config);
    // A source may query any other, so all lanes exist before the first source is built.
    let (lanes, mut inboxes): (Lanes, BTreeMap<_, _>) = config
        .sources()
        .keys()
        .map(|name| {
            let (lane, inbox) = lane();
            ((name.clone(), lane), (name.clone(), inbox))
        })
        .unzip();
    let mut assembly = Assembly { probers: BTreeMap::new(), lanes, inboxes: Vec::new() };
    for (name, source) in config.sources() {
        let parts = build(name, source, of(&questions, name), &assembly.lanes);
        assembly.probers.insert(name.clone(), parts.prober);
        assembly.inboxes.extend(inboxes.remove(name).zip(parts.answers));
    }
    assembly
}

/// The queries that each source has to know in advance.
pub(super) fn questions(config: &Config) -> BTreeMap<SourceName, Vec<Question>> {
    let mut questions: BTreeMap<SourceName, Vec<Question>> = BTreeMap::new();
    let counting: Vec<_> =
        languages().into_iter().filter(|facts| facts.counts_ahead).map(|facts| facts.key).collect();
    let mut add = |source: &SourceName, question: &Question| {
        if counting.contains(&question.key()) {
            questions.entry(source.clone()).or_default().push(question.clone());
        }
    };
    for query in config.queries() {
        match &query.ask {
            Ask::One { source, question } => add(source, question),
            Ask::Distinct(parts) => parts.iter().for_each(|part| add(&part.source, &part.question)),
        }
    }
    for source in config.sources().values() {
        for Dependency { source, question, .. } in source.config.definition().dependencies() {
            add(&source, &question);
        }
    }
    questions
}

/// The queries of one source.
pub(super) fn of<'a>(
    questions: &'a BTreeMap<SourceName, Vec<Question>>,
    name: &SourceName,
) -> &'a [Question] {
    questions.get(name).map_or(&[], Vec::as_slice)
}
