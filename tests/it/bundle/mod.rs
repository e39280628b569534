//! The bundle: the grammar of dashboards, what is rendered, and whether its panels have data.

pub(crate) mod charts;
mod differences;
mod end_to_end;
mod helm;
mod kubernetes;
mod lint;
mod objects;
pub(crate) mod panels;
mod promql;
mod storage;
pub(crate) mod variables;

use std::path::Path;

use platform_exporter::bundle;
use serde_json::Value;

use testkit::exporter::binary;

/// A dashboard as it is rendered, with its name.
pub(crate) struct Rendered {
    pub(crate) name: String,
    json: Value,
}

/// The dashboard and the rules of a pack for a configuration, as the command writes them.
pub(crate) fn of_pack(config: &str, pack: &str) -> (Rendered, String) {
    let directory = written(config);
    let out = directory.path().join("out");
    let rules = std::fs::read_to_string(out.join(format!("alerts/{pack}.rules.yml"))).unwrap();
    (Rendered::read(&out.join(format!("grafana/dashboards/{pack}.json"))), rules)
}

/// The restricted dashboard of a pack for a configuration, as the command writes it.
pub(crate) fn restricted_of_pack(config: &str, pack: &str) -> Rendered {
    let directory = written(config);
    Rendered::read(&directory.path().join(format!("out/grafana/restricted/dashboards/{pack}-users.json")))
}

/// A directory with what the command writes into `out` for a configuration.
fn written(config: &str) -> tempfile::TempDir {
    let directory = tempfile::TempDir::with_prefix("bundle-").unwrap();
    std::fs::write(directory.path().join("platform.yml"), config).unwrap();
    let mut command = std::process::Command::new(binary());
    command.args(["bundle", "--config.file", "platform.yml", "--out", "out"]);
    let output = command.current_dir(directory.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    directory
}

/// Every dashboard that is rendered without a configuration.
fn dashboards() -> Vec<Rendered> {
    let dashboards = of_bundle(bundle::render(None).unwrap_or_else(|faults| panic!("{faults}")));
    assert!(dashboards.len() >= 11, "{}", dashboards.len());
    dashboards
}

/// The dashboards among the files of a bundle.
pub(crate) fn of_bundle(files: Vec<bundle::File>) -> Vec<Rendered> {
    let dashboards = files.into_iter().filter_map(|file| {
        let path = file.path.strip_suffix(".json")?;
        let name = path
            .strip_prefix("grafana/dashboards/")
            .or(path.strip_prefix("grafana/restricted/dashboards/"))?;
        Some(Rendered { name: name.to_owned(), json: serde_json::from_str(&file.text).unwrap() })
    });
    dashboards.collect()
}

impl Rendered {
    /// A dashboard that the command wrote.
    pub(crate) fn read(file: &Path) -> Self {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        Self { name, json: serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap() }
    }

    /// Every panel that is no row, those in collapsed rows among them.
    pub(crate) fn panels(&self) -> Vec<&Value> {
        let top = self.json["panels"].as_array().unwrap();
        let nested = top.iter().filter_map(|row| row["panels"].as_array()).flatten();
        top.iter().filter(|panel| panel["type"] != "row").chain(nested).collect()
    }

    /// `NAME / TITLE`, for messages.
    pub(crate) fn title(&self, panel: &Value) -> String {
        format!("{} / {}", self.name, text(&panel["title"]))
    }

    /// Whether it has a panel of this title.
    pub(crate) fn has(&self, title: &str) -> bool {
        self.panels().iter().any(|panel| panel["title"] == title)
    }

    /// Whether it is only in the restricted Grafana.
    pub(crate) fn is_restricted(&self) -> bool {
        self.name.ends_with("-users")
    }

    fn variables(&self) -> &[Value] {
        self.json["templating"]["list"].as_array().unwrap()
    }
}

/// The command writes what is rendered, and prints where; what is wrong with a pack's dashboard ends it.
#[test]
fn the_command_writes_the_files() {
    let directory = tempfile::TempDir::with_prefix("bundle-").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(binary());
        command.arg("bundle").args(arguments).current_dir(directory.path()).output().unwrap()
    };
    let output = run(&["--out", "out"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written = String::from_utf8(output.stdout).unwrap();
    for file in bundle::render(None).unwrap() {
        let path = format!("out/{}", file.path);
        assert!(written.lines().any(|line| line == path), "{path}: {written}");
        assert_eq!(std::fs::read_to_string(directory.path().join(path)).unwrap(), file.text);
    }

    let config =
        "sources: {db: {postgres: {url: \"postgres://localhost\"}}}\npacks: {shop: {file: shop.yml}}\n";
    let pack = "about: A shop.\ndashboard: {title: Shop, about: A shop., rows: [{panels: [{start: A}]}]}\n";
    std::fs::write(directory.path().join("platform.yml"), config).unwrap();
    std::fs::write(directory.path().join("shop.yml"), pack).unwrap();
    let output = run(&["--out", "again", "--config.file", "platform.yml"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("shop.yml:2:60: dashboard.rows[0].panels[0].start: unknown key"), "{stderr}");
    assert!(stderr.contains("(did you mean `stat`?)"), "{stderr}");
    assert!(!directory.path().join("again").exists(), "nothing is written where anything is wrong");
}

/// The series and the label of which a variable lists the values.
fn label_values(query: &str) -> (String, String) {
    let pattern = regex::Regex::new(r"^label_values\((.+), (\w+)\)$").unwrap();
    let found = pattern.captures(query).unwrap_or_else(|| panic!("{query}"));
    (found[1].to_owned(), found[2].to_owned())
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn targets(panel: &Value) -> &[Value] {
    panel["targets"].as_array().map_or(&[], Vec::as_slice)
}

/// An expression as Grafana sends it: with `value` for the variables that viewers set.
pub(crate) fn replaced(expr: &str, rate_interval: &str, value: &str) -> String {
    let now = jiff::Timestamp::now().as_second().to_string();
    let expr = expr.replace("$__rate_interval", rate_interval).replace("$__range", "6h");
    let expr = expr.replace("${__to:date:seconds}", &now);
    let variable = regex::Regex::new(r"\$\{?[a-z_]+\}?").unwrap();
    variable.replace_all(&expr, value).into_owned()
}
