//! The objects in manifests, as Kubernetes reads them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::{dependency, root};

/// The objects in a stream of YAML, by kind and name. What does not fit the published schemas of Kubernetes, or has an
/// unknown property, is an error.
pub(super) fn valid(yaml: &str) -> Result<BTreeMap<(String, String), Value>, String> {
    let objects = parsed(yaml, &["1.28.0", "1.37.0"])?;
    let schema = serde_json::from_str(include_str!("operators.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut all = BTreeMap::new();
    for object in objects {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap().to_owned();
        let name = (text("/kind"), text("/metadata/name"));
        let group = text("/apiVersion");
        let is_own = !group.contains('.') || group.contains(".k8s.io/");
        if let Some(error) = (!is_own).then(|| schema.iter_errors(&object).next()).flatten() {
            return Err(format!("{} {}: {}: {error}", name.0, name.1, error.instance_path()));
        }
        if all.insert(name.clone(), object).is_some() {
            return Err(format!("there are two of {name:?}"));
        }
    }
    Ok(all)
}

/// The documents in a stream of YAML. With versions of Kubernetes, its objects are checked.
pub(super) fn parsed(yaml: &str, versions: &[&str]) -> Result<Vec<Value>, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("objects.yaml");
    fs::write(&file, yaml).unwrap();
    let mut command = Command::new(dependency("venv/bin/python"));
    command.arg(root().join("tests/it/bundle/objects.py")).args(versions);
    let output = command.stdin(fs::File::open(file).unwrap()).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}

/// What a kustomization makes.
pub(super) fn kustomized(directory: &Path) -> String {
    printed(Command::new(dependency("helm/kubectl")).arg("kustomize").arg(directory)).unwrap()
}

/// What a command prints, or its error.
pub(super) fn printed(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}: run `make deps`"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}
