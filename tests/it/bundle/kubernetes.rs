//! The bundle as manifests for Kubernetes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::exporter::binary;
use testkit::root;

use super::objects::{kustomized, printed, valid};

/// The files that the command writes, by path.
pub(super) fn manifests(arguments: &[&str], directory: &Path) -> BTreeMap<String, String> {
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

/// By the published schemas of Kubernetes; unknown properties are errors.
#[test]
fn manifests_are_valid() {
    let of_operators = ["--grafana-operator", "--external-secrets", "vault"];
    for (flags, dashboard) in [(&[][..], "ConfigMap"), (&of_operators, "GrafanaDashboard")] {
        let directory = tempfile::tempdir().unwrap();
        let files = manifests(flags, directory.path());
        let out = directory.path().join("out");
        let objects = valid(&kustomized(&out)).unwrap();
        let count = |kind: &str| objects.keys().filter(|(found, _)| found == kind).count();
        let dashboards = files.keys().filter(|path| path.starts_with("dashboards/")).count();
        assert!(dashboards > 10 && count(dashboard) == dashboards, "{:?}", objects.keys());
        assert_eq!(count("ExternalSecret"), if flags.is_empty() { 0 } else { 2 });
        for (file, key) in [
            ("exporter.yaml", "readOnlyRootFilesystem"),
            ("servicemonitor.yaml", "targetLabel"),
            ("rules/redis.yaml", "annotations"),
        ] {
            let text = fs::read_to_string(out.join(file)).unwrap();
            let misspelt = text.replacen(key, &key.to_uppercase(), 1);
            assert!(valid(&misspelt).is_err(), "a misspelt key of {file} is found");
        }
    }
}

#[test]
fn dashboards_of_the_operator_are_those_of_the_files() {
    let directory = tempfile::tempdir().unwrap();
    manifests(&["--grafana-operator"], directory.path());
    let objects = valid(&kustomized(&directory.path().join("out"))).unwrap();
    let object = &objects[&("GrafanaDashboard".to_owned(), "platform-exporter-redis".to_owned())];
    let file = fs::read_to_string(root().join("grafana/dashboards/redis.json")).unwrap();
    assert_eq!(object["spec"]["json"], file);
}

#[test]
fn flags_of_manifests_are_refused_without_them_and_a_store_is_named_as_kubernetes_names_it() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&["--format", "files", "--grafana-operator"][..], "are flags of --format kubernetes"),
        (&["--grafana-operator"], "--format <FORMAT>"),
        (
            &["--format", "kubernetes", "--external-secrets", "Vault/shop"],
            "`Vault` is neither SecretStore nor",
        ),
        (&["--format", "kubernetes", "--external-secrets", "Shop"], "expected the name of a store"),
    ] {
        let mut command = Command::new(binary());
        command.args(["bundle", "--out", "out"]).args(arguments).current_dir(directory.path());
        let error = printed(&mut command).unwrap_err();
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(!directory.path().join("out").exists(), "{arguments:?}: nothing is written");
    }
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
