//! The rules of the house, checked over the source text.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use platform_exporter::source::Kind;

/// The modules in the order of their layers: each may name only those before it.
const ORDER: [&str; 19] = [
    "off_thread",
    "supervisor",
    "descriptors",
    "metric",
    "setting",
    "yaml",
    "beat",
    "probe",
    "query",
    "source",
    "pack",
    "config",
    "snapshot",
    "schedule",
    "server",
    "bundle",
    "cli",
    "telemetry",
    "command",
];

/// The crates that talk to a backing service, each with the one file or folder that may name it.
const DRIVERS: [(&str, &str); 6] = [
    ("sqlx", "src/source/postgres"),
    ("mongodb", "src/source/mongodb"),
    ("redis", "src/source/redis"),
    ("lapin", "src/source/rabbitmq"),
    ("rusty_s3", "src/source/s3"),
    ("serde_saphyr", "src/yaml/tree.rs"),
];

/// Longer files are two things in one.
const LONGEST_FILE: usize = 350;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its path from the root and its text.
fn files(folder: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.insert(name(&path), fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

fn layer(module: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == module)
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (file, text) in files("src") {
        let module = file.trim_start_matches("src/").split(['/', '.']).next().unwrap();
        let Some(own) = layer(module) else { continue };
        for (number, line) in text.lines().enumerate() {
            for named in line.split("crate::").skip(1) {
                let named = named.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                if layer(named).is_some_and(|named| named > own) {
                    wrong.push(format!(
                        "{file}:{}: {module} names {named}, which stands above it",
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_kind_never_names_another() {
    let mut wrong = Vec::new();
    for (file, text) in files("src/source") {
        let own = file.trim_start_matches("src/source/").split(['/', '.']).next().unwrap().to_owned();
        for other in Kind::ALL.map(Kind::as_str).into_iter().filter(|kind| *kind != own) {
            if own != "mod" && text.contains(&format!("source::{other}")) {
                wrong.push(format!("{file} names the {other} kind"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_driver_is_named_in_one_place() {
    let mut wrong = Vec::new();
    for (file, text) in files("src") {
        for (driver, place) in DRIVERS {
            let names_it = text.lines().any(|line| {
                let code = line.split("//").next().unwrap_or_default();
                code.trim_start().starts_with(&format!("use {driver}::"))
                    || code.contains(&format!(" ::{driver}::"))
            });
            if names_it && !file.starts_with(place) {
                wrong.push(format!("{file} names {driver}, which belongs to {place}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_and_have_no_hidden_state() {
    let mut wrong = Vec::new();
    for (file, text) in files("src") {
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{file} has {lines} lines, more than {LONGEST_FILE}"));
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default().trim_start();
            let place = format!("{file}:{}", number + 1);
            if code.starts_with("static ")
                || code.starts_with("pub static ")
                || code.contains("thread_local!")
            {
                wrong.push(format!("{place}: state belongs to a value that is passed on"));
            }
            if code.contains("env::var") && file != "src/command/mod.rs" {
                wrong.push(format!("{place}: the environment is read when the configuration is loaded"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is forbidden for the package, no attribute can allow again.
#[test]
fn unsafe_code_is_forbidden() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, lints) = manifest.split_once("[lints.rust]\n").unwrap();
    assert!(lints.starts_with("unsafe_code = \"forbid\"\n"), "{lints}");
}

#[test]
fn every_kind_has_its_test_its_example_and_its_section_in_the_docs() {
    let docs = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    for kind in Kind::ALL.map(Kind::as_str) {
        let test = root().join("tests/it/source").join(kind);
        assert!(test.is_dir() || test.with_extension("rs").is_file(), "{kind} has no test");
        assert!(root().join("examples").join(kind).with_extension("yml").is_file(), "{kind} has no example");
        assert!(
            docs.contains(&format!("\n## {kind}\n")),
            "{kind} is missing in docs/metrics.md: run `make bless`"
        );
    }
}

/// What the exporter and its kinds export has a name that every parser reads, and a sentence that explains it.
#[test]
fn the_catalogue_is_well_formed() {
    let own = platform_exporter::snapshot::own_catalogue();
    let health = platform_exporter::snapshot::health_catalogue();
    let roll_up = platform_exporter::snapshot::roll_up_catalogue();
    let of_kinds = Kind::ALL.into_iter().flat_map(Kind::families);
    let mut seen = std::collections::BTreeSet::new();
    for desc in own.into_iter().chain(health).chain(roll_up).chain(of_kinds) {
        assert!(seen.insert(desc.name.to_string()), "{} is there twice", desc.name);
        let classic = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        assert!(classic(&desc.name) && desc.labels.iter().all(classic), "{desc:?}");
        assert!(desc.labels.iter().all(|label| label != "source" && label != "le"), "{desc:?}");
        assert!(desc.help.ends_with('.') && !desc.help.contains('\n'), "{}: {}", desc.name, desc.help);
        let total = desc.name.ends_with("_total");
        assert_eq!(
            total,
            desc.metric_type == platform_exporter::metric::MetricType::Counter,
            "{}",
            desc.name
        );
    }
}
