//! The bundle as manifests for Kubernetes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::exporter::binary;
use testkit::{dependency, root};

/// The files that the command writes, by path.
fn manifests(arguments: &[&str], directory: &Path) -> BTreeMap<String, String> {
    let mut command = Command::new(binary());
    command.args(["bundle", "--format", "kubernetes", "--out", "out"]).args(arguments).current_dir(directory);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8(output.stdout).unwrap();
    let read = |path: &str| {
        let text = fs::read_to_string(directory.join(path)).unwrap();
        (path.strip_prefix("out/").unwrap().to_owned(), text)
    };
    paths.lines().map(read).collect()
}

/// The texts between `begin` and `end`.
fn between<'t>(text: &'t str, begin: &str, end: &str) -> BTreeSet<&'t str> {
    text.split(begin).skip(1).filter_map(|rest| Some(rest.split_once(end)?.0)).collect()
}

#[test]
fn the_kustomization_lists_every_manifest_and_dashboard() {
    let directory = tempfile::tempdir().unwrap();
    let files = manifests(&[], directory.path());
    let list = &files["kustomization.yaml"];
    let resources =
        list.lines().filter_map(|line| line.strip_prefix("  - ").filter(|path| !path.starts_with('{')));
    let listed: BTreeSet<_> = resources.chain(between(list, "files: [", "]")).map(str::to_owned).collect();
    // Dashboards that query databases are for a Grafana of their own.
    let others = |path: &&String| *path != "kustomization.yaml" && !path.starts_with("grafana/restricted/");
    assert_eq!(listed, files.keys().filter(others).cloned().collect());
    assert!(listed.contains("rules/redis.yaml") && listed.contains("dashboards/overview.json"), "{listed:?}");
}

#[test]
fn rules_are_those_of_the_files_in_the_form_of_the_operator() {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in manifests(&[], directory.path()).iter().filter(|(path, _)| path.starts_with("rules/"))
    {
        let name = path.trim_start_matches("rules/").trim_end_matches(".yaml");
        let (head, spec) = text.split_once("\nspec:\n").unwrap();
        assert!(
            head.contains(&format!("kind: PrometheusRule\nmetadata:\n  name: platform-exporter-{name}\n"))
        );
        let rules: String =
            spec.lines().map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned() + "\n").collect();
        let file = fs::read_to_string(root().join(format!("alerts/{name}.rules.yml"))).unwrap();
        assert_eq!(
            rules,
            file.lines()
                .skip_while(|line| line.starts_with('#'))
                .map(|line| line.to_owned() + "\n")
                .collect::<String>()
        );
    }
}

/// Those of Kubernetes itself, by its published schemas; unknown properties are errors.
#[test]
fn manifests_are_valid() {
    let directory = tempfile::tempdir().unwrap();
    manifests(&[], directory.path());
    let validate = |version: &str, file: PathBuf| {
        let mut command = Command::new(dependency("venv/bin/kubernetes-validate"));
        command.args(["--strict", "-k", version]).arg(file).output().unwrap()
    };
    let file = directory.path().join("out/exporter.yaml");
    for version in ["1.28.0", "1.37.0"] {
        let output = validate(version, file.clone());
        assert!(output.status.success(), "{version}: {}", String::from_utf8_lossy(&output.stdout));
    }
    let misspelt =
        fs::read_to_string(&file).unwrap().replace("readOnlyRootFilesystem", "readOnlyRootFileSystem");
    fs::write(&file, misspelt).unwrap();
    assert!(!validate("1.37.0", file).status.success(), "a misspelt key is found");
}

#[test]
fn the_pod_fits_the_image_and_may_do_nothing_that_it_does_not_need() {
    let directory = tempfile::tempdir().unwrap();
    let pod = &manifests(&[], directory.path())["exporter.yaml"];
    let image = format!("image: platform_exporter:{}\n", env!("CARGO_PKG_VERSION"));
    for part in [
        image.as_str(),
        "runAsNonRoot: true",
        "runAsUser: 65532",
        "allowPrivilegeEscalation: false",
        "readOnlyRootFilesystem: true",
        "capabilities: {drop: [ALL]}",
        "automountServiceAccountToken: false",
        "seccompProfile: {type: RuntimeDefault}",
    ] {
        assert!(pod.contains(part), "{part}");
    }
    let dockerfile = fs::read_to_string(root().join("Dockerfile")).unwrap();
    assert!(dockerfile.contains("USER 65532:65532") && dockerfile.contains("EXPOSE 9884"));
    assert!(dockerfile.contains("--storage.path=/var/lib/platform_exporter"));
    assert!(pod.contains("containerPort: 9884") && pod.contains("mountPath: /var/lib/platform_exporter"));
    // The command line is one that the exporter accepts: only the configuration is not there.
    let arguments = between(pod, "            - --", "\n");
    let arguments = arguments.into_iter().map(|argument| format!("--{argument}"));
    let output = Command::new(binary()).args(arguments).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("/etc/platform_exporter/platform.yml"), "{errors}");
}

#[test]
fn a_configuration_s_own_packs_are_rendered_with_names_that_kubernetes_accepts() {
    let directory = tempfile::tempdir().unwrap();
    let config = "sources: {db: {postgres: {url: 'postgres://app@db/shop'}}}\n\
                  packs: {joip_staging: {pack: joip, db: db}}\n";
    fs::write(directory.path().join("platform.yml"), config).unwrap();
    let files = manifests(&["--config.file", "platform.yml"], directory.path());
    assert!(files["rules/joip_staging.yaml"].contains("name: platform-exporter-joip-staging\n"));
    let listed = "{name: platform-exporter-joip-staging, files: [dashboards/joip_staging.json]}";
    assert!(files["kustomization.yaml"].contains(listed), "{}", files["kustomization.yaml"]);
    assert!(!files.contains_key("rules/redis.yaml"), "no source is of this kind");
}
