//! The Dockerfile, as text, and what .dockerignore lets through.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
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
        "scripts/sbom.sh /root-of-image/usr/share/doc/platform-exporter/platform_exporter.cdx.json",
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
    let names_its_folder = |line: &str| line.rsplit_once('/').is_none_or(|(folder, _)| !folder.contains('*'));
    assert!(
        lines().all(names_its_folder),
        "Docker 20.10 sends nothing of a folder that only a pattern matches"
    );
    let sent = lines().filter_map(|line| line.strip_prefix('!')).map(|pattern| format!(":(glob){pattern}"));
    let files = Command::new("git").arg("ls-files").args(sent).current_dir(root()).output().unwrap();
    assert!(files.status.success(), "{}", String::from_utf8_lossy(&files.stderr));
    let sent: BTreeSet<_> =
        String::from_utf8(files.stdout).unwrap().lines().map(|file| root().join(file)).collect();
    assert!(sent.contains(&root().join("scripts/sbom.sh")), "what writes the SBOM");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--offline", "--no-deps", "--format-version=1"]).current_dir(root());
    let metadata: Value = serde_json::from_slice(&cargo.output().unwrap().stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let targets = packages.iter().flat_map(|package| package["targets"].as_array().unwrap());
    let sources: BTreeSet<_> =
        targets.map(|target| PathBuf::from(target["src_path"].as_str().unwrap())).collect();
    assert!(sources.contains(&root().join("tests/alerts/main.rs")), "{sources:?}");
    assert_eq!(sources.difference(&sent).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
    // Files that are compiled into the binary are named relative to the source.
    for source in sent.iter().filter(|path| path.starts_with(root().join("src"))) {
        let text = fs::read_to_string(source).unwrap();
        let embedded = text.split("include_str!(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0));
        for embedded in embedded {
            let path = fs::canonicalize(source.parent().unwrap().join(embedded)).unwrap();
            assert!(sent.contains(&path), "{} is not sent", path.display());
        }
    }
}
