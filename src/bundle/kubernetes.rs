//! The bundle as manifests for `kubectl apply --server-side -k`: the exporter, rules for the Prometheus operator, and
//! dashboards as ConfigMaps for Grafana's sidecar.

use super::File;

/// The manifests that are the same for every configuration.
const MANIFESTS: [(&str, &str); 2] = [
    ("exporter.yaml", include_str!("../../deploy/kubernetes/exporter.yaml")),
    ("servicemonitor.yaml", include_str!("../../deploy/kubernetes/servicemonitor.yaml")),
];

const KUSTOMIZATION: &str = "\
# Made by `platform_exporter bundle --format kubernetes`.
#
#   kubectl apply --server-side -k .
#
# Server-side, because dashboards are longer than the annotation that kubectl otherwise keeps. Overlays set the image, and
# labels that your Prometheus and Grafana select by.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: monitoring
generatorOptions:
  disableNameSuffixHash: true
  # What the sidecar of Grafana's chart selects, and puts into this folder.
  labels: {grafana_dashboard: \"1\"}
  annotations: {grafana_folder: platform_exporter}
";

/// Manifests from the files of a bundle, and the kustomization that lists them. Dashboards that query databases are kept
/// out of it: they are for a Grafana of their own.
pub fn manifests(files: Vec<File>) -> Vec<File> {
    let mut all: Vec<_> = MANIFESTS
        .iter()
        .map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect();
    let mut resources: Vec<_> = all.iter().map(|file| file.path.clone()).collect();
    let mut generated = String::new();
    for File { path, text } in files {
        if let Some(name) = path.strip_prefix("alerts/").and_then(|path| path.strip_suffix(".rules.yml")) {
            let path = format!("rules/{name}.yaml");
            resources.push(path.clone());
            all.push(File { path, text: prometheus_rule(name, &text) });
        } else if let Some(dashboard) = path.strip_prefix("grafana/dashboards/") {
            let name = dashboard.trim_end_matches(".json");
            generated += &format!("  - {{name: {}, files: [dashboards/{dashboard}]}}\n", object_name(name));
            all.push(File { path: format!("dashboards/{dashboard}"), text });
        } else {
            all.push(File { path, text });
        }
    }
    let resources: String = resources.iter().map(|path| format!("  - {path}\n")).collect();
    let text = format!("{KUSTOMIZATION}resources:\n{resources}configMapGenerator:\n{generated}");
    all.push(File { path: "kustomization.yaml".to_owned(), text });
    all
}

/// A file of rules as an object of the Prometheus operator.
fn prometheus_rule(name: &str, rules: &str) -> String {
    let (comments, groups): (Vec<_>, Vec<_>) = rules.lines().partition(|line| line.starts_with('#'));
    let indented = |line: &&str| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") };
    format!(
        "{}\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: {}\n  labels: \
         {{app.kubernetes.io/name: platform-exporter}}\nspec:\n{}",
        comments.join("\n"),
        object_name(name),
        groups.iter().map(indented).collect::<String>()
    )
}

/// A name that Kubernetes accepts: that of a deployment of a pack may have underscores.
fn object_name(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    format!("platform-exporter-{}", name.chars().map(letter).collect::<String>())
}
