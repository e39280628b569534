//! The rule files as they are deployed.

use std::path::PathBuf;

use serde::Deserialize;

use super::scenario::read;

/// An alert with one severity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) severity: String,
}

pub(crate) struct RuleFile {
    /// `redis` for `alerts/redis.rules.yml`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) groups: Vec<String>,
    /// In the order of the file.
    pub(crate) alerts: Vec<Alert>,
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: Option<String>,
    labels: Option<Labels>,
}

#[derive(Deserialize)]
struct Labels {
    severity: Option<String>,
}

impl Rule {
    fn alert(self) -> Option<Alert> {
        Some(Alert { name: self.alert?, severity: self.labels?.severity? })
    }
}

/// Every rule file. That of the sources is first, because rules of the exporter use what it records.
pub(crate) fn all() -> Vec<RuleFile> {
    let folder = std::fs::read_dir(testkit::root().join("alerts")).expect("there is a folder of alerts");
    let paths = folder.map(|file| file.expect("its files can be listed").path());
    let mut files: Vec<_> = paths.filter_map(rule_file).collect();
    files.sort_by_key(|file| (file.name != "sources", file.name.clone()));
    files
}

fn rule_file(path: PathBuf) -> Option<RuleFile> {
    let name = path.file_name()?.to_str()?.strip_suffix(".rules.yml")?.to_owned();
    let Groups { groups } = read(&path);
    let names = groups.iter().map(|group| group.name.clone()).collect();
    let alerts = groups.into_iter().flat_map(|group| group.rules).filter_map(Rule::alert).collect();
    Some(RuleFile { name, path, groups: names, alerts })
}
