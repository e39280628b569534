//! The values of a cluster that are among its manifests: ConfigMaps and Secrets.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use platform_core::yaml::Node;

use super::origin::Origin;
use super::scope::ScopeVariable;
use super::yaml_file::scalar;

/// What holds values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MapKind {
    ConfigMap,
    Secret,
}

type KeyValues = BTreeMap<String, ScopeVariable>;

/// All of them, by kind, name and namespace.
#[derive(Default)]
pub(super) struct ConfigMaps(BTreeMap<(MapKind, String, String), KeyValues>);

impl fmt::Display for MapKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        })
    }
}

impl ConfigMaps {
    /// Adds the values of a manifest. The first one of a name counts.
    pub(super) fn add(&mut self, kind: MapKind, file: &str, namespace: &str, name: &str, node: &Node) {
        let part = format!("{kind} {name}");
        let origin = |line: u64| Origin::File { file: file.to_owned(), line, part: Some(part.clone()) };
        let mut values = KeyValues::new();
        for section in ["data", "stringData"] {
            for (key, value) in node.get(section).map(Node::entries).unwrap_or_default() {
                let Some(text) = scalar(value) else { continue };
                let is_encoded = kind == MapKind::Secret && section == "data";
                let text = if is_encoded { decoded(&text) } else { Some(text) };
                let variable = text.map(|text| ScopeVariable::new(text.trim_end(), origin(key.place.line)));
                values.extend(variable.map(|variable| (key.text.clone(), variable)));
            }
        }
        self.0.entry((kind, name.to_owned(), namespace.to_owned())).or_insert(values);
    }

    /// That of the namespace, or the first one of the name: the namespace may be set where manifests are put together.
    pub(super) fn get(&self, kind: MapKind, namespace: &str, name: &str) -> Option<&KeyValues> {
        let own = self.0.get(&(kind, name.to_owned(), namespace.to_owned()));
        own.or_else(|| {
            let mut of_name = self.0.range((kind, name.to_owned(), String::new())..);
            let ((found_kind, found, _), values) = of_name.next()?;
            (*found_kind == kind && found == name).then_some(values)
        })
    }
}

fn decoded(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect();
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}
