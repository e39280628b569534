//! The Helm chart, rendered by Helm.

mod values;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use testkit::exporter::binary;
use testkit::{dependency, root};

use super::kubernetes::manifests;
use super::objects::{kustomized, printed, valid};

const CHART: &str = "deploy/helm/platform_exporter";

/// Values of which each leaves out something else: the files in `values/`.
const VALUES: [&str; 5] = ["minimum", "bare", "operators", "scrape", "everything"];

/// What Helm renders of values in `values/`, with others over them, or its error.
fn rendered(values: &str, others: &[&str]) -> Result<String, String> {
    let mut command = Command::new(dependency("helm/helm"));
    command.args(["template", "platform-exporter", CHART, "--namespace", "monitoring", "--values"]);
    command.arg(format!("tests/it/bundle/values/{values}.yaml")).args(others).current_dir(root());
    printed(&mut command)
}

fn objects(values: &str, others: &[&str]) -> BTreeMap<(String, String), Value> {
    let text = rendered(values, others).unwrap_or_else(|error| panic!("{values}: {error}"));
    valid(&text).unwrap_or_else(|error| panic!("{values}: {error}"))
}

/// How many objects there are of each kind.
fn counts(objects: &BTreeMap<(String, String), Value>) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    objects.keys().for_each(|(kind, _)| *counts.entry(kind.as_str()).or_default() += 1);
    counts
}

#[test]
fn every_set_of_values_makes_the_objects_that_it_names() {
    let own =
        ["ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"];
    let minimum = objects("minimum", &[]);
    assert_eq!(counts(&minimum), own.map(|kind| (kind, 1)).into());
    assert_eq!(counts(&objects("bare", &[])), [("Deployment", 1), ("Service", 1)].into());

    let bundle = platform_exporter::bundle::render(None).unwrap();
    let among = |folder: &str| bundle.iter().filter(|file| file.path.starts_with(folder)).count();
    let (rules, dashboards) = (among("alerts/"), among("grafana/dashboards/"));
    let of_operators = [
        ("ExternalSecret", 2),
        ("GrafanaDashboard", dashboards),
        ("PersistentVolumeClaim", 1),
        ("PrometheusRule", rules),
        ("ServiceMonitor", 1),
    ];
    let expected = own.map(|kind| (kind, 1)).into_iter().chain(of_operators).collect();
    assert_eq!(counts(&objects("operators", &[])), expected);

    let scraped_by_name = own.map(|kind| (kind, 1)).into_iter().chain([("ScrapeConfig", 1)]).collect();
    assert_eq!(counts(&objects("scrape", &[])), scraped_by_name);

    // Of the four names in `only`, `overview` has no rules, and `sources` has no dashboard.
    let everything = objects("everything", &[]);
    let counts = counts(&everything);
    assert_eq!((counts["PrometheusRule"], counts["ConfigMap"]), (3, 3 + 1));
    assert!(everything.keys().all(|(kind, name)| name.starts_with("watch") || kind == "ServiceAccount"));
}

/// What Helm adds to labels and selectors.
const OF_HELM: [&str; 4] = [
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
];

/// Without what Helm adds.
fn plain(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !OF_HELM.contains(&key.as_str()));
            map.values_mut().for_each(plain);
        }
        Value::Array(list) => list.iter_mut().for_each(plain),
        _ => {}
    }
}

#[test]
fn the_chart_makes_the_objects_of_the_bundle() {
    let all = "serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboards.enabled=true";
    let operators = "dashboards.kind=GrafanaDashboard,secrets.store.kind=ClusterSecretStore,secrets.store.name=vault,\
                     secrets.files.remoteKey=platform-exporter-secrets,\
                     secrets.environment.remoteKey=platform-exporter-env";
    let of_operators = ["--grafana-operator", "--external-secrets", "ClusterSecretStore/vault"];
    for (flags, values) in [(&[][..], all.to_owned()), (&of_operators, format!("{all},{operators}"))] {
        let directory = tempfile::tempdir().unwrap();
        manifests(flags, directory.path());
        let bundle = valid(&kustomized(&directory.path().join("out"))).unwrap();
        let mut chart = objects("minimum", &["--set", &values]);
        assert!(chart.remove(&("ConfigMap".to_owned(), "platform-exporter-config".to_owned())).is_some());
        chart.values_mut().for_each(plain);
        assert_eq!(chart.keys().collect::<Vec<_>>(), bundle.keys().collect::<Vec<_>>());
        for (name, object) in &bundle {
            assert_eq!(&chart[name], object, "{name:?}");
        }
        assert!(bundle.len() > 30, "{}", bundle.len());
    }
}

/// Prometheus reaches the exporter by the name and the port of its Service, at the address where it serves its metrics.
#[test]
fn a_scrape_config_names_the_service() {
    let objects = objects("scrape", &[]);
    let name = "platform-exporter".to_owned();
    let service = &objects[&("Service".to_owned(), name.clone())];
    let target = format!(
        "{}.{}.svc:{}",
        service["metadata"]["name"].as_str().unwrap(),
        service["metadata"]["namespace"].as_str().unwrap(),
        service["spec"]["ports"][0]["port"]
    );
    let expected = json!({
        "staticConfigs": [{"targets": [target]}],
        "scrapeInterval": "30s",
        "metricsPath": "/exporter/metrics",
        "scheme": "HTTPS",
        "tlsConfig": {"serverName": "exporter.example.com"},
        "relabelings": [{"targetLabel": "job", "replacement": "platform_exporter"}],
    });
    assert_eq!(objects[&("ScrapeConfig".to_owned(), name)]["spec"], expected);
    assert_eq!(target, "platform-exporter.monitoring.svc:80");
}

/// What differs between two releases in one namespace are names and selectors.
#[test]
fn two_releases_share_nothing() {
    let render = |release: &str| {
        let mut command = Command::new(dependency("helm/helm"));
        command.args(["template", release, CHART, "--set", "config=x"]).current_dir(root());
        valid(&printed(&mut command).unwrap()).unwrap()
    };
    let (shop, blog) = (render("shop"), render("blog"));
    assert!(shop.keys().all(|name| !blog.contains_key(name)), "{:?}", shop.keys());
    let selector = "/spec/selector/matchLabels";
    let of = |objects: &BTreeMap<_, Value>, release: &str| {
        let name = ("Deployment".to_owned(), format!("{release}-platform-exporter"));
        objects[&name].pointer(selector).unwrap().clone()
    };
    assert_ne!(of(&shop, "shop"), of(&blog, "blog"));
}

#[test]
fn the_exporter_reads_the_configuration_and_the_packs_of_the_config_map() {
    let directory = tempfile::tempdir().unwrap();
    let objects = objects("everything", &[]);
    let data = &objects[&("ConfigMap".to_owned(), "watch-config".to_owned())]["data"];
    for (name, text) in data.as_object().unwrap() {
        fs::write(directory.path().join(name), text.as_str().unwrap()).unwrap();
    }
    let check = || {
        let mut command = Command::new(binary());
        command.args(["check", "--syntax-only", "--config.file", "platform.yml"]);
        command.current_dir(directory.path()).output().unwrap()
    };
    let output = check();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_file(directory.path().join("shop.yml")).unwrap();
    assert!(!check().status.success(), "the pack is read");
}

#[test]
fn what_is_missing_or_wrong_in_values_is_named() {
    for (others, expected) in [
        ("config=", "config is empty: --set-file config=platform.yml, or name an existingConfigMap"),
        ("secrets.files.remoteKey=shop", "secrets.store.name is empty: a remoteKey needs a store"),
        ("secrets.files.remoteKey=shop,secrets.files.existingSecret=shop", "at '/secrets/files'"),
        ("image.tagg=1", "additional properties 'tagg' not allowed"),
        (
            "dashboards.kind=Configmap",
            "at '/dashboards/kind': value must be one of 'ConfigMap', 'GrafanaDashboard'",
        ),
        ("service.port=http", "at '/service/port': got string, want integer"),
        ("serviceMonitor.endpoint.interval=5s", "at '/serviceMonitor/endpoint'"),
        ("scrapeConfig.spec.scheme=HTTP", "at '/scrapeConfig/spec'"),
        (
            "serviceMonitor.enabled=true,scrapeConfig.enabled=true",
            "serviceMonitor and scrapeConfig are enabled: the exporter would be scraped twice",
        ),
        ("networkPolicy.from=null", "networkPolicy.from is empty: everybody could connect"),
    ] {
        let error = rendered("minimum", &["--set", others]).unwrap_err();
        assert!(error.contains(expected), "{others}: {error}");
    }
}

#[test]
fn helm_s_linter_finds_nothing_and_the_version_is_that_of_the_exporter() {
    let mut command = Command::new(dependency("helm/helm"));
    command.args(["lint", "--strict", "--values", "tests/it/bundle/values/everything.yaml", CHART]);
    let output = printed(command.current_dir(root())).unwrap();
    assert!(
        !output.contains("[WARNING]") && output.contains("1 chart(s) linted, 0 chart(s) failed"),
        "{output}"
    );
    let chart = fs::read_to_string(root().join(CHART).join("Chart.yaml")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(chart.contains(&format!("\nversion: {version}\nappVersion: {version}\n")), "{chart}");
}
