//! Checks across the parts of a configuration.

use std::collections::{BTreeMap, HashMap};

use platform_core::kind::Dependency;
use platform_core::metric::{Desc, LabelName};
use platform_core::query::{Ask, Declared, LanguageFacts, QuerySpec, Question};
use platform_core::setting::SourceName;
use platform_core::yaml::{Fault, Faults, Node, Path, Place, Value, hint};

use super::{Source, deployments};
use crate::registry::{Kind, languages};

/// A query with its place in the file.
pub(super) struct Placed<'a> {
    pub(super) query: Declared,
    pub(super) node: &'a Node,
    pub(super) path: Path,
}

impl Placed<'_> {
    fn fault(&self, key: &str, message: String, faults: &mut Faults) {
        faults.at(self.place(key), &self.path.key(key), message);
    }

    fn place(&self, key: &str) -> Place {
        self.node.get(key).map_or(self.node.place, |node| node.place)
    }
}

/// The sources by name; `None` for a source that has errors itself.
pub(super) type Sources = BTreeMap<SourceName, Option<Source>>;

/// The queries that export a metric.
struct Exporters<'a> {
    desc: &'a Desc,
    first: &'a str,
    by_source: HashMap<&'a SourceName, Vec<&'a QuerySpec>>,
}

/// Checks the declared queries against the sources, against each other and against the names of the kinds.
pub(super) fn queries(tree: &Node, queries: &[Placed<'_>], sources: &Sources, faults: &mut Faults) {
    let (taken, prefixes) = (names_of_kinds(), prefixes_of_kinds());
    let mut declared: HashMap<String, Exporters<'_>> = HashMap::new();
    let mut owners: HashMap<String, String> = HashMap::new();
    for placed in queries {
        let spec = &placed.query.spec;
        asked(placed, sources, faults);
        for desc in spec.catalogue() {
            let begins = |(prefix, kind): &(String, Kind)| desc.name.starts_with(prefix).then_some(*kind);
            let of_kind = |name: String| taken.get(&name).map(|kind| (name, *kind));
            let by_prefix = || Some((desc.name.to_string(), prefixes.iter().find_map(begins)?));
            if let Some((name, kind)) = desc.names().find_map(of_kind).or_else(by_prefix) {
                let message = format!("{name} belongs to the {kind} kind: choose another name");
                placed.fault("metrics", message, faults);
            }
            for name in desc.names() {
                let owner = owners.entry(name.clone()).or_insert_with(|| desc.name.to_string());
                if *owner != desc.name {
                    let message = format!("{} and {owner} both export {name}: rename one of them", desc.name);
                    placed.fault("metrics", message, faults);
                }
            }
            let new = || Exporters { desc, first: &spec.name, by_source: HashMap::new() };
            let exporters = declared.entry(desc.name.to_string()).or_insert_with(new);
            let beside = exporters.by_source.entry(placed.query.ask.source()).or_default();
            if *exporters.desc != **desc {
                let query = exporters.first;
                let message =
                    format!("{} has a different type, help or labels in the query `{query}`", desc.name);
                placed.fault("metrics", message, faults);
            } else if let Some(twin) = beside.iter().find(|query| may_collide(query, spec, &desc.name)) {
                match deployments::shared_input(tree, &placed.query, &twin.name) {
                    Some(fault) => faults.add(fault),
                    None => {
                        let (name, query) = (&desc.name, &twin.name);
                        let message =
                            format!("{name} is already exported by the query `{query}` of the same source");
                        placed.fault("metrics", message, faults);
                    }
                }
            }
            beside.push(spec);
        }
    }
}

/// Whether two queries of the same source may produce the same series of a metric: no fixed label distinguishes their
/// samples.
fn may_collide(one: &QuerySpec, other: &QuerySpec, metric: &str) -> bool {
    let fixed = |query: &'_ QuerySpec| {
        let metrics = query.metrics.iter().filter(|known| known.name.as_ref() == metric);
        metrics.map(|known| known.labels.clone()).collect::<Vec<_>>()
    };
    let is_apart = |one: &BTreeMap<LabelName, String>, other: &BTreeMap<LabelName, String>| {
        one.iter().any(|(label, value)| other.get(label).is_some_and(|other| other != value))
    };
    let others = fixed(other);
    fixed(one).iter().any(|one| others.iter().any(|other| !is_apart(one, other)))
}

fn asked(placed: &Placed<'_>, sources: &Sources, faults: &mut Faults) {
    match &placed.query.ask {
        Ask::One { source, question } => {
            asks(source, question, sources, placed.place("source"), &placed.path.key("source"), faults);
        }
        Ask::Distinct(parts) => {
            let elements = placed.node.get("distinct").map_or(&[][..], Node::elements);
            for (index, (part, node)) in parts.iter().zip(elements).enumerate() {
                let path = placed.path.key("distinct").index(index).key("source");
                let place = node.get("source").map_or(node.place, |node| node.place);
                asks(&part.source, &part.question, sources, place, &path, faults);
            }
        }
    }
}

/// Checks what sources read through other sources.
pub(super) fn dependencies(tree: &Node, sources: &Sources, faults: &mut Faults) {
    let languages = languages();
    let entries = tree.get("sources").map_or(&[][..], Node::entries);
    let nodes: HashMap<&str, &Node> = entries.iter().map(|(key, node)| (key.text.as_str(), node)).collect();
    for (name, source) in sources.iter().filter_map(|(name, source)| Some((name, source.as_ref()?))) {
        let node = nodes.get(name.as_str()).copied().unwrap_or(tree);
        let path = Path::default().key("sources").key(name.as_str());
        for dependency in source.config.definition().dependencies() {
            depends(&dependency, (node, path.clone()), &languages, sources, faults);
        }
    }
}

/// The entry of a map, or else the map, with the path of the entry.
fn below<'a>((node, path): &(&'a Node, Path), key: &str) -> (&'a Node, Path) {
    (node.get(key).unwrap_or(node), path.key(key))
}

/// Checks one of them, in the entry of its source.
fn depends(
    Dependency { source, question, keys, source_key, .. }: &Dependency,
    entry: (&Node, Path),
    languages: &[LanguageFacts],
    sources: &Sources,
    faults: &mut Faults,
) {
    let [above @ .., last] = keys.as_slice() else { return };
    let beside = above.iter().fold(entry, |above, key| below(&above, key));
    let (node, path) = below(&beside, last);
    if sources.contains_key(source) {
        asks(source, question, sources, node.place, &path, faults);
    } else {
        let (named, path) = below(&beside, source_key);
        faults.add(no_such_source(source.as_str(), sources, named.place, &path));
    }
    if let Some(language) =
        languages.iter().find(|language| last == language.key && language.key == question.key())
    {
        (language.read)(node, &path, faults);
    }
}

/// Checks that the class of workers that push belongs to one source.
pub(super) fn pushed_classes(tree: &Node, sources: &Sources, faults: &mut Faults) {
    let mut owners: HashMap<String, &SourceName> = HashMap::new();
    for (name, source) in sources.iter().filter_map(|(name, source)| Some((name, source.as_ref()?))) {
        for (class, _) in source.config.definition().push_tokens() {
            if let Some(owner) = owners.get(&class) {
                let path = Path::default().key("sources").key(name.as_str());
                let place =
                    tree.get("sources").and_then(|node| node.get(name.as_str())).unwrap_or(tree).place;
                faults.at(place, &path, format!("workers of the class `{class}` already push to `{owner}`"));
            } else {
                owners.insert(class, name);
            }
        }
    }
}

/// Checks that no two queries have the same name, whether they are valid or not.
pub(super) fn unique_names(queries: &[(Path, &Node)], faults: &mut Faults) {
    let mut names = HashMap::new();
    for (path, query) in queries {
        let Some(Node { place, value: Value::String(name), .. }) = query.get("name") else { continue };
        if let Some((first, at)) = names.insert(name, (path, *place)) {
            let at = faults.located_at(at);
            faults.at(*place, &path.key("name"), format!("`{name}` is already the name of {first}, in {at}"));
        }
    }
}

/// Checks the names in a query that has other errors, so that all are reported at once.
pub(super) fn names(query: &Node, path: &Path, sources: &Sources, faults: &mut Faults) {
    named_sources(query, path, sources, faults);
    let taken = names_of_kinds();
    for (index, metric) in query.get("metrics").map_or(&[][..], Node::elements).iter().enumerate() {
        let Some(Node { place, value: Value::String(name), .. }) = metric.get("name") else { continue };
        if let Some(kind) = taken.get(name) {
            let path = path.key("metrics").index(index).key("name");
            faults.at(*place, &path, format!("{name} belongs to the {kind} kind: choose another name"));
        }
    }
}

fn named_sources(query: &Node, path: &Path, sources: &Sources, faults: &mut Faults) {
    let parts = query.get("distinct").map_or(&[][..], Node::elements).iter().enumerate();
    let parts = parts.map(|(index, part)| (part, path.key("distinct").index(index)));
    for (asker, path) in std::iter::once((query, path.clone())).chain(parts) {
        let Some(Node { place, value: Value::String(name), .. }) = asker.get("source") else { continue };
        if !sources.contains_key(name.as_str()) {
            faults.add(no_such_source(name, sources, *place, &path.key("source")));
        }
    }
}

pub(super) fn no_such_source(name: &str, sources: &Sources, place: Place, path: &Path) -> Fault {
    Fault {
        place,
        path: path.clone(),
        message: format!("there is no source `{name}`"),
        hint: hint(name, sources.keys().map(SourceName::as_str)),
    }
}

/// Checks that a source exists and supports this kind of query.
fn asks(
    name: &SourceName,
    question: &Question,
    sources: &Sources,
    place: Place,
    path: &Path,
    faults: &mut Faults,
) {
    match sources.get(name) {
        None => faults.add(no_such_source(name.as_str(), sources, place, path)),
        Some(Some(source)) => {
            let kind = source.config.kind();
            if kind.facts().language.is_none_or(|language| language.key != question.key()) {
                let message =
                    format!("`{name}` is a {kind} source, which does not support `{}`", question.key());
                faults.at(place, path, message);
            }
        }
        // Its own errors have been reported.
        Some(None) => {}
    }
}

/// The names that kinds export, whether or not a source of the kind is configured.
fn names_of_kinds() -> HashMap<String, Kind> {
    let mut names = HashMap::new();
    for &kind in Kind::ALL {
        names.extend(kind.facts().families().iter().flat_map(Desc::names).map(|name| (name, kind)));
    }
    names
}

/// What the names start with that kinds make of what their servers send.
fn prefixes_of_kinds() -> Vec<(String, Kind)> {
    let of_kind = |kind: Kind| (kind.facts().prefixes)().into_iter().map(move |prefix| (prefix, kind));
    Kind::ALL.iter().copied().flat_map(of_kind).collect()
}
