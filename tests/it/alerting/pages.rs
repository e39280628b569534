//! End to end: what is shipped, on real services, each of which breaks in turn. Whoever is on call hears of it once.
//! One probe that fails because the machine is busy is no alert, here as elsewhere.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::files::files;
use super::inbox::Page;
use super::on_servers;
use super::watch::{OF_THE_MACHINE, Watch};
use testkit::exporter::Exporter;
use testkit::platform::Platform;
use testkit::platform_data::while_living;
use testkit::prometheus::Prometheus;
use testkit::proxy::{Mode, Proxy};
use testkit::wait::PAUSE;

/// The way to the services that live in this process, and to the log.
struct Ways {
    stripe: Proxy,
    s3: Proxy,
    website: Proxy,
    directory: TempDir,
}

impl Ways {
    async fn to(platform: &Platform) -> Self {
        let stripe = platform.stripe.url();
        let ways = Self {
            stripe: Proxy::start(stripe.trim_start_matches("http://").trim_end_matches('/')).await,
            s3: Proxy::start(platform.s3.address()).await,
            website: Proxy::start(platform.website.address()).await,
            directory: TempDir::with_prefix("ways-").unwrap(),
        };
        ways.lead_log_to(&platform.log());
        ways
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("ai-events.log")
    }

    /// Has the exporter's path lead somewhere.
    fn lead_log_to(&self, target: &Path) {
        let _ = std::fs::remove_file(self.log());
        std::os::unix::fs::symlink(target, self.log()).unwrap();
    }

    fn environment(&self, platform: &Platform) -> BTreeMap<&'static str, String> {
        let mut environment: BTreeMap<_, _> = platform.environment().into_iter().collect();
        for (name, way) in
            [("STRIPE_API_BASE", &self.stripe), ("S3_ENDPOINT", &self.s3), ("WEBSITE_URL", &self.website)]
        {
            environment.insert(name, way.through(&environment[name]));
        }
        environment.insert("AI_LOG", self.log().display().to_string());
        environment
    }
}

/// A query whose table comes and goes, and a class of workers whose heartbeats do.
const MORE: &str = "
  - name: coupons
    source: orders-db
    every: 2s
    sql: SELECT count(*) AS coupons FROM coupons
    metrics:
      - {name: shop_coupons, value: coupons, help: Coupons.}
";

fn config() -> String {
    let config = Platform::CONFIG
        .replace("interval: 5s\n", "interval: 5s\n    timeout: 5s\n")
        .replace("interval: 10s\n", "interval: 5s\n    timeout: 5s\n")
        .replace(
            "key: \"heartbeat:mail\", expected: 2, interval: 5s",
            "key: \"beats\", expected: 2, interval: 3s",
        );
    assert!(config.contains("\"beats\""), "the demo's class of workers has changed");
    config + MORE
}

async fn start(platform: &Platform, ways: &Ways) -> Watch {
    let options = Exporter::options(&config());
    let environment = ways.environment(platform);
    let options = environment.iter().fold(options, |options, (name, value)| options.variable(name, value));
    let exporter = options.start().await;
    platform.keep_pushing(&exporter.url("/heartbeat/backup/host1"));
    let rules = files("alerts", ".rules.yml").into_iter().map(|file| {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(&file).unwrap())
    });
    Watch::start(exporter, rules.collect()).await
}

/// Heartbeats for the workers of one class as long as `alive` says so.
async fn beat(platform: &Platform, alive: &Cell<bool>) -> Infallible {
    let client = redis::Client::open(platform.redis.url()).unwrap();
    loop {
        if alive.get() {
            let now = jiff::Timestamp::now().as_second();
            // While the service is frozen, this one is left out.
            let _ = once(&client, now).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn once(client: &redis::Client, now: i64) -> redis::RedisResult<()> {
    let mut connection = client.get_multiplexed_async_connection().await?;
    redis::cmd("ZADD")
        .arg("beats")
        .arg(now)
        .arg("mail-1")
        .arg(now)
        .arg("mail-2")
        .query_async(&mut connection)
        .await
}

#[tokio::test]
async fn each_cause_pages_once_and_ends_when_it_is_fixed() {
    let platform = Platform::start().await;
    platform.postgres.sql("CREATE TABLE coupons (id int)").await;
    let alive = Cell::new(true);
    let steps = while_living(&platform, each_in_turn(&platform, &alive));
    tokio::select! {
        () = steps => {}
        never = beat(&platform, &alive) => match never {},
    }
}

async fn each_in_turn(platform: &Platform, alive: &Cell<bool>) {
    let ways = Ways::to(platform).await;
    let mut watch = start(platform, &ways).await;
    all_is_well(&watch).await;

    let mut pages = Vec::new();
    for source in
        ["orders-db", "documents", "cache", "broker", "payments", "media", "website", "ai-log", "jobs"]
    {
        let alert = if source == "jobs" { "WorkersGone" } else { "PlatformSourceDown" };
        fault(platform, &ways, alive, source, true).await;
        let broken = Instant::now();
        watch.paged(alert, source).await;
        println!("{source}: paged after {:.1?}", broken.elapsed());
        fault(platform, &ways, alive, source, false).await;
        pages.push((alert, source));
    }
    for (alert, source) in &pages {
        watch.inbox.wait_for(&Page::new("resolve", alert, source)).await;
    }

    watch.exporter.process().kill();
    let broken = Instant::now();
    watch.paged("PlatformExporterDown", "").await;
    println!("the exporter: paged after {:.1?}", broken.elapsed());
    watch.exporter.process().restart();
    watch.inbox.wait_for(&Page::new("resolve", "PlatformExporterDown", "")).await;
    pages.push(("PlatformExporterDown", ""));
    all_is_well(&watch).await;

    what_is_missing_goes_to_the_chat(platform, &mut watch).await;
    let both = |(alert, source): &(&str, &str)| {
        ["trigger", "resolve"].map(|action| Page::new(action, alert, source))
    };
    let mut expected: Vec<_> = pages.iter().flat_map(both).collect();
    expected.sort();
    let mut found = watch.inbox.pages();
    found.retain(|page| page.alert != OF_THE_MACHINE);
    found.sort();
    assert_eq!(found, expected);
    assert!(!watch.inbox.at("/watchdog").is_empty(), "the dead man's switch has heard nothing");
    watch.saw("Watchdog", "none");
    watch.has_seen(&on_servers::PAGES);
    every_rule_can_be_evaluated(&watch.prometheus).await;
}

/// Breaks or repairs what is behind a source.
async fn fault(platform: &Platform, ways: &Ways, alive: &Cell<bool>, source: &str, broken: bool) {
    let pass = |mode: Mode| if broken { mode } else { Mode::Pass };
    match (source, broken) {
        ("orders-db" | "documents" | "cache" | "broker", _) => platform.freeze(source, broken),
        ("payments", _) => ways.stripe.set(pass(Mode::Blackhole)).await,
        ("media", _) => ways.s3.set(pass(Mode::Refuse)).await,
        ("website", _) => ways.website.set(pass(Mode::Garbage)).await,
        // No log file is where one should be.
        ("ai-log", true) => ways.lead_log_to(ways.directory.path()),
        ("ai-log", false) => ways.lead_log_to(&platform.log()),
        ("jobs", _) => alive.set(!broken),
        _ => panic!("{source} is no source of the demo"),
    }
}

/// A source that answers, but lacks something, is a warning: nobody is woken.
async fn what_is_missing_goes_to_the_chat(platform: &Platform, watch: &mut Watch) {
    platform.postgres.sql("DROP TABLE coupons").await;
    let text = watch.chat("FIRING", "orders-db").await;
    assert!(text.contains("runbooks.md#platform") && text.contains("orders-db"), "{text}");
    platform.postgres.sql("CREATE TABLE coupons (id int)").await;
    watch.chat("RESOLVED", "orders-db").await;
}

/// Every source is up, and no page is out or on its way.
async fn all_is_well(watch: &Watch) {
    let wrong = async || {
        let status = watch.prometheus.query("platform_source_status{status=\"up\"} == 0").await;
        let paging = format!("ALERTS{{severity=\"critical\",alertname!=\"{OF_THE_MACHINE}\"}}");
        let paging = watch.prometheus.query(&paging).await;
        let up = watch.prometheus.query("count(platform_source_up)").await;
        let known = up[0]["value"][1] == "9";
        (!known || status != json!([]) || paging != json!([])).then(|| format!("{up} {status:#} {paging:#}"))
    };
    let deadline = Instant::now() + Duration::from_secs(120);
    while let Some(wrong) = wrong().await {
        assert!(Instant::now() < deadline, "not every source is up, or something pages: {wrong}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// An expression may parse and still fail on real data, when labels do not match one to one.
async fn every_rule_can_be_evaluated(prometheus: &Prometheus) {
    let groups = prometheus.get("rules").await;
    let groups = groups["groups"].as_array().unwrap();
    let rules: Vec<_> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() > 100, "{}", rules.len());
    let sick: Vec<_> = rules.iter().filter(|rule| rule["health"] != "ok").collect();
    assert!(sick.is_empty(), "{sick:#?}");
}
