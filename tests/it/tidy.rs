//! The rules of the house, checked over the source text.

mod circles;
mod features;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use platform_core::metric::{LabelNames, MetricType};
use platform_exporter::registry::Kind;
use testkit::root;

/// The modules of the program in the order of their layers: each may name only those before it. What the program stands
/// on are crates, for which the compiler sees to it.
const ORDER: [&str; 12] = [
    "registry",
    "pack",
    "config",
    "init",
    "snapshot",
    "manual",
    "bundle",
    "schedule",
    "server",
    "cli",
    "telemetry",
    "command",
];

/// Where the code is that users run, but for the tests of kinds.
const SOURCES: [&str; 3] = ["src", "crates/core", "kinds"];

/// Where all code is, that of tests included.
const CODE: [&str; 7] = ["src", "crates", "kinds", "platforms", "tests", "benches", "demo"];

/// What a folder of a kind has beside its code, and one of a platform.
const OF_KIND: [&str; 9] = [
    "Cargo.toml",
    "dashboard.yml",
    "rules.yml",
    "rules_test.yml",
    "runbook.md",
    "example.yml",
    "README.md",
    "tests/mod.rs",
    "tests/faults.rs",
];
const OF_PLATFORM: [&str; 7] =
    ["pack.yml", "rules_test.yml", "runbook.md", "example.yml", "README.md", "role.*", "tests/mod.rs"];

/// Longer files are two things in one.
const LONGEST_FILE: usize = 350;

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

/// The code that users run.
fn sources() -> impl Iterator<Item = (String, String)> {
    SOURCES.iter().flat_map(|folder| files(folder)).filter(|(file, _)| !file.contains("/tests/"))
}

/// The folders in a folder, in order.
fn folders(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    sorted(entries.filter(|path| path.is_dir()).map(|path| name(&path)).collect())
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
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

/// The core knows no kind, and a kind knows no other: what they depend on says so.
#[test]
fn crates_depend_on_those_below_them() {
    let depends = |folder: &str, on: &str| {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        manifest.lines().any(|line| line.starts_with(on))
    };
    assert!(!depends("crates/core", "kind_") && !depends("crates/core", "platform_"));
    for kind in folders("kinds") {
        assert!(!depends(&kind, "kind_") && !depends(&kind, "platform_exporter"), "{kind}");
    }
}

/// Whatever library reads YAML, one file knows it.
#[test]
fn one_file_names_the_yaml_library() {
    let naming: Vec<_> =
        sources().filter(|(_, text)| text.contains("serde_saphyr::")).map(|(file, _)| file).collect();
    assert_eq!(naming, ["crates/core/src/yaml/tree.rs"]);
}

/// A file that no module names is never compiled, and its tests never run.
#[test]
fn every_file_is_in_a_module() {
    let mut wrong = Vec::new();
    let elsewhere = ["tests/it/kinds.rs", "tests/it/packs/mod.rs", "tests/faults/kinds.rs"];
    let elsewhere = elsewhere.map(|file| fs::read_to_string(root().join(file)).unwrap()).concat();
    for folder in [
        "tests/it",
        "tests/faults",
        "tests/alerts",
        "tests/unit",
        "benches",
        "demo",
        "src",
        "crates",
        "kinds",
        "platforms",
    ] {
        for file in files(folder).into_keys() {
            let path = root().join(&file);
            if elsewhere.contains(&format!("../{file}\"]")) {
                continue;
            }
            let (own, parent) = (path.file_stem().unwrap().to_str().unwrap(), path.parent().unwrap());
            if ["main", "lib"].contains(&own) {
                continue;
            }
            let (name, folder) = match own {
                "mod" => (parent.file_name().unwrap().to_str().unwrap(), parent.parent().unwrap()),
                _ => (own, parent),
            };
            let parents = [
                folder.join("mod.rs"),
                folder.join("main.rs"),
                folder.join("lib.rs"),
                folder.with_extension("rs"),
            ];
            let declares = |parent: &Path| {
                fs::read_to_string(parent).is_ok_and(|text| {
                    text.contains(&format!("mod {name};")) || text.contains(&format!("path = \"{own}.rs\""))
                })
            };
            if !parents.iter().any(|parent| declares(parent)) {
                wrong.push(file);
            }
        }
    }
    assert!(wrong.is_empty(), "in no module: {}", wrong.join(", "));
}

/// The compiler takes what a crate makes public for used.
#[test]
fn everything_in_the_testkit_is_used() {
    let kit = files("crates/testkit/src");
    let users = ["tests", "kinds", "platforms", "benches", "demo"].into_iter().flat_map(files);
    let mut uses: BTreeMap<String, u32> = BTreeMap::new();
    for (_, text) in kit.clone().into_iter().chain(users) {
        for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
            *uses.entry(word.to_owned()).or_default() += 1;
        }
    }
    let mut unused = Vec::new();
    for (file, text) in kit {
        for line in text.lines().map(str::trim_start).filter(|line| line.starts_with("pub ")) {
            let Some((_, rest)) = line.split_once("fn ") else { continue };
            let name = rest.split(['(', '<']).next().unwrap();
            if uses[name] < 2 {
                unused.push(format!("{file}: {name}"));
            }
        }
    }
    assert!(unused.is_empty(), "used nowhere: {}", unused.join(", "));
}

#[test]
fn files_are_short_and_have_no_hidden_state() {
    let mut wrong = Vec::new();
    for (file, text) in CODE.iter().flat_map(|folder| files(folder)) {
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            wrong.push(format!("{file} has {lines} lines, more than {LONGEST_FILE}"));
        }
    }
    for (file, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default().trim_start();
            let place = format!("{file}:{}", number + 1);
            // The allocator is the program's, and has no other place.
            let is_allocator = code.starts_with("static ALLOCATOR: ") && file == "src/main.rs";
            if (code.starts_with("static ") && !is_allocator)
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

/// What is forbidden for the workspace, no attribute can allow again.
#[test]
fn unsafe_code_is_forbidden() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, lints) = manifest.split_once("[workspace.lints.rust]\n").unwrap();
    assert!(lints.starts_with("unsafe_code = \"forbid\"\n"), "{lints}");
    for folder in folders("kinds").into_iter().chain(folders("crates")).chain([String::new()]) {
        let manifest = fs::read_to_string(root().join(&folder).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{folder}");
    }
}

#[test]
fn every_kind_and_every_platform_has_its_folder() {
    let docs = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| format!("kinds/{kind}")).collect();
    assert_eq!(folders("kinds"), sorted(kinds));
    for kind in Kind::ALL.iter().map(|kind| kind.as_str()) {
        for file in OF_KIND {
            assert!(root().join("kinds").join(kind).join(file).is_file(), "kinds/{kind} has no {file}");
        }
        assert!(
            docs.contains(&format!("\n## {kind}\n")),
            "{kind} is missing in docs/metrics.md: run `make bless`"
        );
    }
    let platforms: Vec<_> =
        platform_exporter::pack::all().into_iter().map(|(name, _)| format!("platforms/{name}")).collect();
    assert_eq!(folders("platforms"), sorted(platforms));
    for platform in folders("platforms") {
        let found = fs::read_dir(root().join(&platform)).unwrap();
        let found: Vec<_> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        for file in OF_PLATFORM {
            let is_there = match file.strip_suffix('*') {
                Some(start) => found.iter().any(|name| name.starts_with(start)),
                None => root().join(&platform).join(file).is_file(),
            };
            assert!(is_there, "{platform} has no {file}");
        }
    }
}

/// What the exporter and its kinds export has a name that every parser reads, and a sentence that explains it.
#[test]
fn the_catalogue_is_well_formed() {
    let own = platform_exporter::snapshot::own_catalogue();
    let health = platform_exporter::snapshot::health_catalogue();
    let roll_up = platform_exporter::snapshot::roll_up_catalogue();
    let of_kinds = Kind::ALL.iter().flat_map(|kind| kind.facts().families());
    let mut seen = BTreeSet::new();
    for desc in own.into_iter().chain(health).chain(roll_up).chain(of_kinds) {
        assert!(seen.insert(desc.name.to_string()), "{} is there twice", desc.name);
        let classic = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        assert!(classic(&desc.name) && desc.labels.iter().all(classic), "{desc:?}");
        assert!(desc.labels.iter().all(|label| label != "source" && label != "le"), "{desc:?}");
        assert!(desc.help.ends_with('.') && !desc.help.contains('\n'), "{}: {}", desc.name, desc.help);
        // An established name may end in `_total` whatever it is. A query has to say that a name is established.
        let total = desc.name.ends_with("_total");
        let of_query = matches!(desc.labels, LabelNames::Declared(_));
        assert!(
            match desc.metric_type {
                MetricType::Counter => total || of_query,
                MetricType::Unknown => true,
                MetricType::Gauge | MetricType::Histogram => !total,
            },
            "{}",
            desc.name
        );
    }
}
