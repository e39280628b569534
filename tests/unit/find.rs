//! The backing services that a directory and the environment name.

mod arbitrary;
mod bounds;
mod cluster;
mod compose;
mod env;
mod secrets;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use platform_core::setting::Secret;
use platform_exporter::config::{self, Surroundings};
use platform_exporter::init::find::{Findings, FoundSource, find};
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// What is found in a directory by a process with this environment.
fn found_in(directory: &Path, environment: &[(&str, &str)]) -> Findings {
    let environment: BTreeMap<_, _> = environment.iter().copied().collect();
    let names: Vec<_> = environment.keys().map(|name| (*name).to_owned()).collect();
    find(directory, &|name| environment.get(name).map(|value| (*value).to_owned()), &names)
}

fn found(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Findings {
    found_in(directory(files).path(), environment)
}

fn exposed(secret: &Option<Secret>) -> &str {
    match secret {
        Some(Secret::Value(value, _)) => value.expose_secret(),
        Some(Secret::File(_)) => "a file",
        None => "?",
    }
}

/// All that was found, with its values; `*` marks what is not what the application has under a name.
fn described(findings: &Findings) -> String {
    let mut out = String::new();
    for FoundSource { name, kind, address, settings, places, .. } in &findings.sources {
        let places: Vec<_> = places.iter().map(ToString::to_string).collect();
        writeln!(out, "{name} {kind} {address} at {}", places.join(", ")).unwrap();
        for setting in settings {
            let adapted: Vec<_> = setting
                .variables
                .iter()
                .filter(|variable| variable.is_adapted)
                .map(|variable| format!(" *{}", variable.name))
                .collect();
            let (key, text, value) = (&setting.key, &setting.text, exposed(&setting.value));
            writeln!(out, "  {key}: {text} = {value}{}", adapted.concat()).unwrap();
        }
    }
    for note in &findings.notes {
        writeln!(out, "note: {note}").unwrap();
    }
    out
}

/// Compares what was found, and reads the configuration that names it.
fn assert_found(findings: &Findings, expected: &str) {
    let described = described(findings);
    let expected = expected.trim_start_matches('\n');
    assert!(described == expected, "found:\n{described}\nexpected:\n{expected}");
    assert_loads(findings);
}

/// The sources whose variables are all known make a valid configuration.
fn assert_loads(findings: &Findings) {
    let is_known = |source: &&FoundSource| source.settings.iter().all(|setting| setting.value.is_some());
    let known: Vec<_> = findings.sources.iter().filter(is_known).collect();
    if known.is_empty() {
        return;
    }
    let mut values: BTreeMap<&str, &str> = BTreeMap::new();
    let mut sources = serde_json::Map::new();
    for source in known {
        let mut keys = serde_json::json!({});
        for setting in &source.settings {
            for variable in &setting.variables {
                let value = exposed(&variable.value);
                let before = values.insert(&variable.name, value);
                assert!(before.is_none_or(|before| before == value), "{} has two values", variable.name);
            }
            let slot = setting.key.split('.').fold(&mut keys, |node, key| &mut node[key]);
            *slot = setting.text.clone().into();
        }
        sources.insert(source.name.clone(), serde_json::json!({ source.kind.as_str(): keys }));
    }
    let text = serde_json::json!({ "sources": sources }).to_string();
    let variable = |name: &str| values.get(name).map(|value| (*value).to_owned());
    let file = |_: &str| Err(io::Error::other("no file is named"));
    let loaded = config::load(&text, "platform.yml", Surroundings { variable: &variable, file: &file });
    assert!(loaded.is_ok(), "{text}\n{}", loaded.unwrap_err());
}

#[test]
fn the_table_has_no_credentials() {
    let files = [
        (".env", "DATABASE_URL=postgres://app:pw@db.example.com/app\nMYSQL_URL=mysql://root@localhost/app\n"),
        ("compose.yml", "services:\n  jobs:\n    image: redis\n    ports: ['6380:6379']\n"),
    ];
    let findings = found(&files, &[("DATABASE_URL", "postgres://app:pw@db.example.com/app")]);
    let expected = "\
source  kind      address                        where
db      postgres  postgres://db.example.com/app  environment, .env:1
jobs    redis     redis://127.0.0.1:6380/        compose.yml:3 (service jobs)
note: .env:2: MYSQL_URL: MySQL, for which there is no kind
";
    assert_eq!(findings.to_string(), expected);
    assert_eq!(found(&[], &[]).to_string(), "");
}
