//! The unit of `examples/systemd`, as systemd itself judges it.

use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::exporter::binary;

const UNIT: &str = "platform_exporter.service";

fn analyze(arguments: &[&str], unit: &Path) -> (bool, String) {
    let mut analyze = Command::new("systemd-analyze");
    let output = analyze.args(arguments).arg(unit).output().expect("systemd is installed by `make deps`");
    let reported =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), reported)
}

fn unit() -> String {
    let path = testkit::root().join("examples/systemd").join(UNIT);
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_unit_is_understood() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(UNIT);
    fs::write(&path, unit().replace("/usr/local/bin/platform_exporter", &binary().display().to_string()))
        .unwrap();
    let (is_good, reported) = analyze(&["verify", "--man=no", "--recursive-errors=no"], &path);
    assert!(is_good && reported.trim().is_empty(), "{reported}");
}

/// 10 stands for no protection at all; what is left is that it speaks to the network.
#[test]
fn the_unit_exposes_little() {
    let path = testkit::root().join("examples/systemd").join(UNIT);
    let (is_good, reported) = analyze(&["--offline=true", "--threshold=15", "--no-pager", "security"], &path);
    assert!(is_good && reported.contains("OK"), "{reported}");
    let unprotected = tempfile::tempdir().unwrap();
    let path = unprotected.path().join(UNIT);
    fs::write(&path, "[Service]\nExecStart=/bin/true\n").unwrap();
    assert!(!analyze(&["--offline=true", "--threshold=15", "--no-pager", "security"], &path).0);
}
