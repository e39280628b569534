//! A kind is a folder, and a line in each list of kinds: adding one to a copy of this tree needs nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Every line that a new kind needs outside of its folder: the file, what the line before it begins with, and the line.
const LINES: [(&str, &str, &str); 5] = [
    (
        "Cargo.toml",
        "kind_http = { path",
        concat!(
            r#"kind_directory = { path = "kinds/directory", version = ""#,
            env!("CARGO_PKG_VERSION"),
            r#"" }"#
        ),
    ),
    ("Cargo.toml", "kind_http = { workspace", "kind_directory = { workspace = true, optional = true }"),
    ("Cargo.toml", "http = [\"dep:", "directory = [\"dep:kind_directory\"]"),
    ("src/registry.rs", "    \"http\" Http kind_http,", "    /// Directories."),
    ("src/registry.rs", "    /// Directories.", "    \"directory\" Directory kind_directory,"),
];

/// What the copy does not need.
const LEFT_OUT: [&str; 5] = [".git", ".deps", "target", "fuzz", "docs"];

/// A copy of the tree with one kind more.
struct Copy {
    root: TempDir,
}

impl Copy {
    fn make() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(here, root.path());
        copy(&here.join("tests/new_kind"), &root.path().join("kinds"));
        for (file, after, line) in LINES {
            insert(&root.path().join(file), after, line);
        }
        Self { root }
    }

    /// Runs the program of the copy. Its dependencies are those of this tree, and so are built.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--offline", "--features", "directory", "--"]).args(arguments);
        command.current_dir(self.root.path()).env("CARGO_TARGET_DIR", target());
        let output = command.output().expect("cargo runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        output
    }
}

/// `TARGET`, of `TARGET/debug/deps/new_kind-…`.
fn target() -> PathBuf {
    let this = std::env::current_exe().expect("the kernel knows");
    this.ancestors().nth(3).expect("cargo's target directory").to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("it is writable");
    for entry in fs::read_dir(from).expect("it is readable") {
        let entry = entry.expect("it is readable");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("it is writable");
        }
    }
}

/// Puts a line after the last one that begins like this.
fn insert(file: &Path, after: &str, line: &str) {
    let text = fs::read_to_string(file).expect("it is text");
    let mut lines: Vec<_> = text.lines().collect();
    let place = lines.iter().rposition(|known| known.starts_with(after));
    lines.insert(place.unwrap_or_else(|| panic!("{file:?}: no {after}")) + 1, line);
    fs::write(file, lines.join("\n") + "\n").expect("it is writable");
}

#[test]
fn needs_its_folder_and_a_line_in_each_list() {
    let copy = Copy::make();
    let catalogue = copy.run(&["catalog"]).stdout;
    assert!(String::from_utf8_lossy(&catalogue).contains("\n## directory\n"));

    let root = copy.root.path();
    copy.run(&["bundle", "--out", root.join("out").to_str().expect("a plain path")]);
    for file in ["grafana/dashboards/directory.json", "alerts/directory.rules.yml"] {
        assert!(root.join("out").join(file).is_file(), "{file}");
    }

    let config = root.join("platform.yml");
    let path = root.join("kinds/directory");
    let example = fs::read_to_string(path.join("example.yml")).expect("it is text");
    let source = example.replace("/srv/uploads", path.to_str().expect("a plain path"));
    fs::write(&config, source).expect("it is writable");
    let checked = copy.run(&["check", "--live", "--config.file", config.to_str().expect("a plain path")]);
    assert!(String::from_utf8_lossy(&checked.stdout).contains("uploads"), "{checked:?}");
}
