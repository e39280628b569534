//! Files that are made from the code: they fail when stale. `make bless` rewrites them.

mod configuration;

use std::fs;
use std::process::Command;

use clap::CommandFactory;
use platform_core::kind::ProbeCost;
use platform_exporter::cli::Cli;
use platform_exporter::registry::Kind;
use testkit::exporter::binary;

use configuration::Reference;

/// Compares a file with what it should hold, or with `BLESS=1` writes it.
pub(crate) fn check(path: &str, expected: &str) {
    let path = testkit::root().join(path);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, expected).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let change = difference(&found, expected);
    assert!(change.is_empty(), "{} is stale: run `make bless`\n{change}", path.display());
}

/// The lines that only one of two texts has, or the first that differs in place or number.
fn difference(found: &str, expected: &str) -> String {
    let only = |sign, text: &str, other: &str| {
        let lines = text.lines().filter(|line| !other.lines().any(|known| known == *line));
        lines.map(|line| format!("{sign} {line}\n")).collect::<String>()
    };
    let change = only('-', found, expected) + &only('+', expected, found);
    if found == expected || !change.is_empty() {
        return change;
    }
    let number = found.lines().zip(expected.lines()).take_while(|(one, other)| one == other).count();
    format!("the same lines, but not from line {} on\n", number + 1)
}

fn output(arguments: &[&str]) -> String {
    let output = Command::new(binary()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What stands against an attack is shown by a test, and the test is there.
#[test]
fn security_names_tests_and_files_that_exist() {
    let root = testkit::root();
    let text = fs::read_to_string(root.join("docs/SECURITY.md")).unwrap();
    let quoted: Vec<_> = text.split('`').skip(1).step_by(2).collect();
    let (mut tests, mut files) = (0, 0);
    for name in quoted {
        if let Some((module, function)) = name.rsplit_once("::") {
            let paths = match module.strip_prefix("kinds::").map(|rest| rest.split_once("::").unwrap()) {
                Some((kind, file)) => vec![format!("kinds/{kind}/tests/{}", file.replace("::", "/"))],
                None => ["tests/it", "tests/unit", "crates/core/tests/unit"]
                    .map(|folder| format!("{folder}/{}", module.replace("::", "/")))
                    .into(),
            };
            let is_there =
                paths.iter().flat_map(|path| [format!("{path}.rs"), format!("{path}/mod.rs")]).any(|path| {
                    let text = fs::read_to_string(root.join(path)).unwrap_or_default();
                    text.contains(&format!("fn {function}()"))
                });
            assert!(is_there, "there is no {name}");
            tests += 1;
        } else if ["src/", "crates/", "kinds/"].iter().any(|folder| name.starts_with(folder)) {
            assert!(root.join(name).exists(), "there is no {name}");
            files += 1;
        }
    }
    assert!(tests > 20 && files > 10, "{tests} tests, {files} files");
}

#[test]
fn the_page_on_capacity_has_the_cost_of_every_kind() {
    let text = fs::read_to_string(testkit::root().join("docs/capacity.md")).unwrap();
    for facts in Kind::ALL.iter().map(|kind| kind.facts()) {
        let ProbeCost { cpu, wire, series } = facts.cost;
        let (name, kilobytes) = (facts.name, f64::from(wire) / 1000.0);
        let row = format!("| {name} | {:.2} ms | {kilobytes:.1} kB | {series} |", cpu.as_secs_f64() * 1000.0);
        assert!(text.contains(&row), "expected {row}");
    }
}

#[test]
fn the_list_of_metrics_is_that_of_the_binary() {
    check("docs/metrics.md", &output(&["catalog"]));
}

/// Every key is explained, in the reference as in editors that read the schema.
#[test]
fn the_configuration_reference_is_that_of_the_types() {
    let schema = serde_json::from_str(&platform_exporter::config::schema()).unwrap();
    let reference = Reference::of(&schema);
    assert!(reference.unexplained.is_empty(), "without a meaning: {}", reference.unexplained.join(", "));
    check("docs/configuration.md", reference.markdown());
}

/// The bundle in the Helm chart.
const CHART_FILES: &str = "deploy/helm/platform_exporter/files/";

#[test]
fn the_bundle_is_that_of_the_binary() {
    let files = platform_exporter::bundle::render(None).unwrap_or_else(|faults| panic!("{faults}"));
    for file in &files {
        check(&file.path, &file.text);
        // Helm reads no file outside of a chart.
        check(&format!("{CHART_FILES}{}", file.path), &file.text);
    }
    let places = [
        ("grafana/dashboards", ".json"),
        ("grafana/restricted/dashboards", ".json"),
        ("alerts", ".rules.yml"),
    ];
    for (place, (directory, ending)) in
        ["", CHART_FILES].into_iter().flat_map(|place| places.map(|of| (place, of)))
    {
        for entry in fs::read_dir(testkit::root().join(place).join(directory)).unwrap() {
            let path = format!("{directory}/{}", entry.unwrap().file_name().display());
            let is_known = !path.ends_with(ending) || files.iter().any(|file| file.path == path);
            assert!(is_known, "{place}{path} is not rendered any more");
        }
    }
}

/// Every page of the repository, by its path.
fn pages() -> Vec<(String, String)> {
    let list = Command::new("git").args(["ls-files", "*.md"]).current_dir(testkit::root()).output().unwrap();
    let paths = String::from_utf8(list.stdout).unwrap();
    let read = |path: &str| (path.to_owned(), fs::read_to_string(testkit::root().join(path)).unwrap());
    paths.lines().map(read).collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let pages = pages();
    let mut wrong = Vec::new();
    for (path, text) in &pages {
        let folder = testkit::root().join(path).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (file, section) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") || link.starts_with("mailto:") || link.contains(' ') {
                continue;
            }
            let target = if file.is_empty() { testkit::root().join(path) } else { folder.join(file) };
            let has_section = || {
                let page = fs::read_to_string(&target).unwrap_or_default();
                page.lines().any(|line| line.starts_with('#') && anchor(line) == section)
            };
            if !target.exists() || !section.is_empty() && file.ends_with(".md") && !has_section() {
                wrong.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(pages.len() > 20 && wrong.is_empty(), "{} pages\n{}", pages.len(), wrong.join("\n"));
}

/// What a heading is called in links.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The YAML in a page.
pub(crate) fn yaml_blocks(page: &str) -> impl Iterator<Item = &str> {
    page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap())
}

/// Every configuration on the page of a kind can be pasted as it is.
#[test]
fn the_configurations_on_the_pages_of_kinds_are_valid() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("platform.yml");
    let mut count = 0;
    for (path, text) in pages().into_iter().filter(|(path, _)| path.starts_with("kinds/")) {
        for block in yaml_blocks(&text).filter(|block| block.starts_with("sources:")) {
            fs::write(&file, block).unwrap();
            let mut check = Command::new(binary());
            check.args(["check", "--syntax-only", "--config.file"]).arg(&file);
            // Whatever variables the examples name.
            for name in block.split("${").skip(1).map(|rest| rest.split(['}', ':']).next().unwrap()) {
                check.env(name, "example");
            }
            let output = check.output().unwrap();
            assert!(output.status.success(), "{path}:\n{block}{}", String::from_utf8_lossy(&output.stderr));
            count += 1;
        }
    }
    assert!(count >= Kind::ALL.len(), "{count}");
}

/// One page, because each alert links to its section.
#[test]
fn the_page_of_runbooks_is_that_of_the_binary() {
    check("alerts/runbooks.md", &platform_exporter::manual::runbooks());
}

#[test]
fn the_catalogue_as_json_holds_the_same() {
    let list: Vec<serde_json::Value> =
        serde_json::from_str(&output(&["catalog", "--format", "json"])).unwrap();
    let markdown = output(&["catalog"]);
    assert!(list.len() > 100, "{}", list.len());
    for family in list {
        let name = family["name"].as_str().unwrap();
        assert!(markdown.contains(&format!("| `{name}` | {} |", family["type"].as_str().unwrap())), "{name}");
    }
}

#[test]
fn completions_are_there_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(output(&["completions", shell]).contains("config.file"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page_that_renders_without_warnings() {
    let directory = tempfile::tempdir().unwrap();
    output(&["man", directory.path().to_str().unwrap()]);
    let mut pages = vec!["platform_exporter.1".to_owned()];
    for command in Cli::command().get_subcommands() {
        let page = format!("platform_exporter-{}.1", command.get_name());
        let text = fs::read_to_string(directory.path().join(&page)).unwrap();
        for argument in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(text.contains(&argument.replace('-', "\\-")), "{page} lacks --{argument}");
        }
        pages.push(page);
    }
    for page in pages {
        let mut groff = Command::new("groff");
        groff.args(["-Kutf8", "-man", "-Tutf8", "-ww", "-z"]).arg(directory.path().join(&page));
        let rendered = groff.output().unwrap();
        let warnings = String::from_utf8_lossy(&rendered.stderr);
        assert!(rendered.status.success() && warnings.is_empty(), "{page}: {warnings}");
    }
}
