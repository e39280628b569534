//! A section of the web configuration file, whose keys are decoded one by one, so that all errors are reported.

use platform_core::yaml::{self, Fault, Faults, Node, Path, Value};
use serde::de::DeserializeOwned;

/// A map of the file, or the file itself.
pub(super) struct Section<'a> {
    node: &'a Node,
    path: Path,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(node: &'a Node, known: &[&str], faults: &mut Faults) -> Option<Self> {
        Self::of(node, Path::default(), known, faults)
    }

    /// The section under a key, if it exists and has keys.
    pub(super) fn below(&self, key: &str, known: &[&str], faults: &mut Faults) -> Option<Self> {
        Self::of(self.node.get(key)?, self.path.key(key), known, faults)
    }

    fn of(node: &'a Node, path: Path, known: &[&str], faults: &mut Faults) -> Option<Self> {
        match &node.value {
            Value::Null => return None,
            Value::Map(_) => yaml::refuse_unknown_keys(node, &path, known, faults),
            _ => faults.at(node.place, &path, "expected a map"),
        }
        (!node.entries().is_empty()).then_some(Self { node, path })
    }

    /// The value under a key, if it exists.
    pub(super) fn key<T: DeserializeOwned>(&self, key: &str, faults: &mut Faults) -> Option<T> {
        yaml::decode(self.present(key)?, &self.path.key(key), faults)
    }

    /// The keys of the map under a key, valid or not.
    pub(super) fn names(&self, key: &str) -> impl Iterator<Item = &'a str> {
        let entries = self.node.get(key).map_or(&[][..], Node::entries);
        entries.iter().map(|(key, _)| key.text.as_str())
    }

    /// Whether there is anything under a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.present(key).is_some()
    }

    /// The elements under a key, each one of a list of known names; the default without the key.
    pub(super) fn choice<T: Clone>(
        &self,
        key: &str,
        known: &[(String, T)],
        faults: &mut Faults,
    ) -> Option<Vec<T>> {
        let named: Vec<String> = self.key(key, faults)?;
        let elements = self.node.get(key).map_or(&[][..], Node::elements).iter().enumerate();
        let chosen = named.into_iter().zip(elements).filter_map(|(name, (index, node))| {
            let found = known.iter().find(|(known, _)| *known == name).map(|(_, meaning)| meaning.clone());
            if found.is_none() {
                let names: Vec<_> = known.iter().map(|(name, _)| name.as_str()).collect();
                faults.add(Fault {
                    place: node.place,
                    path: self.path.key(key).index(index),
                    message: format!("expected one of {}, found `{name}`", names.join(", ")),
                    hint: yaml::hint(&name, names.iter().copied()),
                });
            }
            found
        });
        Some(chosen.collect())
    }

    /// Reports an error at the value under a key, or if it is missing, at the section.
    pub(super) fn fault(&self, key: &str, message: impl Into<String>, faults: &mut Faults) {
        match self.present(key) {
            Some(node) => faults.at(node.place, &self.path.key(key), message),
            None => faults.at(self.node.place, &self.path, message),
        }
    }

    /// As in exporter-toolkit, an empty string counts as missing.
    fn present(&self, key: &str) -> Option<&'a Node> {
        self.node.get(key).filter(|node| match &node.value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            _ => true,
        })
    }
}
