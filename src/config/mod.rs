//! The configuration: read, expanded, decoded and checked as a whole, or refused with every fault.

mod check;
mod environment;
mod roll_up;
mod source;

pub use environment::{NoSources, from_environment};
pub use roll_up::RollUp;
pub use source::Source;

use std::collections::BTreeMap;

use crate::query::{Declared, grammar};
use crate::setting::SourceName;
use crate::yaml::{self, Faults, Path};

/// A configuration without faults: [`load`] is the only way to one.
#[derive(Clone, Debug)]
pub struct Config {
    sources: BTreeMap<SourceName, Source>,
    queries: Vec<Declared>,
    roll_ups: Vec<RollUp>,
}

impl Config {
    /// The sources by name.
    pub fn sources(&self) -> &BTreeMap<SourceName, Source> {
        &self.sources
    }

    /// The declared queries.
    pub fn queries(&self) -> &[Declared] {
        &self.queries
    }

    /// The roll-ups that are switched on.
    pub fn roll_ups(&self) -> &[RollUp] {
        &self.roll_ups
    }
}

/// Loads a configuration from its text. `file` is its name in faults; `variable` answers what `${NAME}` stands for.
///
/// # Errors
/// Every fault in the text.
pub fn load(text: &str, file: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Config, Faults> {
    let mut faults = Faults::of(file);
    let config = read(text, variable, &mut faults);
    config.filter(|_| faults.is_empty()).ok_or(faults)
}

fn read(text: &str, variable: &dyn Fn(&str) -> Option<String>, faults: &mut Faults) -> Option<Config> {
    let root = Path::default();
    let tree = yaml::parse(text, variable, faults)?;
    yaml::refuse_unknown_keys(&tree, &root, &["sources", "queries"], faults);
    let Some(sources) = tree.get("sources").filter(|node| !node.entries().is_empty()) else {
        faults.at(tree.place, &root, "expected at least one source: `sources: {NAME: {KIND: {…}}}`");
        return None;
    };
    let sources = source::read_all(sources, &root.key("sources"), faults);
    let nodes = tree.get("queries").map_or(&[][..], yaml::Node::elements);
    let path = root.key("queries");
    let queries = nodes.iter().enumerate().map(|(index, node)| {
        let path = path.index(index);
        let query = grammar::declared(node, &path, faults);
        if query.is_none() {
            check::named_sources(node, &path, &sources, faults);
        }
        query.map(|query| check::Placed { query, node, path })
    });
    let queries: Vec<_> = queries.collect::<Vec<_>>().into_iter().flatten().collect();
    check::queries(&queries, &tree, &sources, faults);
    check::asked_sources(&tree, &sources, faults);
    check::pushed_classes(&tree, &sources, faults);
    let sources = sources.into_iter().filter_map(|(name, source)| Some((name, source?))).collect();
    Some(Config {
        sources,
        queries: queries.into_iter().map(|placed| placed.query).collect(),
        roll_ups: Vec::new(),
    })
}
