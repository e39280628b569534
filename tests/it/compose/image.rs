//! The Dockerfile, as text, and what .dockerignore lets through.

use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::root;

use super::{read, services};

#[test]
fn the_image_is_one_static_binary_that_is_built_the_same_again() {
    let dockerfile = read("Dockerfile");
    let of = |instruction: &str| -> Vec<String> {
        let lines = dockerfile.lines().filter_map(|line| line.strip_prefix(&format!("{instruction} ")));
        lines.map(str::to_owned).collect()
    };
    let stages = of("FROM");
    assert_eq!(stages.len(), 2);
    let base = stages[0].split(' ').next().unwrap();
    assert!(base.starts_with(&format!("rust:{}.", env!("CARGO_PKG_RUST_VERSION"))), "{base}");
    assert!(base.ends_with("-slim-bookworm"), "{base}");
    assert_eq!(stages[1], "scratch");
    for part in [
        "cargo build --locked --release",
        // Flags do not reach procedural macros, which cannot be static, only if a target is named.
        "-C target-feature=+crt-static",
        "--target \"$target\"",
        "--remap-path-prefix=/src=",
        "ARG SOURCE_DATE_EPOCH",
        "--date=\"@$SOURCE_DATE_EPOCH\"",
        "org.opencontainers.image.title=\"platform_exporter\"",
        "org.opencontainers.image.description=",
        "org.opencontainers.image.source=\"https://github.com/platform-exporter/platform_exporter\"",
        "org.opencontainers.image.licenses=\"Apache-2.0\"",
        "org.opencontainers.image.version=",
        "org.opencontainers.image.revision=",
        "/etc/ssl/certs/ca-certificates.crt",
    ] {
        assert!(dockerfile.contains(part), "{part}");
    }
    assert_eq!(of("USER"), ["65532:65532"]);
    assert_eq!(
        of("ARG").iter().filter(|arg| **arg == format!("VERSION={}", env!("CARGO_PKG_VERSION"))).count(),
        1
    );
    assert!(of("ENTRYPOINT")[0].starts_with("[\"/platform_exporter\""));
    assert!(of("HEALTHCHECK")[0].ends_with("[\"/platform_exporter\", \"healthcheck\"]"));
    let image = services()["exporter"].text("image");
    assert_eq!(image, format!("platform_exporter:{}", env!("CARGO_PKG_VERSION")));
}

/// Cargo refuses a manifest that names a file which is not there, also one that is not built.
#[test]
fn cargo_finds_all_that_it_needs_in_what_is_sent_to_the_build() {
    let ignored = read(".dockerignore");
    let lines = || ignored.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert_eq!(lines().next(), Some("*"), "everything that no later line lets through");
    let sent = lines().filter_map(|line| line.strip_prefix('!')).map(|pattern| format!(":(glob){pattern}"));
    let files = Command::new("git").arg("ls-files").args(sent).current_dir(root()).output().unwrap();
    assert!(files.status.success(), "{}", String::from_utf8_lossy(&files.stderr));
    let directory = tempfile::tempdir().unwrap();
    for file in String::from_utf8(files.stdout).unwrap().lines() {
        let copy = directory.path().join(file);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(root().join(file), copy).unwrap();
    }
    let metadata = |directory: &Path| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["metadata", "--locked", "--offline", "--no-deps", "--format-version=1"]);
        cargo.current_dir(directory).output().unwrap()
    };
    let found = metadata(directory.path());
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    fs::remove_file(directory.path().join("tests/alerts/main.rs")).unwrap();
    assert!(!metadata(directory.path()).status.success(), "a file that is missing is found");
}
