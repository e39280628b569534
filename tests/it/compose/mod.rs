//! docker-compose.yml, as text: what every container may do, and that all parts fit.

mod grafana;
mod image;
mod life;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use platform_core::yaml::{self, Faults, Node, Value};

use testkit::exporter::binary;
use testkit::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Without any variable set, so that each is its default.
fn compose() -> Node {
    let mut faults = Faults::of("docker-compose.yml");
    let tree = yaml::parse(&read("docker-compose.yml"), &|_| None, &mut faults);
    tree.filter(|_| faults.is_empty()).unwrap_or_else(|| panic!("{faults}"))
}

/// A service, with what it merges.
struct Service(Node);

impl Service {
    fn get(&self, key: &str) -> Option<&Node> {
        fn find<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
            node.get(key).or_else(|| find(node.get("<<")?, key))
        }
        find(&self.0, key)
    }

    /// Its environment, with what that merges.
    fn environment(&self) -> BTreeMap<String, String> {
        fn collect(node: &Node, found: &mut BTreeMap<String, String>) {
            for (key, value) in node.entries() {
                if key.text == "<<" {
                    collect(value, found);
                } else {
                    found.insert(key.text.clone(), texts(value).concat());
                }
            }
        }
        let mut found = BTreeMap::new();
        self.get("environment").into_iter().for_each(|node| collect(node, &mut found));
        found
    }

    /// The texts under a key: of a scalar, of a list, or the keys of a map.
    fn texts(&self, key: &str) -> Vec<String> {
        self.get(key).map(texts).unwrap_or_default()
    }

    fn text(&self, key: &str) -> String {
        self.texts(key).concat()
    }

    /// What is mounted: from where, to where, how.
    fn mounts(&self) -> Vec<(String, String, String)> {
        let mount = |node: &Node| {
            let long = |key: &str| node.get(key).map(texts).unwrap_or_default().concat();
            if node.get("target").is_some() {
                // Else a misspelt path would become a directory of the host.
                assert_eq!(texts(node.get("bind").unwrap().get("create_host_path").unwrap()), ["false"]);
                let how = if long("read_only") == "true" { "ro" } else { "" };
                return (long("source"), long("target"), how.to_owned());
            }
            let text = texts(node).concat();
            let mut parts = text.split(':').map(str::to_owned);
            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or_default())
        };
        self.get("volumes").map_or(&[][..], Node::elements).iter().map(mount).collect()
    }
}

fn texts(node: &Node) -> Vec<String> {
    match &node.value {
        Value::String(text) => vec![text.clone()],
        Value::Bool(value) => vec![value.to_string()],
        Value::List(list) => list.iter().flat_map(texts).collect(),
        Value::Map(map) => map.iter().map(|(key, _)| key.text.clone()).collect(),
        _ => Vec::new(),
    }
}

fn services() -> BTreeMap<String, Service> {
    let services = compose();
    let services = services.get("services").unwrap().entries().iter();
    services.map(|(name, node)| (name.text.clone(), Service(node.clone()))).collect()
}

/// The services that have files below a folder, with where each comes from, and its name there.
fn mounts_below(folder: &str) -> Vec<(String, String, String)> {
    let below = |(name, service): (String, Service)| {
        let mounts = service.mounts().into_iter();
        let below = mounts.filter_map(|(from, to, _)| Some((from, to.strip_prefix(folder)?.to_owned())));
        below.map(|(from, to)| (name.clone(), from, to)).collect::<Vec<_>>()
    };
    services().into_iter().flat_map(below).collect()
}

fn declared(key: &str) -> BTreeSet<String> {
    texts(compose().get(key).unwrap()).into_iter().collect()
}

fn is_pinned(image: &str) -> bool {
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    tag.matches('.').count() >= 2 && tag.contains(|c: char| c.is_ascii_digit()) && !tag.contains("latest")
}

#[test]
fn no_container_may_do_more_than_it_has_to() {
    for (name, service) in services() {
        assert!(is_pinned(&service.text("image")), "{name}: {}", service.text("image"));
        let user = service.text("user");
        assert!(
            user.split(':').next().unwrap().parse::<u32>().is_ok_and(|id| id > 0),
            "{name}: user {user:?}"
        );
        assert_eq!(service.text("read_only"), "true", "{name}");
        assert_eq!(service.texts("cap_drop"), ["ALL"], "{name}");
        assert_eq!(service.texts("security_opt"), ["no-new-privileges:true"], "{name}");
        for key in ["privileged", "cap_add", "network_mode", "pid", "container_name"] {
            assert!(service.get(key).is_none(), "{name} has {key}");
        }
        for port in service.texts("ports") {
            assert!(port.starts_with("127.0.0.1:"), "{name} listens on {port}");
        }
    }
}

#[test]
fn secrets_are_files_and_nothing_else() {
    let secrets = compose();
    let secrets = secrets.get("secrets").unwrap().entries();
    let mut used = BTreeSet::new();
    for (name, service) in services() {
        let of_service = service.texts("secrets");
        for (variable, value) in service.environment() {
            let is_secret = ["PASS", "SECRET", "TOKEN", "KEY"].iter().any(|part| variable.contains(part));
            let is_file = variable.ends_with("_FILE") || value.starts_with("$$__file{/run/secrets/");
            assert!(!is_secret || is_file, "{name}: {variable} is a secret in the environment");
        }
        used.extend(of_service);
    }
    assert_eq!(used, declared("secrets"));
    for (name, secret) in secrets {
        assert_eq!(texts(secret.get("file").unwrap()), [format!("./secrets/{}", name.text)]);
    }
    assert!(read(".gitignore").contains("/secrets\n"));
}

/// The script makes every secret, and never a second time.
#[test]
fn every_secret_is_made_once() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("scripts")).unwrap();
    let script = directory.path().join("scripts/secrets.sh");
    fs::copy(root().join("scripts/secrets.sh"), &script).unwrap();
    let make = || {
        assert!(Command::new("bash").arg(&script).status().unwrap().success());
        let files = fs::read_dir(directory.path().join("secrets")).unwrap().map(|file| file.unwrap());
        let made = |file: fs::DirEntry| {
            // Containers read it as users of their own.
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644, "{:?}", file.path());
            (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap())
        };
        files.map(made).collect::<BTreeMap<_, _>>()
    };
    let secrets = make();
    assert_eq!(secrets.keys().cloned().collect::<BTreeSet<_>>(), declared("secrets"));
    assert!(
        secrets["postgres_password"].len() >= 32 && secrets["postgres_password"] != secrets["redis_password"]
    );
    let mode = fs::metadata(directory.path().join("secrets")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(make(), secrets);
}

#[test]
fn whoever_needs_another_waits_until_it_is_healthy() {
    let services = services();
    let healthy =
        |name: &str| services[name].get("healthcheck").and_then(|check| check.get("test")).is_some();
    for (name, service) in &services {
        assert!(healthy(name) || name.ends_with("-life"), "{name} has no health check");
        // `up --wait` fails on one that is turned off.
        assert!(healthy(name) || service.get("healthcheck").is_none(), "{name}");
        for (other, how) in service.get("depends_on").map_or(&[][..], Node::entries) {
            // That the exporter is not healthy is for Prometheus to report.
            let condition = if other.text == "exporter" { "service_started" } else { "service_healthy" };
            assert_eq!(texts(how.get("condition").unwrap()), [condition], "{name} on {}", other.text);
            assert!(healthy(&other.text), "{name} waits for {}", other.text);
        }
    }
    let own = services["exporter"].get("healthcheck").unwrap().get("test").unwrap();
    assert_eq!(texts(own), ["CMD", "/platform_exporter", "healthcheck"]);
    assert_eq!(services["prometheus"].texts("depends_on"), ["exporter", "alertmanager"]);
    for grafana in ["grafana", "restricted-grafana"] {
        assert_eq!(services[grafana].texts("depends_on"), ["prometheus"]);
    }
}

#[test]
fn without_a_profile_the_four_parts_start() {
    let services = services();
    let default = services.iter().filter(|(_, service)| service.get("profiles").is_none());
    let default: Vec<_> = default.map(|(name, _)| name.as_str()).collect();
    assert_eq!(default, ["alertmanager", "exporter", "grafana", "prometheus"]);
    for (name, service) in &services {
        let profiles = service.texts("profiles");
        let is_restricted = name == "restricted-grafana" && profiles == ["demo", "restricted"];
        assert!(default.contains(&name.as_str()) || profiles == ["demo"] || is_restricted, "{name}");
        // What starts by default cannot wait for what does not.
        let waits = service.texts("depends_on");
        assert!(
            !default.contains(&name.as_str()) || waits.iter().all(|other| default.contains(&other.as_str()))
        );
    }
    for demo in ["postgres", "redis", "rabbitmq", "mongo"] {
        assert!(services.contains_key(demo) && services.contains_key(&format!("{demo}-life")), "{demo}");
    }
}

#[test]
fn what_is_mounted_is_there_and_what_is_kept_has_a_name() {
    let mut used = BTreeSet::new();
    for (name, service) in services() {
        for (from, to, how) in service.mounts() {
            if let Some(path) = from.strip_prefix("./") {
                assert_eq!(how, "ro", "{name} may write to {from}");
                // The dashboards are another part of the bundle.
                assert!(
                    path.starts_with("grafana/") || root().join(path).exists(),
                    "{name}: {from} is missing"
                );
            } else {
                used.insert(from);
            }
            assert!(to.starts_with('/'), "{name}: {to}");
        }
        for network in service.texts("networks") {
            assert!(declared("networks").contains(&network), "{name}: {network}");
        }
    }
    assert_eq!(used, declared("volumes"));
}

/// The configurations name services, ports and secrets that there are.
#[test]
fn the_parts_find_each_other() {
    let services = services();
    let prometheus = read("prometheus/prometheus.yml");
    for target in ["exporter:9884", "alertmanager:9093"] {
        let (service, port) = target.split_once(':').unwrap();
        assert!(prometheus.contains(target), "{target}");
        assert_eq!(services[service].text("ports"), format!("127.0.0.1:{port}:{port}"));
    }
    // `../alerts` beside /etc/prometheus.
    let mounts: Vec<_> =
        services["prometheus"].mounts().into_iter().map(|(from, to, _)| (from, to)).collect();
    assert!(mounts.contains(&("./alerts".to_owned(), "/etc/alerts".to_owned())), "{mounts:?}");

    let needed = |path: &str| {
        let text = read(path);
        let secrets = text.split("/run/secrets/").skip(1);
        let name = |rest: &str| {
            rest.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next().unwrap().to_owned()
        };
        secrets.map(name).collect::<BTreeSet<_>>()
    };
    let given = |service: &str| services[service].texts("secrets").into_iter().collect::<BTreeSet<_>>();
    assert!(needed("alerts/alertmanager.yml").is_superset(&given("alertmanager")));
    assert_eq!(needed("compose/platform.yml"), given("exporter"));
    let checked = Command::new(binary())
        .args(["check", "--syntax-only", "--config.file"])
        .arg(root().join("compose/platform.yml"))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
