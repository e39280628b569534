//! `modules`: sources whose address a client of `/probe` names.

use std::collections::BTreeMap;
use std::fmt;

use platform_core::setting::SourceName;
use platform_core::yaml::{self, Faults, Key, Node, Path, Value, VariableUse};

use super::probe_target::{ProbeTarget, TargetPattern};
use super::source::{self, Source};
use crate::registry::Kind;

/// A source without an address, and the addresses that it may get.
#[derive(Clone)]
pub struct Module {
    kind: Kind,
    targets: Vec<TargetPattern>,
    /// A source, with `{target}` and `{host}` for its address.
    template: Node,
    /// Equal for modules with equal configuration, within one run of the process.
    pub fingerprint: u64,
}

/// What stands for `HOST:PORT` and `HOST`.
const PLACEHOLDERS: [&str; 2] = ["{target}", "{host}"];

/// An address that is nobody's, with which a template is checked.
const EXAMPLE: &str = "target.invalid:1";

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(super) struct Targets {
    /// What may be probed: names with `*` as in `*.db.example.com:5432`, and networks as in `10.0.0.0/8:5432`.
    targets: Vec<TargetPattern>,
}

/// Without the template, which may contain a password.
impl fmt::Debug for Module {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Module")
            .field("kind", &self.kind)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

impl Module {
    /// What its targets are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it may probe this target.
    pub fn allows(&self, target: &ProbeTarget) -> bool {
        self.targets.iter().any(|pattern| pattern.allows(target))
    }

    /// The source at a target.
    ///
    /// # Errors
    /// When the kind rejects this address.
    pub fn source(&self, target: &ProbeTarget) -> Result<Source, Faults> {
        let mut faults = Faults::of("module");
        let source = source::read(&filled(&self.template, target), &Path::default(), &mut faults);
        source.filter(|_| faults.is_empty()).ok_or(faults)
    }
}

/// Reads every module.
pub(super) fn read_all(
    node: &Node,
    path: &Path,
    sources: &BTreeMap<SourceName, Option<Source>>,
    faults: &mut Faults,
) -> BTreeMap<SourceName, Module> {
    let mut modules = BTreeMap::new();
    for (key, node) in node.entries() {
        let path = path.key(&key.text);
        match SourceName::try_from(key.text.clone()) {
            Ok(name) if sources.contains_key(&name) => {
                faults.at(key.place, &path, "a source has this name: rename the module");
            }
            Ok(name) => modules.extend(read(node, &path, faults).map(|module| (name, module))),
            Err(error) => faults.at(key.place, &path, error.to_string()),
        }
    }
    modules
}

fn read(node: &Node, path: &Path, faults: &mut Faults) -> Option<Module> {
    let before = faults.len();
    let targets = yaml::decode::<Targets>(&node.only(&["targets"]), path, faults);
    if targets.as_ref().is_some_and(|targets| targets.targets.is_empty()) {
        faults.at(
            node.place,
            &path.key("targets"),
            "expected at least one target: `[\"*.db.example.com:5432\"]`",
        );
    }
    if let Some(interval) = node.get("interval") {
        let message = "a module has no interval: its targets are probed when Prometheus scrapes them";
        faults.at(interval.place, &path.key("interval"), message);
    }
    let template = template(node);
    let example = EXAMPLE.parse().ok()?;
    let kind = source::read(&filled(&template, &example), path, faults)?.config.kind();
    check_url(&template, kind.as_str(), path, faults);
    let targets = targets.filter(|_| faults.len() == before)?.targets;
    Some(Module { kind, targets, template, fingerprint: node.fingerprint() })
}

/// Without a placeholder, every target would be the same one.
fn check_url(template: &Node, kind: &str, path: &Path, faults: &mut Faults) {
    let Some(settings) = template.get(kind) else { return };
    let path = path.key(kind);
    match settings.get("url") {
        Some(Node { value: Value::String(text), .. }) if has_placeholder(text) => {}
        Some(url) => {
            let message = "expected a URL with `{target}` or `{host}` in the place of the address";
            faults.at(url.place, &path.key("url"), message);
        }
        None => faults.at(settings.place, &path, "modules are for kinds with a `url`: make this a source"),
    }
}

fn has_placeholder(text: &str) -> bool {
    PLACEHOLDERS.iter().any(|placeholder| text.contains(placeholder))
}

/// The keys of a source. Its interval is that of Prometheus, which no timeout can be compared with here.
fn template(node: &Node) -> Node {
    let is_own = |key: &Key| matches!(key.text.as_str(), "targets" | "interval");
    let entries = node.entries().iter().filter(|(key, _)| !is_own(key)).cloned();
    let key = Key { place: node.place, text: "interval".to_owned() };
    let longest = Node::new(node.place, Value::String("366d".to_owned()));
    Node::new(node.place, Value::Map(entries.chain([(key, longest)]).collect()))
}

/// The node with the address in the place of its placeholders.
fn filled(node: &Node, target: &ProbeTarget) -> Node {
    let value = match &node.value {
        Value::String(text) if has_placeholder(text) => {
            let [whole, host] = PLACEHOLDERS;
            Value::String(text.replace(whole, &target.to_string()).replace(host, &target.host()))
        }
        Value::List(elements) => Value::List(elements.iter().map(|node| filled(node, target)).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, node)| (key.clone(), filled(node, target))).collect())
        }
        other => other.clone(),
    };
    // An address moves what comes after it.
    let first = node.text().and_then(|text| PLACEHOLDERS.iter().filter_map(|name| text.find(name)).min());
    let is_in_place = |variable: &&VariableUse| first.is_none_or(|first| variable.at.end <= first);
    let variables = node.variables.iter().filter(is_in_place).cloned().collect();
    Node { place: node.place, value, variables }
}
