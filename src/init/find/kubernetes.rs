//! Manifests of Kubernetes: what the containers of workloads are given.

use platform_core::yaml::Node;

use super::env_files::text;
use super::files::{FileTree, is_compose, is_env_file};
use super::maps::{ConfigMaps, MapKind};
use super::origin::Origin;
use super::scope::{Network, Scope, ScopeValue, ScopeVariable, UNKNOWN};
use super::yaml_file::{at, documents, scalar, text_at};

/// An object of a manifest.
struct Manifest {
    file: String,
    kind: String,
    name: String,
    namespace: String,
    node: Node,
}

/// The variables of each container.
pub(super) fn scopes(paths: &[String], tree: &mut FileTree, notes: &mut Vec<String>) -> Vec<Scope> {
    let mut manifests = Vec::new();
    for file in paths.iter().filter(|path| !is_compose(path) && !is_env_file(path)) {
        let Some(text) = text(file, tree, notes) else { continue };
        if !text.contains("apiVersion:") || !text.contains("kind:") {
            continue;
        }
        if text.contains("{{") {
            notes.push(format!("{file}: not read: a template; write what it renders into a file"));
            continue;
        }
        for document in documents(file, &text, notes) {
            add(file, document, &mut manifests);
        }
    }
    let mut maps = ConfigMaps::default();
    for Manifest { file, kind, name, namespace, node } in &manifests {
        match kind.as_str() {
            "ConfigMap" => maps.add(MapKind::ConfigMap, file, namespace, name, node),
            "Secret" => maps.add(MapKind::Secret, file, namespace, name, node),
            _ => {}
        }
    }
    let containers =
        manifests.iter().flat_map(|manifest| containers(manifest).map(move |node| (manifest, node)));
    containers.map(|(manifest, node)| Workload { manifest, maps: &maps }.scope(node, notes)).collect()
}

/// An object, or those of a list.
fn add(file: &str, node: Node, manifests: &mut Vec<Manifest>) {
    let text = |keys: &[&str]| text_at(&node, keys).unwrap_or_default().to_owned();
    let (kind, name, namespace) =
        (text(&["kind"]), text(&["metadata", "name"]), text(&["metadata", "namespace"]));
    if kind == "List" {
        let items = node.get("items").map(Node::elements).unwrap_or_default();
        items.iter().for_each(|item| add(file, item.clone(), manifests));
    } else {
        manifests.push(Manifest { file: file.to_owned(), kind, name, namespace, node });
    }
}

fn containers(manifest: &Manifest) -> impl Iterator<Item = &Node> {
    let pod: &[&str] = match manifest.kind.as_str() {
        "Pod" => &["spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => &["spec", "template", "spec"],
    };
    let pod = at(&manifest.node, pod);
    let lists = ["initContainers", "containers"].into_iter().filter_map(move |key| pod?.get(key));
    lists.flat_map(Node::elements)
}

struct Workload<'a> {
    manifest: &'a Manifest,
    maps: &'a ConfigMaps,
}

impl Workload<'_> {
    fn origin(&self, line: u64) -> Origin {
        let Manifest { file, kind, name, .. } = self.manifest;
        Origin::File { file: file.clone(), line, part: Some(format!("{kind} {name}")) }
    }

    fn scope(&self, container: &Node, notes: &mut Vec<String>) -> Scope {
        let mut scope = Scope::new(Network::Cluster, Some(&self.manifest.name));
        for from in container.get("envFrom").map(Node::elements).unwrap_or_default() {
            let prefix = text_at(from, &["prefix"]).unwrap_or_default();
            for (key, kind) in [("configMapRef", MapKind::ConfigMap), ("secretRef", MapKind::Secret)] {
                let Some(name) = text_at(from, &[key, "name"]) else { continue };
                let Some(map) = self.maps.get(kind, &self.manifest.namespace, name) else {
                    let origin = self.origin(from.place.line);
                    notes.push(format!(
                        "{origin}: {kind} {name} is not among the manifests: its variables are not known"
                    ));
                    continue;
                };
                for (key, variable) in map {
                    scope.variables.insert(format!("{prefix}{key}"), variable.clone());
                }
            }
        }
        for entry in container.get("env").map(Node::elements).unwrap_or_default() {
            let Some(name) = text_at(entry, &["name"]) else { continue };
            if let Some(variable) = self.variable(entry, &scope) {
                scope.variables.insert(name.to_owned(), variable);
            }
        }
        scope
    }

    fn variable(&self, entry: &Node, scope: &Scope) -> Option<ScopeVariable> {
        let origin = self.origin(entry.place.line);
        if let Some(value) = entry.get("value") {
            let value = expanded(&scalar(value)?, scope);
            return Some(ScopeVariable { value, origin, is_own: true });
        }
        let from = entry.get("valueFrom")?;
        let kinds = [("configMapKeyRef", MapKind::ConfigMap), ("secretKeyRef", MapKind::Secret)];
        kinds.into_iter().find_map(|(reference, kind)| {
            let (name, key) = (text_at(from, &[reference, "name"])?, text_at(from, &[reference, "key"])?);
            let found = self.maps.get(kind, &self.manifest.namespace, name).and_then(|map| map.get(key));
            Some(found.cloned().unwrap_or_else(|| {
                let namespace = &self.manifest.namespace;
                let separator = if namespace.is_empty() { "" } else { "/" };
                let place = format!("{kind} {namespace}{separator}{name}, key {key}");
                ScopeVariable { value: ScopeValue::Elsewhere(place), origin: origin.clone(), is_own: true }
            }))
        })
    }
}

/// A value with the variables before it, `$(NAME)`.
fn expanded(text: &str, scope: &Scope) -> ScopeValue {
    let (mut out, mut is_known) = (String::new(), true);
    let mut rest = text;
    while let Some(start) = rest.find("$(") {
        let Some(length) = rest[start..].find(')') else { break };
        let (before, name) = (&rest[..start], &rest[start + 2..start + length]);
        let reference = &rest[start..=start + length];
        rest = &rest[start + length + 1..];
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str(reference);
            continue;
        }
        out.push_str(before);
        match scope.variables.get(name) {
            Some(variable) => {
                is_known &= variable.text().is_some();
                out.push_str(variable.text().unwrap_or(UNKNOWN));
            }
            None => out.push_str(reference),
        }
    }
    out.push_str(rest);
    if is_known { ScopeValue::Known(out.into()) } else { ScopeValue::Partly(out.into()) }
}
