//! `packs`: which packs are used, with their sources and values.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::query::parse::declared;
use platform_core::setting::SourceName;
use platform_core::yaml::{self, Fault, Faults, Key, Node, Path, Value, hint};

use super::cross_check::{Sources, names};
use super::pack_inputs;
use super::surroundings::Surroundings;
use crate::pack::{self, Instance, Pack, RESERVED, SEVERITIES, check_severity};
use crate::registry::languages;

/// Reads every pack that is used.
pub(super) fn read_all(
    tree: &Node,
    sources: &Sources,
    surroundings: Surroundings<'_>,
    faults: &mut Faults,
) -> Vec<Instance> {
    let path = Path::default().key("packs");
    let Some(node) = tree.get("packs") else { return Vec::new() };
    if node.entries().is_empty() {
        faults.at(node.place, &path, "expected packs: `packs: {NAME: {INPUT: SOURCE, …}}`");
    }
    let entries = node.entries().iter();
    let instances = entries.filter_map(|(key, node)| {
        let usage = Usage { name: key, node, path: path.key(&key.text), sources };
        usage.read(surroundings, faults)
    });
    instances.collect()
}

/// One entry of `packs`.
struct Usage<'a> {
    name: &'a Key,
    node: &'a Node,
    path: Path,
    sources: &'a Sources,
}

impl Usage<'_> {
    fn read(&self, surroundings: Surroundings<'_>, faults: &mut Faults) -> Option<Instance> {
        let before = faults.len();
        // The name prefixes query names and names files, so it follows the rule for source names.
        if let Err(error) = SourceName::try_from(self.name.text.clone()) {
            faults.at(self.name.place, &self.path, error.to_string());
        }
        if !matches!(self.node.value, Value::Map(_)) {
            faults.at(self.node.place, &self.path, "expected a map: `{INPUT: SOURCE, …}`");
            return None;
        }
        let pack = self.pack(surroundings, faults)?;
        self.check_keys(&pack, faults);
        pack_inputs::check(&pack, self.node, &self.path, self.sources, faults);
        (faults.len() == before).then_some(())?;
        let given = |name: &str| self.node.get(name).map(|node| node.value.clone());
        let instance = pack.instantiate(&self.name.text, &given, faults);
        let instance = match self.severities(&instance, faults) {
            Some(severities) => instance.with_severities(&severities),
            None => instance,
        };
        if faults.len() == before {
            return Some(instance);
        }
        // Queries whose names are valid are checked as well.
        let languages = languages();
        for (path, node) in &instance.queries {
            if !faults.concern(node.place.file, path) {
                drop(declared(node, path, &languages, faults));
                names(node, path, self.sources, faults);
            }
        }
        None
    }

    /// The severities that this deployment's alerts have in place of those in the pack.
    fn severities(&self, instance: &Instance, faults: &mut Faults) -> Option<BTreeMap<String, String>> {
        const KEY: &str = "severities";
        let node = self.node.get(KEY)?;
        let path = self.path.key(KEY);
        // One line may serve several packs: not each of them has alerts of every severity.
        let known: BTreeSet<_> = instance.severities().into_iter().chain(SEVERITIES).collect();
        for (key, node) in node.entries() {
            if !known.contains(key.text.as_str()) {
                let listed = known.iter().copied().collect::<Vec<_>>().join(", ");
                faults.add(Fault {
                    place: key.place,
                    path: path.key(&key.text),
                    message: format!("no alert has this severity; expected one of {listed}"),
                    hint: hint(&key.text, known.iter().copied()),
                });
            }
            check_severity(node, path.key(&key.text), faults);
        }
        yaml::decode(node, &path, faults)
    }

    /// The pack: `file` is the user's own, `pack` a built-in one, else the entry's name is that of a built-in one.
    fn pack(&self, surroundings: Surroundings<'_>, faults: &mut Faults) -> Option<Pack> {
        if self.node.get("file").is_some() {
            let file = self.text("file", faults)?;
            return match (surroundings.file)(file) {
                Ok(text) => pack::read(&name_of(file), &text, file, faults),
                Err(error) => {
                    self.fault("file", format!("cannot read {file}: {error}"), faults);
                    None
                }
            };
        }
        let name = if self.node.get("pack").is_some() { self.text("pack", faults)? } else { &self.name.text };
        if let Some(text) = pack::embedded(name) {
            return pack::read_embedded(name, text, faults);
        }
        let known: Vec<_> = pack::EMBEDDED.iter().map(|pack| pack.name).collect();
        faults.add(Fault {
            place: self.node.get("pack").map_or(self.name.place, |node| node.place),
            path: self.path.clone(),
            message: format!(
                "there is no pack `{name}`; expected one of {}, or `file:` with a pack of your own",
                known.join(", ")
            ),
            hint: hint(name, known.iter().copied()),
        });
        None
    }

    fn text(&self, key: &str, faults: &mut Faults) -> Option<&str> {
        match self.node.get(key).map(|node| &node.value) {
            Some(Value::String(text)) => Some(text),
            _ => {
                self.fault(key, "expected a name", faults);
                None
            }
        }
    }

    fn check_keys(&self, pack: &Pack, faults: &mut Faults) {
        let known: BTreeSet<&str> =
            pack.inputs.keys().chain(pack.parameters.keys()).map(String::as_str).collect();
        for (key, _) in
            self.node.entries().iter().filter(|(key, _)| {
                !known.contains(key.text.as_str()) && !RESERVED.contains(&key.text.as_str())
            })
        {
            faults.add(Fault {
                place: key.place,
                path: self.path.key(&key.text),
                message: format!(
                    "the pack has no such input or parameter; expected one of {}",
                    known.iter().copied().collect::<Vec<_>>().join(", ")
                ),
                hint: hint(&key.text, known.iter().copied()),
            });
        }
    }

    fn fault(&self, key: &str, message: impl Into<String>, faults: &mut Faults) {
        let place = self.node.get(key).map_or(self.node.place, |node| node.place);
        faults.at(place, &self.path.key(key), message);
    }
}

/// The name of a pack in a file: `shop` is in `packs/shop.yml`.
fn name_of(file: &str) -> String {
    std::path::Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
