//! The bundle as manifests for `kubectl apply --server-side -k`: the exporter, rules for the Prometheus operator, and
//! dashboards as ConfigMaps for Grafana's sidecar or as objects of the Grafana operator.

use std::str::FromStr;

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
";

const CONFIG_MAPS: &str = "\
generatorOptions:
  disableNameSuffixHash: true
  # What the sidecar of Grafana's chart selects, and puts into this folder.
  labels: {grafana_dashboard: \"1\", app.kubernetes.io/name: platform-exporter}
  annotations: {grafana_folder: platform_exporter}
configMapGenerator:
";

/// Which of two objects is written for the same thing.
#[derive(Clone, Copy, Debug)]
pub struct Objects<'a> {
    /// Dashboards are objects of the Grafana operator, not ConfigMaps.
    pub grafana_operator: bool,
    /// Where an operator takes the Secrets of the exporter from. Without one, they are made by hand.
    pub secrets: Option<&'a SecretStore>,
}

/// A store of the External Secrets Operator.
#[derive(Clone, Debug)]
pub struct SecretStore {
    kind: &'static str,
    name: String,
}

impl FromStr for SecretStore {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once('/').unwrap_or(("SecretStore", text));
        let kind = match kind {
            "SecretStore" => "SecretStore",
            "ClusterSecretStore" => "ClusterSecretStore",
            _ => return Err(format!("`{kind}` is neither SecretStore nor ClusterSecretStore")),
        };
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        if name.is_empty() || !name.chars().all(is_name) {
            return Err("expected the name of a store: lowercase letters, digits, `-` and `.`".to_owned());
        }
        Ok(Self { kind, name: name.to_owned() })
    }
}

/// Manifests from the files of a bundle, and the kustomization that lists them. Dashboards that query databases are kept
/// out of it: they are for a Grafana of their own.
pub fn manifests(files: Vec<File>, objects: Objects<'_>) -> Vec<File> {
    let mut all: Vec<_> = MANIFESTS
        .iter()
        .map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect();
    if let Some(store) = objects.secrets {
        all.push(File { path: "externalsecrets.yaml".to_owned(), text: external_secrets(store) });
    }
    let mut resources: Vec<_> = all.iter().map(|file| file.path.clone()).collect();
    let mut generated = String::new();
    for File { path, text } in files {
        if let Some(name) = path.strip_prefix("alerts/").and_then(|path| path.strip_suffix(".rules.yml")) {
            let path = format!("rules/{name}.yaml");
            resources.push(path.clone());
            all.push(File { path, text: prometheus_rule(name, &text) });
        } else if let Some(dashboard) = path.strip_prefix("grafana/dashboards/") {
            let name = dashboard.trim_end_matches(".json");
            if objects.grafana_operator {
                let path = format!("dashboards/{name}.yaml");
                resources.push(path.clone());
                all.push(File { path, text: grafana_dashboard(name, &text) });
                continue;
            }
            generated += &format!("  - {{name: {}, files: [dashboards/{dashboard}]}}\n", object_name(name));
            all.push(File { path: format!("dashboards/{dashboard}"), text });
        } else {
            all.push(File { path, text });
        }
    }
    let resources: String = resources.iter().map(|path| format!("  - {path}\n")).collect();
    let generator = if generated.is_empty() { "" } else { CONFIG_MAPS };
    let text = format!("{KUSTOMIZATION}resources:\n{resources}{generator}{generated}");
    all.push(File { path: "kustomization.yaml".to_owned(), text });
    all
}

/// A file of rules as an object of the Prometheus operator.
fn prometheus_rule(name: &str, rules: &str) -> String {
    let (comments, groups): (Vec<_>, Vec<_>) = rules.lines().partition(|line| line.starts_with('#'));
    format!(
        "{}\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: {}\n  labels: \
         {{app.kubernetes.io/name: platform-exporter}}\nspec:\n{}",
        comments.join("\n"),
        object_name(name),
        indented("  ", groups)
    )
}

/// A dashboard as an object of the Grafana operator.
fn grafana_dashboard(name: &str, json: &str) -> String {
    format!(
        "# Made by `platform_exporter bundle`.\napiVersion: grafana.integreatly.org/v1beta1\nkind: \
         GrafanaDashboard\nmetadata:\n  name: {}\n  labels: {{app.kubernetes.io/name: \
         platform-exporter}}\nspec:\n  # Every Grafana with this label shows it.\n  instanceSelector: \
         {{matchLabels: {{dashboards: grafana}}}}\n  folder: platform_exporter\n  json: |\n{}",
        object_name(name),
        indented("    ", json.lines())
    )
}

/// What makes the Secrets that the exporter reads: the keys of an entry become the keys of the Secret of this name.
fn external_secrets(SecretStore { kind, name }: &SecretStore) -> String {
    let secret = |secret: &str| {
        format!(
            "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata:\n  name: {secret}\n  labels: \
             {{app.kubernetes.io/name: platform-exporter}}\nspec:\n  refreshInterval: 1h\n  secretStoreRef: {{kind: \
             {kind}, name: \"{name}\"}}\n  target: {{name: {secret}}}\n  dataFrom:\n    - extract: {{key: {secret}}}\n"
        )
    };
    format!(
        "# Made by `platform_exporter bundle --external-secrets`.\n#\n# The first has files in /run/secrets, the second \
         variables. An overlay changes the key of an entry in the store,\n# and deletes the one that is not used.\n\
         {}---\n{}",
        secret("platform-exporter-secrets"),
        secret("platform-exporter-env")
    )
}

fn indented<'t>(by: &str, lines: impl IntoIterator<Item = &'t str>) -> String {
    let one = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("{by}{line}\n") };
    lines.into_iter().map(one).collect()
}

/// A name that Kubernetes accepts: that of a deployment of a pack may have underscores.
fn object_name(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    format!("platform-exporter-{}", name.chars().map(letter).collect::<String>())
}
