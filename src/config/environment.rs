//! Without a configuration file: sources from the application's own environment.

use platform_core::kind::EnvironmentKey;
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
    let is_set = |name: &&&str| variable(name).is_some_and(|value| !value.is_empty());
    let set = |key: &EnvironmentKey| Some((key.key, *key.variables.iter().find(is_set)?));
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

/// The variables that are enough for a source, each with its alternatives.
fn sufficient() -> String {
    let first = Kind::ALL.iter().filter_map(|kind| kind.facts().environment.first());
    let names = first.map(|key| match key.variables {
        [name, others @ ..] if !others.is_empty() => format!("{name} (or {})", others.join(", ")),
        names => names.concat(),
    });
    names.collect::<Vec<_>>().join(", ")
}
