//! The files of a directory that may name services: bounded, and nothing but regular files of the directory itself.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// No file that configures a service is longer.
const LONGEST: u64 = 1 << 20;
/// More files are not read.
const MOST: usize = 200;
/// No more is read of all files together.
const MOST_BYTES: u64 = 32 << 20;
/// Folders within folders.
const DEEPEST: usize = 4;
/// More entries of one folder are not listed.
const MOST_ENTRIES: usize = 10_000;

/// The same in a monorepo.
const DEEPEST_PART: usize = 2;

/// Folders of the directory that have manifests or files for Compose.
const FOLDERS: [&str; 13] = [
    ".devcontainer",
    "compose",
    "deploy",
    "deployment",
    "deployments",
    "docker",
    "infra",
    "k8s",
    "kube",
    "kubernetes",
    "kustomize",
    "manifests",
    "ops",
];
/// Folders of a monorepo, each with a folder for each of its parts: only files of variables are read there.
const MONOREPO: [&str; 3] = ["apps", "packages", "services"];
/// Folders that belong to others.
const SKIPPED: [&str; 4] = ["node_modules", "target", "vendor", ".git"];

/// The files of a directory, as far as they have been looked for.
pub(super) struct FileTree {
    /// Without links, so that it can be compared.
    root: PathBuf,
    /// Those that have been read, each counted once.
    read: BTreeSet<String>,
    /// How many bytes may still be read.
    left: u64,
    pub(super) notes: Vec<String>,
}

impl FileTree {
    pub(super) fn new(directory: &Path) -> Self {
        let mut notes = Vec::new();
        let root = fs::canonicalize(directory).unwrap_or_else(|error| {
            notes.push(format!("{}: cannot be read: {}", directory.display(), error.kind()));
            directory.to_owned()
        });
        Self { root, read: BTreeSet::new(), left: MOST_BYTES, notes }
    }

    /// The paths of all files from the directory that may matter, those of the directory itself first.
    pub(super) fn list(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        self.list_folder("", 0, &mut found);
        found
    }

    fn list_folder(&mut self, folder: &str, depth: usize, found: &mut Vec<String>) {
        let Ok(entries) = fs::read_dir(self.root.join(folder)) else { return };
        let mut entries: Vec<_> = entries.take(MOST_ENTRIES).flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut folders = Vec::new();
        for entry in entries {
            let (Ok(name), Ok(file_type)) = (entry.file_name().into_string(), entry.file_type()) else {
                continue;
            };
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if file_type.is_dir() {
                let (is_wanted, deepest) = match part_of_monorepo(&path) {
                    Some(_) => (true, DEEPEST_PART),
                    None => (depth > 0 || FOLDERS.contains(&name.as_str()), DEEPEST),
                };
                if is_wanted && depth < deepest && !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if is_env_file(&name) || (part_of_monorepo(&path).is_none() && is_candidate(&name)) {
                found.push(path);
            }
        }
        for folder in folders {
            self.list_folder(&folder, depth + 1, found);
        }
    }

    /// The bytes of a file; `None` with a note if it is not read.
    pub(super) fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        let is_new = !self.has_read(path);
        if is_new && self.read.len() >= MOST {
            // One more is not read either, and is remembered, so that there is one note.
            if self.read.len() == MOST {
                self.notes.push(format!("{path}: not read: more than {MOST} files"));
                self.read.insert(path.to_owned());
            }
            return None;
        }
        self.read.insert(path.to_owned());
        match self.bytes(path) {
            Ok(bytes) => {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                Some(bytes)
            }
            Err(why) => {
                if is_new {
                    self.notes.push(format!("{path}: not read: {why}"));
                }
                None
            }
        }
    }

    /// Whether a file has been read before, with its notes.
    pub(super) fn has_read(&self, path: &str) -> bool {
        self.read.contains(path)
    }

    fn bytes(&self, path: &str) -> Result<Vec<u8>, String> {
        let unreadable = |error: std::io::Error| error.kind().to_string();
        // A link may lead anywhere, also to a file that is never opened.
        let file = fs::canonicalize(self.root.join(path)).map_err(unreadable)?;
        if !file.starts_with(&self.root) {
            return Err("it leads out of the directory".to_owned());
        }
        let metadata = fs::metadata(&file).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err("no regular file".to_owned());
        }
        let too_long = || format!("larger than {} MiB", LONGEST >> 20);
        if metadata.len() > LONGEST {
            return Err(too_long());
        }
        if metadata.len() > self.left {
            return Err(format!("more than {} MiB in all", MOST_BYTES >> 20));
        }
        let mut bytes = Vec::new();
        File::open(&file)
            .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
            .map_err(unreadable)?;
        if bytes.len() as u64 > LONGEST { Err(too_long()) } else { Ok(bytes) }
    }

    /// Whether a file is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.join(path).symlink_metadata().is_ok()
    }
}

fn is_candidate(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    is_env_file(name) || extension.is_some_and(|extension| ["yml", "yaml"].contains(&extension))
}

/// The part of a monorepo that a path is in: `web` of `apps/web/.env`, and nothing of `apps`.
pub(super) fn part_of_monorepo(path: &str) -> Option<&str> {
    let mut folders = path.split('/');
    folders.next().filter(|first| MONOREPO.contains(first))?;
    Some(folders.next().unwrap_or_default())
}

/// `.env` and `.env.production`.
pub(super) fn is_env_file(path: &str) -> bool {
    let name = file_name(path);
    name == ".env" || name.starts_with(".env.")
}

/// `compose.yaml`, `docker-compose.yml` and `docker-compose.prod.yml`.
pub(super) fn is_compose(path: &str) -> bool {
    let name = file_name(path);
    ["compose.", "docker-compose.", "docker-compose-"].iter().any(|start| name.starts_with(start))
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The path of a file that another one names, from the directory; `None` if it leads out of it.
pub(super) fn beside(file: &str, named: &str) -> Option<String> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut parts: Vec<&str> = Vec::new();
    let path = folder.join(named);
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => drop(parts.pop()?),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}
