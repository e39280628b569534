//! The files of variables of a directory: those of this machine, which stand for each other, and those of deployments.

use std::collections::BTreeMap;

use platform_core::yaml;

use super::env_file::variables;
use super::files::{FileTree, file_name, is_env_file, part_of_monorepo};
use super::scope::{Network, Scope, ScopeVariable};
use super::service::concerns_service;

/// The files that a process here reads, by precedence.
const LOCAL: [&str; 4] = [".env.development.local", ".env.local", ".env.development", ".env"];
/// Files that show how such a file looks, and those of tests.
const EXAMPLES: [&str; 10] =
    ["ci", "default", "defaults", "dist", "example", "keys", "sample", "template", "test", "vault"];

/// The variables of each file, in the order of precedence. `environment` has those of this process.
pub(super) fn scopes(
    paths: &[String],
    environment: &Scope,
    tree: &mut FileTree,
    notes: &mut Vec<String>,
) -> Vec<Scope> {
    let (local, others): (Vec<_>, Vec<_>) =
        paths.iter().filter(|path| is_env_file(path)).partition(|path| LOCAL.contains(&path.as_str()));
    let mut scopes = Vec::new();
    let mut effective = environment.variables.clone();
    for path in LOCAL.iter().filter(|path| local.iter().any(|local| local == *path)) {
        let Some(text) = text(path, tree, notes) else { continue };
        let known = |name: &str| known(&effective, name);
        let found = variables(path, &text, None, &known, notes);
        let scope = overlaid(found, &effective, notes);
        for (name, variable) in &scope.variables {
            effective.entry(name.clone()).or_insert_with(|| variable.clone());
        }
        scopes.push(scope);
    }
    for path in others {
        let suffix = file_name(path).trim_start_matches(".env").trim_start_matches('.');
        if suffix.split('.').any(|word| EXAMPLES.contains(&word)) {
            notes.push(format!("{path}: not read: an example, or of tests"));
            continue;
        }
        let Some(text) = text(path, tree, notes) else { continue };
        let label = suffix.trim_end_matches(".local").replace('.', "-");
        let label = match part_of_monorepo(path) {
            Some(part) if LOCAL.contains(&file_name(path)) => part,
            Some(part) => &format!("{part}-{label}"),
            None if label.is_empty() => path.split('/').next().unwrap_or_default(),
            None => &label,
        };
        let mut scope = Scope::new(Network::Compose, Some(label));
        scope.variables = variables(path, &text, None, &|_| None, notes);
        scopes.push(scope);
    }
    scopes
}

/// What a file adds to what already has precedence over it.
fn overlaid(
    found: BTreeMap<String, ScopeVariable>,
    effective: &BTreeMap<String, ScopeVariable>,
    notes: &mut Vec<String>,
) -> Scope {
    let mut scope = Scope::new(Network::Compose, None);
    for (name, variable) in effective {
        scope.variables.insert(name.clone(), ScopeVariable { is_own: false, ..variable.clone() });
    }
    for (name, variable) in found {
        match effective.get(&name) {
            Some(first) if first.text() != variable.text() => {
                if concerns_service(&name) {
                    let (place, first) = (&variable.origin, &first.origin);
                    notes.push(format!("{place}: {name} does not count: {first} has another value"));
                }
            }
            _ => drop(scope.variables.insert(name, variable)),
        }
    }
    scope
}

/// The variables of the file that Compose reads for a file beside it.
pub(super) fn beside_compose(
    path: &str,
    environment: &Scope,
    tree: &mut FileTree,
) -> BTreeMap<String, ScopeVariable> {
    let mut found = environment.variables.clone();
    if tree.has(path) {
        // Read before, with its notes.
        let mut notes = Vec::new();
        if let Some(text) = text(path, tree, &mut notes) {
            let known = |name: &str| known(&environment.variables, name);
            for (name, variable) in variables(path, &text, None, &known, &mut notes) {
                found.entry(name).or_insert(variable);
            }
        }
    }
    found
}

/// The value of a variable.
pub(super) fn known(variables: &BTreeMap<String, ScopeVariable>, name: &str) -> Option<String> {
    variables.get(name)?.text().map(str::to_owned)
}

/// The text of a file of variables.
pub(super) fn text(path: &str, tree: &mut FileTree, notes: &mut Vec<String>) -> Option<String> {
    match yaml::text(tree.read(path)?) {
        Ok(text) => Some(text),
        Err(error) => {
            notes.push(format!("{path}: not read: {error}"));
            None
        }
    }
}
