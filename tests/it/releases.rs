//! What has been written against a released version: this one reads it, and still has its metrics.
//!
//! `scripts/release.sh --keep` writes the folder of a version, before it is released.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use regex::Regex;
use testkit::exporter::binary;
use testkit::root;

/// The folder of each version.
fn releases() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/it/releases")).unwrap();
    let releases: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(releases.iter().any(|path| path.ends_with("0.1.0")), "{releases:?}");
    releases
}

/// Every `example.yml` in the folders of a release's kinds or platforms.
fn examples(release: &Path, folder: &str) -> Vec<PathBuf> {
    let folders = fs::read_dir(release.join(folder)).unwrap();
    folders.map(|folder| folder.unwrap().path().join("example.yml")).collect()
}

/// The result of `check` for a configuration, with all variables that it names.
fn check(config: &Path) -> Output {
    let text = fs::read_to_string(config).unwrap();
    let variables = Regex::new(r"\$\{([A-Z0-9_]+)").unwrap();
    let variables = variables.captures_iter(&text).map(|found| {
        let name = found[1].to_owned();
        let value = match name.as_str() {
            name if name.contains("DATABASE") => "postgres://db/app",
            name if name.contains("MONGO") => "mongodb://mongo/app",
            name if name.contains("REDIS") => "redis://cache",
            name if name.contains("AMQP") || name.contains("RABBITMQ") => "amqp://broker",
            name if name.contains("STRIPE") => "rk_test_key",
            _ => "value",
        };
        (name, value)
    });
    let mut command = Command::new(binary());
    command.args(["check", "--syntax-only", "--config.file"]).arg(config).envs(variables);
    command.output().unwrap()
}

fn passes(config: &Path) {
    let output = check(config);
    assert!(output.status.success(), "{}: {}", config.display(), String::from_utf8_lossy(&output.stderr));
}

#[test]
fn released_configurations_have_no_errors() {
    for release in releases() {
        let configs = [examples(&release, "kinds"), examples(&release, "platforms")].concat();
        assert!(configs.len() >= 12, "{configs:?}");
        configs.iter().for_each(|config| passes(config));
        passes(&release.join("examples/packs/platform.yml"));
    }
}

/// Somebody has copied a built-in pack, and changed it.
#[test]
fn released_packs_have_no_errors() {
    for release in releases() {
        let examples = examples(&release, "platforms");
        assert!(examples.len() >= 3, "{examples:?}");
        for example in examples {
            let folder = example.parent().unwrap();
            let name = folder.file_name().unwrap().to_str().unwrap();
            let text = fs::read_to_string(&example).unwrap();
            let directory = tempfile::tempdir().unwrap();
            let config = directory.path().join("platform.yml");
            let key = format!("\n  {name}:\n");
            assert_eq!(text.matches(&key).count(), 1, "{}", example.display());
            fs::write(&config, text.replace(&key, &format!("{key}    file: pack.yml\n"))).unwrap();
            let pack = fs::read_to_string(folder.join("pack.yml")).unwrap();
            fs::write(directory.path().join("pack.yml"), &pack).unwrap();
            passes(&config);
            fs::write(directory.path().join("pack.yml"), pack.replacen("\nqueries:", "\nquerys:", 1))
                .unwrap();
            let output = check(&config);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(
                !output.status.success() && errors.contains("querys"),
                "the copy is what is read: {errors}"
            );
        }
    }
}

/// The name, the type and the labels of each metric in a list such as docs/metrics.md.
fn metrics(list: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(list).unwrap();
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(str::trim).take(4).collect();
        cells.get(1)?.starts_with('`').then(|| cells[1..].join(" | "))
    };
    let rows: BTreeSet<_> = text.lines().filter_map(row).collect();
    assert!(rows.len() > 500, "{}: {}", list.display(), rows.len());
    rows
}

#[test]
fn released_metrics_are_still_there() {
    let here = metrics(&root().join("docs/metrics.md"));
    for release in releases() {
        let gone: Vec<_> = metrics(&release.join("metrics.txt")).difference(&here).cloned().collect();
        assert!(gone.is_empty(), "{}: gone or changed:\n{}", release.display(), gone.join("\n"));
    }
}
