//! From a configuration to running parts: every source built, the lanes between them laid. Touches no network.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::beat::Beats;
use crate::config::Config;
use crate::probe::Prober;
use crate::query::{Answers, Ask, Inbox, Lane, Question, lane};
use crate::setting::SourceName;
use crate::source::Context;

/// The parts of all sources.
pub struct Assembly {
    /// The probers by the names of their sources.
    pub probers: BTreeMap<SourceName, Box<dyn Prober>>,
    /// The asking ends of the query lanes.
    pub lanes: BTreeMap<SourceName, Lane>,
    /// The answering ends, each with what answers.
    pub inboxes: Vec<(Inbox, Box<dyn Answers>)>,
}

/// Builds every source of a configuration.
pub fn assemble(config: &Config, beats: &Arc<Beats>, state_dir: Option<&Path>) -> Assembly {
    let questions = questions(config);
    // A source may ask any other, so every lane is there before the first source is built.
    let (lanes, mut inboxes): (BTreeMap<_, _>, BTreeMap<_, _>) = config
        .sources()
        .keys()
        .map(|name| {
            let (lane, inbox) = lane();
            ((name.clone(), lane), (name.clone(), inbox))
        })
        .unzip();
    let mut assembly = Assembly { probers: BTreeMap::new(), lanes, inboxes: Vec::new() };
    for (name, source) in config.sources() {
        let parts = source.config.definition().build(&Context {
            name,
            timeout: source.timeout,
            questions: questions.get(name).map_or(&[], Vec::as_slice),
            lanes: &assembly.lanes,
            beats,
            state_dir,
        });
        assembly.probers.insert(name.clone(), parts.prober);
        assembly.inboxes.extend(inboxes.remove(name).zip(parts.answers));
    }
    assembly
}

/// Every question that will be put to each source.
fn questions(config: &Config) -> BTreeMap<SourceName, Vec<Question>> {
    let mut questions: BTreeMap<SourceName, Vec<Question>> = BTreeMap::new();
    let mut add = |source: &SourceName, question: &Question| {
        questions.entry(source.clone()).or_default().push(question.clone());
    };
    for query in config.queries() {
        match &query.ask {
            Ask::One { source, question } => add(source, question),
            Ask::Distinct(parts) => parts.iter().for_each(|part| add(&part.source, &part.question)),
        }
    }
    for source in config.sources().values() {
        for (asked, question) in source.config.definition().asks() {
            add(&asked, &question);
        }
    }
    questions
}
