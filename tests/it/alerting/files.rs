//! The files that users deploy, as text: what the binary renders, and what promtool and amtool say of them.

use std::path::PathBuf;
use std::process::Command;
use testkit::root;

/// The unit test of the SLOs.
const MONTH: &str = "bundle/slo_test.yml";

/// The files of a folder whose names end like this, in their order.
pub(super) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<_> = folder.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.to_str().unwrap().ends_with(ending));
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The unit tests of the rules, each beside what its rule file is made of.
pub(super) fn unit_tests() -> Vec<PathBuf> {
    let folders = ["kinds", "platforms"].map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let of_folders =
        folders.into_iter().flatten().map(|folder| folder.unwrap().path().join("rules_test.yml"));
    let mut tests: Vec<_> = of_folders.chain(files("bundle", "_test.yml")).collect();
    tests.sort();
    tests
}

/// Runs a program that has to find nothing wrong, and gives what it says.
pub(crate) fn passes(program: &str, arguments: &[&str], files: &[PathBuf]) -> String {
    let output = Command::new(program).args(arguments).args(files).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}: run `make deps`"));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules() {
    let rules = files("alerts", ".rules.yml");
    passes("promtool", &["check", "rules", "--lint=all", "--lint-fatal"], &rules);
}

#[test]
fn every_unit_test_of_the_rules_passes() {
    let mut tests = unit_tests();
    tests.retain(|file| !file.ends_with(MONTH));
    passes("promtool", &["test", "rules"], &tests);
}

/// By itself, because it takes a minute.
#[test]
fn a_month_of_each_slo_passes() {
    passes("promtool", &["test", "rules"], &[root().join(MONTH)]);
}

#[test]
fn promtool_takes_every_configuration_of_prometheus() {
    let rules = format!("{} rule files found", files("alerts", ".rules.yml").len());
    for file in files("prometheus", ".yml") {
        let said = passes("promtool", &["check", "config"], std::slice::from_ref(&file));
        let has_rules = file.file_name().unwrap() != "remote-write.yml";
        assert_eq!(said.contains(&rules), has_rules, "{}: {said}", file.display());
    }
}

#[test]
fn amtool_takes_the_configuration_of_alertmanager() {
    let said = passes("amtool", &["check-config"], &files("alerts", "alertmanager.yml"));
    assert!(said.contains("11 inhibit rules") && said.contains("5 receivers"), "{said}");
}

/// Every kind of alert goes to the one receiver that is meant for it.
#[test]
fn each_severity_has_its_receiver() {
    for (labels, receiver) in [
        (&["alertname=PlatformSourceDown", "severity=critical", "source=db"][..], "pager"),
        (&["alertname=PlatformExporterDown", "severity=critical"], "pager"),
        (&["alertname=PlatformExporterDown", "severity=critical", "environment=production"], "pager"),
        (&["alertname=PlatformExporterDown", "severity=critical", "environment=staging"], "chat"),
        (&["alertname=PlatformNotificationsFailing", "severity=critical"], "chat,pager"),
        (&["alertname=PlatformSourceDegraded", "severity=warning", "source=db"], "chat"),
        (&["alertname=PostgresRestarted", "severity=info", "source=db"], "digest"),
        (&["alertname=Watchdog", "severity=none"], "dead-mans-switch"),
        (&["alertname=Other", "severity=none"], "nobody"),
        (&["alertname=Other", "severity=unheard-of"], "chat"),
        (&["alertname=Other"], "chat"),
    ] {
        let config = root().join("alerts/alertmanager.yml");
        let config = format!("--config.file={}", config.display());
        let verify = format!("--verify.receivers={receiver}");
        let arguments = [&["config", "routes", "test", &config, &verify], labels].concat();
        passes("amtool", &arguments, &[]);
    }
}
