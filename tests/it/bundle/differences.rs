//! `bundle --check`.

use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::exporter::binary;

/// The exit code, and the paths that are printed.
fn bundle(directory: &Path, more: &[&str]) -> (Option<i32>, Vec<String>) {
    let mut command = Command::new(binary());
    command.args(["bundle", "--out", "out"]).args(more).current_dir(directory);
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let paths = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), paths.lines().map(str::to_owned).collect())
}

#[test]
fn what_is_missing_or_different_is_named_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let (_, missing) = bundle(directory.path(), &["--check"]);
    assert!(!directory.path().join("out").exists());
    let (code, written) = bundle(directory.path(), &[]);
    assert_eq!((code, &written), (Some(0), &missing));
    assert_eq!(bundle(directory.path(), &["--check"]), (Some(0), vec![]));

    let (rules, dashboard) = ("out/alerts/redis.rules.yml", "out/grafana/dashboards/redis.json");
    let edited = fs::read_to_string(directory.path().join(rules)).unwrap() + "# edited\n";
    fs::write(directory.path().join(rules), &edited).unwrap();
    fs::remove_file(directory.path().join(dashboard)).unwrap();
    let (code, mut paths) = bundle(directory.path(), &["--check"]);
    paths.sort();
    assert_eq!((code, paths), (Some(1), vec![rules.to_owned(), dashboard.to_owned()]));
    assert_eq!(fs::read_to_string(directory.path().join(rules)).unwrap(), edited);
}
