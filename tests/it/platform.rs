//! The whole of it: one source of each kind on real servers, the binary, and a real Prometheus.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use platform_exporter::registry::Kind;

use crate::compatibility::COMPATIBLE;
use crate::docs;
use testkit::exporter::{Exporter, value};
use testkit::platform::Platform;
use testkit::platform_data::while_living;
use testkit::prometheus::Prometheus;
use testkit::wait::{eventually, until};

/// The sources of the demo's configuration.
pub(crate) const SOURCES: [(&str, &str); 9] = [
    ("orders-db", "postgres"),
    ("documents", "mongodb"),
    ("cache", "redis"),
    ("broker", "rabbitmq"),
    ("payments", "stripe"),
    ("media", "s3"),
    ("jobs", "workers"),
    ("ai-log", "logfile"),
    ("website", "http"),
];

pub(crate) async fn start(platform: &Platform) -> Exporter {
    // A steady pace, so that what a fault changes is seen soon.
    let config = Platform::CONFIG.replace("interval: 5s\n", "interval: 2s\n    timeout: 2s\n");
    let options = platform
        .environment()
        .into_iter()
        .fold(Exporter::options(&config), |options, (name, value)| options.variable(name, &value));
    let exporter = options.start().await;
    platform.keep_pushing(&exporter.url("/heartbeat/backup/host1"));
    exporter
}

fn series(metric: &str, source: &str, more: &str) -> String {
    let kind = SOURCES.into_iter().find(|(name, _)| *name == source).unwrap().1;
    format!("{metric}{{source=\"{source}\",kind=\"{kind}\"{more}}}")
}

pub(crate) async fn wait_until_all_are_up(exporter: &Exporter) {
    for (source, _) in SOURCES {
        let what = format!("{source} is up");
        until(Duration::from_secs(40), &what, async || {
            let status = series("platform_source_status", source, ",status=\"up\"");
            (exporter.value(&status).await == Some(1.0)).then_some(())
        })
        .await;
    }
}

/// The names of the families of a source, but for those of its health.
fn families(exposition: &str, source: &str) -> BTreeSet<String> {
    let label = format!("source=\"{source}\"");
    let of_source = exposition.lines().filter(|line| line.contains(&label));
    let names = of_source.map(|line| line.split('{').next().unwrap().to_owned());
    names.filter(|name| !name.starts_with("platform_") && !name.ends_with("_up")).collect()
}

/// Every kind is up on real servers, Prometheus takes the scrape, and promtool finds nothing but what is on the list.
#[tokio::test]
async fn every_kind_is_up_and_prometheus_reads_it_all() {
    let platform = Platform::start().await;
    while_living(&platform, all_up(&platform)).await;
}

async fn all_up(platform: &Platform) {
    let exporter = start(platform).await;
    wait_until_all_are_up(&exporter).await;
    let kinds: BTreeSet<_> = SOURCES.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, Kind::ALL.iter().map(|kind| kind.as_str()).collect());

    for (name, at_least) in [
        ("shop_users{source=\"orders-db\",plan=\"free\"}", 1200.0),
        ("shop_online_users{source=\"cache\"}", 50.0),
        ("shop_posts{source=\"documents\",platform=\"tumblr\"}", 100.0),
        ("shop_ai_errors_last_hour{source=\"ai-log\",class=\"provider\"}", 1.0),
        ("workers_alive{source=\"jobs\",class=\"mail\"}", 2.0),
    ] {
        until(Duration::from_secs(15), name, async || {
            exporter.value(name).await.filter(|value| *value >= at_least)
        })
        .await;
    }
    // The exporter's own second session, when the probe sees it between two of its queries.
    let metrics = until(Duration::from_secs(15), "a session is idle", async || {
        let metrics = exporter.get("/metrics").await;
        metrics.contains("\npg_process_idle_seconds_count{").then_some(metrics)
    })
    .await;
    docs::check("tests/golden/platform.prom", &golden(&metrics));
    let complaints = promtool(&metrics);
    let complained = complaints.iter().filter_map(|line| line.split(' ').next());
    let complained: BTreeSet<_> = complained.filter(|name| !is_named_by_a_server(name)).collect();
    let listed: BTreeSet<_> = COMPATIBLE.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    assert_eq!(complained, listed, "promtool: {complaints:#?}");

    let config = format!(
        "global: {{scrape_interval: 1s}}\n\
         scrape_configs: [{{job_name: all, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        exporter.address()
    );
    let prometheus = Prometheus::start(&config).await;
    eventually(Duration::from_secs(20), "Prometheus has every source", async || {
        prometheus.query("sum(platform_source_up)").await[0]["value"][1] == "9"
    })
    .await;
    assert_eq!(prometheus.query("up").await[0]["value"][1], "1");
}

/// What a frozen service takes away is its own families, and nothing else's; it comes back by itself.
#[tokio::test]
async fn a_frozen_service_takes_only_its_own_families() {
    let platform = Platform::start().await;
    while_living(&platform, one_after_another(&platform)).await;
}

async fn one_after_another(platform: &Platform) {
    let exporter = start(platform).await;
    wait_until_all_are_up(&exporter).await;
    let healthy = exporter.get("/metrics").await;
    let freezes: [(&str, &dyn Fn(bool)); 4] = [
        ("orders-db", &|stop| if stop { platform.postgres.stop() } else { platform.postgres.resume() }),
        ("documents", &|stop| if stop { platform.mongodb.stop() } else { platform.mongodb.resume() }),
        ("cache", &|stop| if stop { platform.redis.stop() } else { platform.redis.resume() }),
        ("broker", &|stop| if stop { platform.rabbitmq.stop() } else { platform.rabbitmq.resume() }),
    ];
    for (source, freeze) in freezes {
        freeze(true);
        let frozen = Instant::now();
        exporter.wait_for(&series("platform_source_up", source, ""), 0.0, Duration::from_secs(5)).await;
        let found = frozen.elapsed();
        let started = Instant::now();
        let sick = exporter.get("/metrics").await;
        let answered = started.elapsed();
        let reason = series("platform_source_problem", source, ",reason=\"timeout\"");
        assert_eq!(value(&sick, &reason), Some(1.0), "{source}: {sick}");
        assert!(answered < Duration::from_millis(500), "{source}: {answered:?}");
        assert_eq!(
            families(&sick, source).iter().filter(|name| !name.starts_with("shop_")).count(),
            0,
            "{source}"
        );
        for (other, _) in SOURCES.into_iter().filter(|(other, _)| *other != source) {
            // Workers and the part of a distinct count that is asked of the frozen one fail with it, by right.
            if source == "cache" && other == "jobs" {
                continue;
            }
            let lost: Vec<_> =
                families(&healthy, other).difference(&families(&sick, other)).cloned().collect();
            assert!(lost.is_empty(), "{source} took {lost:?} of {other} with it");
            assert_eq!(
                value(&sick, &series("platform_source_up", other, "")),
                Some(1.0),
                "{source} and {other}"
            );
        }
        freeze(false);
        let healed = Instant::now();
        exporter.wait_for(&series("platform_source_up", source, ""), 1.0, Duration::from_secs(5)).await;
        println!(
            "{source}: found after {found:?}, scrape in {answered:?}, back after {:?}",
            healed.elapsed()
        );
    }
    wait_until_all_are_up(&exporter).await;
}

/// No secret of any source is in anything that the exporter says.
#[tokio::test]
async fn no_secret_is_in_any_output() {
    const SECRET: &str = "pl4ntedgeheim";
    let config = format!(
        "
sources:
  postgres: {{postgres: {{url: \"postgres://u:{SECRET}@127.0.0.1:1/x\"}}, interval: 1s}}
  postgres2: {{postgres: {{url: \"postgres://u@127.0.0.1:1/x\", password: {SECRET}}}, interval: 1s}}
  mongodb: {{mongodb: {{url: \"mongodb://u:{SECRET}@127.0.0.1:1/x\"}}, interval: 1s}}
  redis: {{redis: {{url: \"redis://u:{SECRET}@127.0.0.1:1\"}}, interval: 1s}}
  rabbitmq: {{rabbitmq: {{url: \"amqp://u:{SECRET}@127.0.0.1:1\", management_url: \"http://u:{SECRET}@127.0.0.1:1\"}}, interval: 1s}}
  stripe: {{stripe: {{api_key: rk_live_{SECRET}, api_base: \"http://127.0.0.1:1\"}}, interval: 1s}}
  s3: {{s3: {{bucket: b, endpoint: \"http://127.0.0.1:1\", access_key_id: A, secret_access_key: {SECRET}, session_token: {SECRET}}}, interval: 1s}}
  http: {{http: {{url: \"http://u:{SECRET}@127.0.0.1:1/?token={SECRET}\", headers: {{X-Key: {SECRET}}}}}, interval: 1s}}
  bearer: {{http: {{url: \"http://127.0.0.1:1/\", bearer_token: {SECRET}}}, interval: 1s}}
  workers: {{workers: {{classes: {{backup: {{push: true, token: {SECRET}, interval: 10s}}}}}}, interval: 1s}}
"
    );
    let exporter =
        Exporter::options(&config).argument("--log.level=debug").argument("--web.access-log").start().await;
    eventually(Duration::from_secs(10), "every source has been probed", async || {
        exporter.get("/-/ready").await.contains("is ready")
    })
    .await;
    let mut outputs = vec![exporter.log()];
    for path in
        ["/", "/metrics", "/probe?source=http", "/probe?source=stripe", "/-/ready", &format!("/{SECRET}x")]
    {
        outputs.push(exporter.get(path).await);
    }
    let file = exporter.directory().join("platform.yml");
    let broken = exporter.directory().join("broken.yml");
    std::fs::write(&broken, config.replace("interval: 1s", "interval: [1s]").replace("url:", "ulr:"))
        .unwrap();
    for (file, arguments) in
        [(&file, vec!["check", "--live"]), (&file, vec!["probe", "redis"]), (&broken, vec!["check"])]
    {
        let output = Command::new(testkit::exporter::binary())
            .args(&arguments)
            .arg("--config.file")
            .arg(file)
            .output()
            .unwrap();
        outputs.push(String::from_utf8_lossy(&output.stdout).into_owned());
        outputs.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    for output in outputs {
        // The paths of requests are logged as they come; this one was ours.
        let output = output.replace(&format!("/{SECRET}x"), "");
        assert!(!output.contains(SECRET), "{output}");
    }
}

/// What the names of families begin with that servers name themselves. They are in files, which take a while to read.
static PREFIXES: LazyLock<Vec<String>> =
    LazyLock::new(|| Kind::ALL.iter().flat_map(|kind| (kind.facts().prefixes)()).collect());

/// Whether a server names this family itself: each version has others.
fn is_named_by_a_server(name: &str) -> bool {
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a line is about a family that the catalogue lacks.
fn is_of_others(line: &str, catalogue: &BTreeSet<String>) -> bool {
    let name = family(line);
    is_named_by_a_server(name) && !catalogue.contains(name)
}

/// Which family a line is about.
fn family(line: &str) -> &str {
    let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
    name.split(['{', ' ']).next().unwrap_or_default()
}

/// What MongoDB has only once somebody had to wait for this lock, so that one run has it and another has not.
const OF_CONTENTION: &str = "mongodb_ss_locks_acquireWaitCount";

/// The exposition without what changes from run to run: values, the values of labels that a server chooses, and what is
/// there only after contention.
fn golden(exposition: &str) -> String {
    const KEPT: [&str; 6] = ["source", "kind", "status", "reason", "query", "class"];
    let families = Kind::ALL.iter().flat_map(|kind| kind.facts().families());
    let catalogue: BTreeSet<_> = families.map(|desc| desc.name.into_owned()).collect();
    let mut lines: Vec<String> = Vec::new();
    let changes = |line: &str| is_of_others(line, &catalogue) || family(line) == OF_CONTENTION;
    for line in exposition.lines().filter(|line| !changes(line)) {
        let series = line.rsplit_once(' ').map_or(line, |(series, _)| series);
        let line = match series.split_once('{') {
            _ if line.starts_with('#') => line.to_owned(),
            None => series.to_owned(),
            Some((name, labels)) => {
                let labels =
                    labels.trim_end_matches('}').split("\",").filter_map(|label| label.split_once("=\""));
                let keep = |(name, value): (&str, &str)| match KEPT.contains(&name) {
                    true => format!("{name}=\"{}\"", value.trim_end_matches('"')),
                    false => name.to_owned(),
                };
                format!("{name}{{{}}}", labels.map(keep).collect::<Vec<_>>().join(","))
            }
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

/// What `promtool check metrics` says, a line for each complaint.
pub(crate) fn promtool(metrics: &str) -> Vec<String> {
    use std::io::Write;

    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there: run `make deps`");
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap().lines().map(str::to_owned).collect()
}
