//! Without a configuration file: sources from the application's own environment.

use platform_core::kind::EnvironmentKey;
use platform_core::yaml::{Fault, Faults};
use serde_json::{Map, Value, json};

use crate::registry::Kind;

/// The environment configures no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no source is configured: pass --config.file, or set at least one of {}", sufficient())]
pub struct NoSources;

/// Writes the configuration that matches the environment, as JSON. Values stay variables, so no secret is in the text.
///
/// # Errors
/// When the environment configures no source.
pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<String, NoSources> {
    let set = |key: &EnvironmentKey| Some((key.key, set_variable(key, variable)?));
    let sources = Kind::ALL.iter().map(|kind| kind.facts()).filter_map(|facts| {
        facts.environment.first().and_then(set)?;
        let mut source = json!({});
        for (key, variable) in facts.environment.iter().filter_map(set) {
            let slot = key.split('.').fold(&mut source, |node, key| &mut node[key]);
            *slot = Value::String(format!("${{{variable}}}"));
        }
        Some((facts.name.to_owned(), json!({facts.name: source})))
    });
    let sources: Map<_, _> = sources.collect();
    if sources.is_empty() { Err(NoSources) } else { Ok(json!({"sources": sources}).to_string()) }
}

/// The errors of a configuration that is written by [`from_environment`], each with its variable: there is no file that has
/// places.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct EnvironmentErrors(Vec<String>);

impl EnvironmentErrors {
    /// Names what the environment sets by its variable.
    pub fn of(faults: &Faults, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let set: Vec<_> = Kind::ALL
            .iter()
            .map(|kind| kind.facts())
            .flat_map(|facts| facts.environment.iter().map(move |key| (facts.name, key)))
            .filter_map(|(kind, key)| {
                Some((format!("sources.{kind}.{kind}.{}", key.key), set_variable(key, variable)?))
            })
            .collect();
        let line = |fault: &Fault| {
            let path = fault.path.to_string();
            let of_path = set.iter().find(|(known, _)| *known == path);
            let name = of_path.map_or(path.as_str(), |(_, variable)| variable);
            let hint = fault.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{name}: {}{hint}", fault.message)
        };
        Self(faults.sorted().into_iter().map(line).collect())
    }

    /// The errors, each as a sentence.
    pub fn messages(&self) -> &[String] {
        &self.0
    }
}

/// The first variable of a key that has a value.
fn set_variable(key: &EnvironmentKey, variable: &dyn Fn(&str) -> Option<String>) -> Option<&'static str> {
    key.variables.iter().copied().find(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

/// The variables that are enough for a source, each with its alternatives.
fn sufficient() -> String {
    let first = Kind::ALL.iter().filter_map(|kind| kind.facts().environment.first());
    let names = first.map(|key| match key.variables {
        [name, others @ ..] if !others.is_empty() => format!("{name} (or {})", others.join(", ")),
        names => names.concat(),
    });
    names.collect::<Vec<_>>().join(", ")
}
