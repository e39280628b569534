//! The backing services that a directory and the environment name. Reads files, and uses no network.
//!
//! Each process that is configured somewhere is a scope: this one, that of a file of variables, a service of Compose, a
//! container of Kubernetes. The variables of a scope name services by URLs or by their parts, and mentions of the same
//! service become one source.

mod assignment;
mod by_parts;
mod by_store;
mod by_url;
mod candidate;
mod compose;
mod env_file;
mod env_files;
mod files;
mod hosts;
mod image;
mod interpolation;
mod kubernetes;
mod management;
mod maps;
mod merge;
mod naming;
mod origin;
mod ports;
mod scope;
mod service;
mod service_url;
mod source;
mod yaml_file;

pub use origin::Origin;
pub use source::{Findings, FoundSetting, FoundSource, FoundVariable};

use std::path::Path;

use candidate::{Candidate, ScopeContext};
use files::FileTree;
use scope::{Network, Scope, ScopeVariable};
use service::{Engine, Service};

/// What the environment, the files of variables, Compose and manifests of Kubernetes name, in this order of precedence.
/// `names` are those of the variables that `variable` has.
pub fn find(directory: &Path, variable: &dyn Fn(&str) -> Option<String>, names: &[String]) -> Findings {
    let mut tree = FileTree::new(directory);
    let mut notes = Vec::new();
    let paths = tree.list();
    let mut environment = Scope::new(Network::Here, None);
    for name in names {
        let value = variable(name).map(|value| ScopeVariable::new(&value, Origin::Environment));
        environment.variables.extend(value.map(|value| (name.clone(), value)));
    }
    let of_files = env_files::scopes(&paths, &environment, &mut tree, &mut notes);
    let project = compose::read(&paths, &environment, &mut tree, &mut notes);
    let of_cluster = kubernetes::scopes(&paths, &mut tree, &mut notes);
    let hosts = &project.hosts;
    let mut candidates = Vec::new();
    for scope in [&environment].into_iter().chain(&of_files).chain(&project.scopes) {
        candidates.extend(recognised(&ScopeContext { scope, hosts }, &mut notes));
    }
    for (image, scope) in &project.images {
        let mut own = Vec::new();
        let candidate = image::candidate(image, &ScopeContext { scope, hosts }, &mut own);
        // What is wrong with it has been noted with those who use it.
        let is_known = candidate.as_ref().is_some_and(|image| {
            candidates
                .iter()
                .any(|known: &Candidate| (known.service, &known.server) == (image.service, &image.server))
        });
        notes.extend(own.into_iter().filter(|_| !is_known));
        candidates.extend(candidate);
    }
    for scope in &of_cluster {
        candidates.extend(recognised(&ScopeContext { scope, hosts }, &mut notes));
    }
    let has_bucket = candidates.iter().any(|candidate| candidate.service == Service::S3);
    for (image, _) in project.images.iter().filter(|_| !has_bucket) {
        if image.engine == Engine::Watched(Service::S3) {
            notes.push(format!("{}: which bucket? No variable such as S3_BUCKET names one", image.origin));
        }
    }
    let sources = merge::merge(candidates, &mut notes);
    let mut all: Vec<String> = Vec::new();
    for note in tree.notes.into_iter().chain(notes) {
        if !all.contains(&note) {
            all.push(note);
        }
    }
    Findings { sources, notes: all }
}

/// The services that the variables of a scope name.
fn recognised(context: &ScopeContext<'_>, notes: &mut Vec<String>) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (name, variable) in context.scope.own() {
        let candidate = by_url::candidate(name, variable, context, notes)
            .or_else(|| by_store::stripe(name, variable, context))
            .or_else(|| by_store::bucket(name, variable, context, notes))
            .or_else(|| by_parts::candidate(name, variable, context, notes));
        candidates.extend(candidate);
    }
    candidates
}
