//! The variables of one process: of this one, of a service, of a container.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::origin::Origin;

/// What a variable holds.
#[derive(Clone, Debug)]
pub(super) enum ScopeValue {
    Known(SecretString),
    /// It is kept elsewhere: `Secret shop, key url`.
    Elsewhere(String),
    /// A part of it is kept elsewhere. [`UNKNOWN`] stands for that part.
    Partly(SecretString),
}

/// What stands for a part of a value that is not known. Plain in every part of a URL.
pub(super) const UNKNOWN: &str = "unknown-value";

/// A variable of a process.
#[derive(Clone, Debug)]
pub(super) struct ScopeVariable {
    pub(super) value: ScopeValue,
    pub(super) origin: Origin,
    /// Whether this scope sets it. Others are known here because its process has them, too.
    pub(super) is_own: bool,
}

/// From where the hosts in the values are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// From here.
    Here,
    /// From a network of Compose, or from here: that depends on what reads the file.
    Compose,
    /// From a cluster of Kubernetes.
    Cluster,
}

/// The variables of one process.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) variables: BTreeMap<String, ScopeVariable>,
    /// What the names of sources need besides, if they are taken: `web`, `production`.
    pub(super) label: Option<String>,
    pub(super) network: Network,
}

impl ScopeVariable {
    pub(super) fn new(value: &str, origin: Origin) -> Self {
        Self { value: ScopeValue::Known(value.into()), origin, is_own: true }
    }

    /// The value, if it is known.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            ScopeValue::Known(value) => Some(value.expose_secret()),
            ScopeValue::Elsewhere(_) | ScopeValue::Partly(_) => None,
        }
    }

    /// What distinguishes it from others, and is no secret only if the value is none.
    pub(super) fn identity(&self) -> String {
        match &self.value {
            ScopeValue::Known(value) | ScopeValue::Partly(value) => value.expose_secret().to_owned(),
            ScopeValue::Elsewhere(place) => format!("<{place}>"),
        }
    }
}

impl Scope {
    pub(super) fn new(network: Network, label: Option<&str>) -> Self {
        Self { variables: BTreeMap::new(), label: label.map(str::to_owned), network }
    }

    /// A variable that is set: frameworks write `null` for one that is not.
    pub(super) fn get(&self, name: &str) -> Option<&ScopeVariable> {
        let variable = self.variables.get(name)?;
        (!matches!(variable.text(), Some("" | "null"))).then_some(variable)
    }

    /// The first of these that is set.
    pub(super) fn first(&self, names: impl IntoIterator<Item = String>) -> Option<(String, &ScopeVariable)> {
        names.into_iter().find_map(|name| self.get(&name).map(|variable| (name, variable)))
    }

    /// The variables that it sets itself, by name.
    pub(super) fn own(&self) -> impl Iterator<Item = (&str, &ScopeVariable)> {
        let set = self.variables.iter().filter(|(name, _)| self.get(name).is_some());
        set.filter(|(_, variable)| variable.is_own).map(|(name, variable)| (name.as_str(), variable))
    }
}
