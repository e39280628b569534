//! The services of Compose: what their processes are given, and which of them are backing services.

use std::collections::BTreeMap;

use platform_core::yaml::{Node, Value};

use super::assignment::assigned;
use super::env_file::variables;
use super::env_files::{beside_compose, known, text};
use super::files::{FileTree, beside, file_name, is_compose};
use super::hosts::{ComposeHost, Hosts};
use super::image::ImageService;
use super::interpolation::interpolate;
use super::origin::Origin;
use super::ports::published;
use super::scope::{Network, Scope, ScopeVariable};
use super::service::Engine;
use super::yaml_file::{documents, scalar};

/// All files of Compose together.
#[derive(Default)]
pub(super) struct ComposeProject {
    pub(super) hosts: Hosts,
    /// The variables of each service in each file.
    pub(super) scopes: Vec<Scope>,
    /// The backing services, each with the variables of all files.
    pub(super) images: Vec<(ImageService, Scope)>,
}

/// A service as the files up to now have it.
#[derive(Default)]
struct KnownService {
    /// The engine of its image, and where that is named.
    image: Option<(Engine, Origin)>,
    password: Option<ScopeVariable>,
    /// What the file of the project gives it.
    base: BTreeMap<String, ScopeVariable>,
    /// The same with what the override changes, which Compose reads without being given it.
    whole: BTreeMap<String, ScopeVariable>,
    /// What only other files give it.
    others: BTreeMap<String, ScopeVariable>,
    /// What these files make of the base.
    scopes: Vec<Scope>,
}

/// Reads all files of Compose: that of the project first, then those that change it.
pub(super) fn read(
    paths: &[String],
    environment: &Scope,
    tree: &mut FileTree,
    notes: &mut Vec<String>,
) -> ComposeProject {
    let mut files: Vec<_> = paths.iter().filter(|path| is_compose(path)).collect();
    files.sort_by_key(|path| Role::of(path));
    let mut hosts = Hosts::default();
    let mut services: BTreeMap<String, KnownService> = BTreeMap::new();
    for file in files {
        let beside_it = beside(file, ".env").unwrap_or_default();
        let surroundings = beside_compose(&beside_it, environment, tree);
        let Some(text) = text(file, tree, notes) else { continue };
        for document in documents(file, &text, notes) {
            for (key, node) in document.get("services").map(Node::entries).unwrap_or_default() {
                let mut service =
                    ComposeService { file, name: &key.text, surroundings: &surroundings, tree, notes };
                service.host(key.place.line, node, &mut hosts);
                service.read(node, services.entry(key.text.clone()).or_default());
            }
        }
    }
    let mut project = ComposeProject { hosts, ..ComposeProject::default() };
    for (name, service) in services {
        let mut scope = Scope::new(Network::Compose, Some(&name));
        scope.variables = service.whole.clone();
        project.scopes.push(scope);
        project.scopes.extend(service.scopes);
        if let Some((engine, origin)) = service.image {
            let mut scope = Scope::new(Network::Compose, None);
            scope.variables = service.others;
            scope.variables.extend(service.whole);
            project.images.push((ImageService { name, engine, password: service.password, origin }, scope));
        }
    }
    project
}

/// What a file is for Compose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Base,
    Override,
    /// It is read if it is named on the command line.
    Named,
}

impl Role {
    fn of(path: &str) -> Self {
        match file_name(path).split('.').collect::<Vec<_>>()[..] {
            ["compose" | "docker-compose", _] => Self::Base,
            [_, "override", _] => Self::Override,
            _ => Self::Named,
        }
    }
}

/// A service in one file.
struct ComposeService<'a> {
    file: &'a str,
    name: &'a str,
    /// What its texts may refer to.
    surroundings: &'a BTreeMap<String, ScopeVariable>,
    tree: &'a mut FileTree,
    notes: &'a mut Vec<String>,
}

impl ComposeService<'_> {
    fn origin(&self, line: u64) -> Origin {
        let part = format!("service {}", self.name);
        Origin::File { file: self.file.to_owned(), line, part: Some(part) }
    }

    /// A text with its variables; as in Compose, one that is not set is empty.
    fn expanded(&self, text: &str) -> Option<String> {
        interpolate(text, &|name| Some(known(self.surroundings, name).unwrap_or_default())).ok()
    }

    fn host(&self, line: u64, node: &Node, hosts: &mut Hosts) {
        let host = hosts.0.entry(self.name.to_owned()).or_insert_with(|| ComposeHost {
            engine: None,
            published: BTreeMap::new(),
            is_on_host: false,
            origin: self.origin(line),
        });
        host.engine = host.engine.or_else(|| self.engine(node).map(|(engine, _)| engine));
        host.is_on_host |= node.get("network_mode").and_then(Node::text) == Some("host");
        for port in node.get("ports").map(Node::elements).unwrap_or_default() {
            if let Some((container, address)) = published(port, &|text| self.expanded(text)) {
                host.published.entry(container).or_insert(address);
            }
        }
        let host = host.clone();
        for other in ["container_name", "hostname"] {
            let other = node.get(other).and_then(Node::text).and_then(|name| self.expanded(name));
            hosts.0.extend(other.filter(|other| other != self.name).map(|other| (other, host.clone())));
        }
    }

    fn engine(&self, node: &Node) -> Option<(Engine, Origin)> {
        let image = node.get("image")?;
        let engine = Engine::of_image(&self.expanded(image.text()?)?)?;
        Some((engine, self.origin(image.place.line)))
    }

    fn read(&mut self, node: &Node, known_service: &mut KnownService) {
        let found = self.variables(node);
        match Role::of(self.file) {
            Role::Named => {
                let mut scope = Scope::new(Network::Compose, Some(self.name));
                for (name, variable) in &known_service.base {
                    scope.variables.insert(name.clone(), ScopeVariable { is_own: false, ..variable.clone() });
                }
                scope.variables.extend(found.clone());
                known_service.scopes.push(scope);
                for (name, variable) in found {
                    known_service.others.entry(name).or_insert(variable);
                }
            }
            role => {
                if role == Role::Base {
                    known_service.base.extend(found.clone());
                }
                known_service.whole.extend(found);
            }
        }
        known_service.image = known_service.image.take().or_else(|| self.engine(node));
        known_service.password = known_service.password.take().or_else(|| self.password(node));
    }

    /// What its process is given: by files, and then by the service itself.
    fn variables(&mut self, node: &Node) -> BTreeMap<String, ScopeVariable> {
        let mut found = BTreeMap::new();
        if let Some(files) = node.get("env_file") {
            let files =
                if files.elements().is_empty() { std::slice::from_ref(files) } else { files.elements() };
            for file in files {
                let path = file.get("path").unwrap_or(file);
                let is_required =
                    file.get("required").is_none_or(|node| !matches!(node.value, Value::Bool(false)));
                let Some(path) = path.text().and_then(|path| self.expanded(path)) else { continue };
                found.extend(self.env_file(&path, is_required, file.place.line));
            }
        }
        for (name, raw, line) in node.get("environment").map(entries).unwrap_or_default() {
            let lookup = |name: &str| known(self.surroundings, name);
            let origin = self.origin(line);
            let variable = match raw {
                Some(raw) => assigned(&name, &raw, &lookup, origin, self.notes),
                // It is passed on if it is set.
                None => lookup(&name).map(|value| ScopeVariable::new(&value, origin)),
            };
            found.extend(variable.map(|variable| (name, variable)));
        }
        found
    }

    fn env_file(&mut self, named: &str, is_required: bool, line: u64) -> BTreeMap<String, ScopeVariable> {
        let Some(path) = beside(self.file, named) else {
            let origin = self.origin(line);
            self.notes.push(format!("{origin}: {named} is not read: it leads out of the directory"));
            return BTreeMap::new();
        };
        if !self.tree.has(&path) {
            if is_required {
                let origin = self.origin(line);
                self.notes.push(format!("{origin}: {path} is not there"));
            }
            return BTreeMap::new();
        }
        // What cannot be read of it has been noted by then.
        let mut again = Vec::new();
        let notes = if self.tree.has_read(&path) { &mut again } else { &mut *self.notes };
        let part = format!("service {}", self.name);
        let Some(text) = text(&path, self.tree, notes) else { return BTreeMap::new() };
        variables(&path, &text, Some(&part), &|name| known(self.surroundings, name), notes)
    }

    /// The password that the command of a Redis sets.
    fn password(&mut self, node: &Node) -> Option<ScopeVariable> {
        let command = node.get("command")?;
        let words: Vec<String> = match command.text() {
            Some(text) => text.split_whitespace().map(str::to_owned).collect(),
            None => command.elements().iter().filter_map(scalar).collect(),
        };
        let at = words.iter().position(|word| word == "--requirepass")?;
        let raw = words.get(at + 1)?.trim_matches(['"', '\'', '>']);
        let lookup = |name: &str| known(self.surroundings, name);
        let origin = self.origin(command.place.line);
        assigned("REDIS_PASSWORD", raw, &lookup, origin, self.notes)
    }
}

/// The entries of `environment`, as a map or as a list: name, value and line.
fn entries(node: &Node) -> Vec<(String, Option<String>, u64)> {
    let of_map = node.entries().iter().map(|(key, node)| (key.text.clone(), scalar(node), key.place.line));
    let of_list = node.elements().iter().filter_map(|node| {
        let text = node.text()?;
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        Some((name.to_owned(), value.map(str::to_owned), node.place.line))
    });
    of_map.chain(of_list).collect()
}
