//! The configuration: read, expanded, decoded and checked as a whole, or rejected with all errors.

mod broken_queries;
mod cross_check;
mod deployments;
#[cfg_attr(not(feature = "postgres"), path = "no_roll_ups.rs")]
mod enabled_roll_ups;
mod environment;
mod files;
mod merge;
mod module;
mod pack_inputs;
mod packs;
mod probe_target;
mod schema;
mod source;
mod surroundings;

pub use broken_queries::BrokenQueries;
pub use enabled_roll_ups::RollUp;
pub use environment::{EnvironmentErrors, NoSources, from_environment};
pub use files::{ExpectedContent, FileCheck, NamedFile};
pub use module::Module;
pub use probe_target::{ProbeTarget, ProbeTargetError};
pub use schema::schema;
pub use source::Source;
pub use surroundings::Surroundings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use platform_core::query::{Declared, parse};
use platform_core::setting::{Secret, SourceName};
use platform_core::yaml::{self, Faults, Node, Value};

use crate::pack::Instance;
use crate::registry::{Kind, languages};

/// A valid configuration; only [`load`] creates one.
#[derive(Clone, Debug)]
pub struct Config {
    sources: BTreeMap<SourceName, Source>,
    modules: BTreeMap<SourceName, Module>,
    queries: Vec<Declared>,
    broken_queries: BrokenQueries,
    packs: Vec<Instance>,
    roll_ups: Vec<RollUp>,
    files: Faults,
    named_files: Vec<NamedFile>,
}

impl Config {
    /// The sources by name.
    pub fn sources(&self) -> &BTreeMap<SourceName, Source> {
        &self.sources
    }

    /// The modules by name.
    pub fn modules(&self) -> &BTreeMap<SourceName, Module> {
        &self.modules
    }

    /// The kinds of its sources and modules.
    pub fn kinds(&self) -> BTreeSet<Kind> {
        let of_sources = self.sources.values().map(|source| source.config.kind());
        of_sources.chain(self.modules.values().map(Module::kind)).collect()
    }

    /// The declared queries, including those of packs.
    pub fn queries(&self) -> &[Declared] {
        &self.queries
    }

    /// What queries with errors would export; nothing in a valid configuration.
    pub fn broken_queries(&self) -> &BrokenQueries {
        &self.broken_queries
    }

    /// The token of each class whose workers push their heartbeats.
    pub fn push_tokens(&self) -> BTreeMap<String, Secret> {
        self.sources.values().flat_map(|source| source.config.definition().push_tokens()).collect()
    }

    /// No errors yet, and the files that it was read from: for errors in parts of its packs that are read later. If the
    /// dashboards and rules were checked, the notes on them.
    pub fn files(&self) -> &Faults {
        &self.files
    }

    /// Problems with the files that sources and roll-ups read while they run.
    pub fn check_files(&self, look: FileCheck<'_>) -> Faults {
        let mut faults = self.files.clone();
        files::check(&self.named_files, look, &mut faults);
        faults
    }

    /// The packs in use.
    pub fn packs(&self) -> &[Instance] {
        &self.packs
    }

    /// The enabled roll-ups.
    pub fn roll_ups(&self) -> &[RollUp] {
        &self.roll_ups
    }
}

/// Loads a configuration from its text. `file` is its name in error messages. Relative paths stay as they are.
///
/// # Errors
/// All errors in the text, and in the packs that it uses.
pub fn load(text: &str, file: &str, surroundings: Surroundings<'_>) -> Result<Config, Faults> {
    let file = ConfigFile { name: file.to_owned(), directory: PathBuf::new(), text: text.to_owned() };
    load_files(&[file], surroundings, Checks::default())
}

/// One of the files that are a configuration.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// Its name in error messages.
    pub name: String,
    /// Where its relative paths start.
    pub directory: PathBuf,
    /// What is in it.
    pub text: String,
}

/// What else is checked, besides the configuration itself.
#[derive(Clone, Copy, Default)]
pub struct Checks<'a> {
    /// Finds problems with the files that it refers to.
    pub files: Option<FileCheck<'a>>,
    /// Adds the errors of the dashboards and rules that it uses.
    pub bundle: Option<BundleCheck<'a>>,
}

/// Adds errors of the dashboards and rules that a configuration uses.
pub type BundleCheck<'a> = &'a dyn Fn(&Config, &mut Faults);

/// Loads a configuration from all of its files. What `checks` find are errors, too.
///
/// # Errors
/// As [`load`].
pub fn load_files(
    files: &[ConfigFile],
    surroundings: Surroundings<'_>,
    checks: Checks<'_>,
) -> Result<Config, Faults> {
    let mut faults = Faults::default();
    let mut config = read(files, surroundings, checks.files, &mut faults);
    if let (Some(check), Some(config)) = (checks.bundle, &mut config) {
        check(config, &mut faults);
        config.files = faults.clone();
    }
    config.filter(|_| faults.is_empty()).ok_or(faults)
}

const SECTIONS: [&str; 4] = ["sources", "modules", "packs", "queries"];

fn read(
    files: &[ConfigFile],
    surroundings: Surroundings<'_>,
    look: Option<FileCheck<'_>>,
    faults: &mut Faults,
) -> Option<Config> {
    let (root, languages) = (yaml::Path::default(), languages());
    let (tree, named_files) = tree(files, surroundings, faults)?;
    look.into_iter().for_each(|look| files::check(&named_files, look, faults));
    if let Some(node) = tree.get("queries").filter(|node| node.elements().is_empty()) {
        faults.at(node.place, &root.key("queries"), "expected a list of queries: `- name: …`");
    }
    let own = tree.get("queries").map_or(&[][..], Node::elements);
    // Each is counted in its own file.
    let own = own.chunk_by(|one, next| one.place.file == next.place.file);
    let own = own.flat_map(|of_file| of_file.iter().enumerate());
    let own = own.map(|(index, node)| (root.key("queries").index(index), node));
    let section = |name| tree.get(name).filter(|node| !node.entries().is_empty());
    let (sources, modules) = (section("sources"), section("modules"));
    if sources.is_none() && modules.is_none() {
        let message = "expected at least one source or module: `sources: {NAME: {KIND: {…}}}`";
        faults.at(tree.place, &root, message);
        own.for_each(|(path, node)| drop(parse::declared(node, &path, &languages, faults)));
        return None;
    }
    let sources =
        sources.map(|node| source::read_all(node, &root.key("sources"), faults)).unwrap_or_default();
    let modules = modules.map(|node| module::read_all(node, &root.key("modules"), &sources, faults));
    let modules = modules.unwrap_or_default();
    let packs = packs::read_all(&tree, &sources, surroundings, faults);
    let of_packs = packs.iter().flat_map(|pack| pack.queries.iter().map(|(path, node)| (path.clone(), node)));
    let queries: Vec<_> = own.chain(of_packs).collect();
    cross_check::unique_names(&queries, faults);
    // Those of a pack that cannot be read are not known either.
    let have_others = packs.len() < tree.get("packs").map_or(0, |node| node.entries().len());
    let mut broken_queries = BrokenQueries { have_others, ..BrokenQueries::default() };
    let queries = queries.into_iter().map(|(path, node)| {
        let query = parse::declared(node, &path, &languages, faults);
        if query.is_none() {
            broken_queries.add(node);
            cross_check::names(node, &path, &sources, faults);
        }
        query.map(|query| cross_check::Placed { query, node, path })
    });
    let queries: Vec<_> = queries.collect::<Vec<_>>().into_iter().flatten().collect();
    cross_check::queries(&tree, &queries, &sources, faults);
    let roll_ups =
        enabled_roll_ups::read_all(&tree, &packs, queries.iter().map(|placed| &placed.query), faults);
    cross_check::dependencies(&tree, &sources, faults);
    cross_check::pushed_classes(&tree, &sources, faults);
    let sources = sources.into_iter().filter_map(|(name, source)| Some((name, source?))).collect();
    let queries = queries.into_iter().map(|placed| placed.query).collect();
    let files = faults.clone();
    Some(Config { sources, modules, queries, broken_queries, packs, roll_ups, files, named_files })
}

/// The sections of all files, and the files that they name.
fn tree(
    files: &[ConfigFile],
    surroundings: Surroundings<'_>,
    faults: &mut Faults,
) -> Option<(Node, Vec<NamedFile>)> {
    let (root, mut named_files) = (yaml::Path::default(), Vec::new());
    let trees = files.iter().map(|file| {
        faults.begin(&file.name);
        let mut tree = yaml::parse(&file.text, surroundings.variable, faults)?;
        if is_pack(&tree) {
            faults.at(tree.place, &root, A_PACK);
            return None;
        }
        yaml::refuse_unknown_keys(&tree, &root, &SECTIONS, faults);
        take_as_meant(&mut tree);
        named_files.extend(files::resolve(&mut tree, &file.directory, faults));
        Some(tree)
    });
    // What one file names may be in another: without one of them, the rest cannot be judged.
    let trees = trees.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?;
    Some((merge::merge(trees, &SECTIONS, faults)?, named_files))
}

const A_PACK: &str = "this is a pack, and no configuration: keep it outside of a directory of configuration files, and \
                      use it as in `packs: {NAME: {file: PATH, INPUT: SOURCE}}`";

fn is_pack(tree: &Node) -> bool {
    let has = |key| tree.get(key).is_some();
    has("about") && !SECTIONS[..3].iter().any(|section| has(section))
}

/// A misspelt section name has been reported; errors in the section are reported as well.
fn take_as_meant(tree: &mut Node) {
    let Value::Map(entries) = &mut tree.value else { return };
    for index in 0..entries.len() {
        let meant = yaml::nearest(&entries[index].0.text, SECTIONS);
        if let Some(meant) = meant.filter(|meant| entries.iter().all(|(key, _)| key.text != *meant)) {
            meant.clone_into(&mut entries[index].0.text);
        }
    }
}
