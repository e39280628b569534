//! The files that a configuration names: passwords, keys, certificates, logs.

use std::path::{Path as FilePath, PathBuf};

use platform_core::yaml::{Faults, Node, Path, Place, Value};

/// A file that a source, module or roll-up reads while it runs.
#[derive(Clone, Debug)]
pub struct NamedFile {
    /// Where it is.
    pub file: PathBuf,
    /// What it has to contain.
    pub content: ExpectedContent,
    place: Place,
    path: Path,
}

/// What a file has to contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedContent {
    /// A password, key or token.
    Secret,
    /// Certificates, or a private key, as PEM.
    Pem,
}

/// Keys of PEM files; every other `_file` key is a secret.
const PEM: [&str; 3] = ["ca_file", "cert_file", "key_file"];

/// Resolves every relative path against `directory`, and lists the files of sources, modules and roll-ups that have to exist.
pub(super) fn resolve(tree: &mut Node, directory: &FilePath, faults: &mut Faults) -> Vec<NamedFile> {
    let mut walk = Walk { directory, faults, found: Vec::new() };
    for (section, node) in entries(tree) {
        let path = Path::default().key(section);
        for (name, node) in entries(node) {
            let path = path.key(name);
            match section {
                "sources" | "modules" => walk.node(node, &path),
                "packs" => {
                    for (key, node) in entries(node) {
                        match key {
                            "roll_up" => walk.node(node, &path.key(key)),
                            "file" => drop(walk.file(node, &path.key(key))),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }
    walk.found
}

struct Walk<'a> {
    directory: &'a FilePath,
    faults: &'a mut Faults,
    found: Vec<NamedFile>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node, path: &Path) {
        for (key, node) in entries(node) {
            let path = path.key(key);
            match key {
                // Header names are free text, so a key may end in `_file` by chance.
                "headers" => {}
                "logfile" => self.logs(node, &path),
                key if key.ends_with("_file") => {
                    let content =
                        if PEM.contains(&key) { ExpectedContent::Pem } else { ExpectedContent::Secret };
                    if let Some(file) = self.file(node, &path) {
                        self.found.push(NamedFile { file, content, place: node.place, path });
                    }
                }
                _ => self.node(node, &path),
            }
        }
    }

    /// A log file may not exist yet.
    fn logs(&mut self, source: &mut Node, path: &Path) {
        for (key, node) in entries(source).filter(|(key, _)| matches!(*key, "path" | "paths")) {
            let path = path.key(key);
            match &mut node.value {
                Value::List(elements) => {
                    for (index, element) in elements.iter_mut().enumerate() {
                        self.file(element, &path.index(index));
                    }
                }
                _ => drop(self.file(node, &path)),
            }
        }
    }

    fn file(&mut self, node: &mut Node, path: &Path) -> Option<PathBuf> {
        let Value::String(text) = &mut node.value else { return None };
        if text.is_empty() {
            let message = "expected a file path, found an empty one: check the variable that it comes from";
            self.faults.at(node.place, path, message);
            return None;
        }
        let file = self.directory.join(&*text);
        if let Some(resolved) = file.to_str() {
            resolved.clone_into(text);
            // It has moved them.
            node.variables.clear();
        }
        Some(file)
    }
}

fn entries(node: &mut Node) -> impl Iterator<Item = (&str, &mut Node)> {
    let entries = match &mut node.value {
        Value::Map(entries) => entries.as_mut_slice(),
        _ => &mut [],
    };
    entries.iter_mut().map(|(key, node)| (key.text.as_str(), node))
}

/// Reports each file in which `look` finds a problem.
pub(super) fn check(files: &[NamedFile], look: FileCheck<'_>, faults: &mut Faults) {
    for (file, problem) in files.iter().zip(look(files)) {
        if let Some(problem) = problem {
            faults.at(file.place, &file.path, problem);
        }
    }
}

/// Checks all files at once and returns the problem with each, if any.
pub type FileCheck<'a> = &'a dyn Fn(&[NamedFile]) -> Vec<Option<String>>;
