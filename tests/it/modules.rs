//! Modules: targets that a client of `/probe` names.

use std::process::Command;
use std::time::Duration;

use testkit::exporter::{Exporter, binary, value};
use testkit::http::client;
use testkit::prometheus::Prometheus;
use testkit::proxy::{Mode, Proxy};
use testkit::redis::Redis;
use testkit::wait::until;

const PATIENCE: Duration = Duration::from_secs(30);

const PASSWORD: &str = "geheim-4711";

/// A module for caches with a password, whose targets are at these addresses.
fn config(targets: &[&str]) -> String {
    let targets: Vec<_> = targets.iter().map(|target| format!("'{target}'")).collect();
    format!(
        "modules: {{caches: {{redis: {{url: 'redis://{{target}}', password: {PASSWORD}}}, timeout: 20s, targets: [{}]}}}}",
        targets.join(", ")
    )
}

/// The status code and the text of `/probe` with these parameters.
async fn probe(exporter: &Exporter, parameters: &str) -> (u16, String) {
    let response = client().get(exporter.url(&format!("/probe?{parameters}"))).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn cache() -> Redis {
    Redis::options().password(PASSWORD).start().await
}

#[tokio::test]
async fn a_target_is_probed_with_the_credentials_of_its_module() {
    let (first, second) = (cache().await, cache().await);
    second.run::<()>(&["SET", "key", "value"]).await;
    let exporter = Exporter::start(&config(&[&first.address(), &second.address()])).await;
    for (cache, keys) in [(&first, None), (&second, Some(1.0))] {
        let (status, page) = probe(&exporter, &format!("module=caches&target={}", cache.address())).await;
        assert_eq!(status, 200, "{page}");
        assert_eq!(value(&page, "redis_up"), Some(1.0), "{page}");
        assert_eq!(value(&page, "redis_db_keys{db=\"db0\"}").filter(|keys| *keys > 0.0), keys, "{page}");
        assert!(!page.contains("source=") && !page.contains(PASSWORD), "{page}");
    }
}

/// A stranger who can reach `/probe` learns no password, and cannot make the exporter connect to anything.
#[tokio::test]
async fn other_targets_never_get_a_byte() {
    let cache = cache().await;
    let stranger = Proxy::start(&cache.address()).await;
    let exporter = Exporter::start(&config(&[&cache.address(), "*.cache.test:6379"])).await;
    let port = stranger.port();
    for target in [
        stranger.address(),
        format!("localhost:{port}"),
        format!("127.1:{port}"),
        format!("2130706433:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        "evil.test:6379".to_owned(),
        "a.b.cache.test:6379".to_owned(),
    ] {
        let (status, page) = probe(&exporter, &format!("module=caches&target={target}")).await;
        assert_eq!(status, 403, "{target}: {page}");
        assert!(page.contains("does not allow"), "{page}");
    }
    for target in
        ["", "x", "a%2Fb:1", "user:word@a.cache.test:6379", "a.cache.test:6379%23", "a.cache.test:6379/0"]
    {
        let (status, page) = probe(&exporter, &format!("module=caches&target={target}")).await;
        assert_eq!(status, 400, "{target}: {page}");
    }
    assert_eq!(stranger.seen(), 0);
}

#[tokio::test]
async fn wrong_parameters_are_explained() {
    let exporter = Exporter::start(&config(&["127.0.0.1:1"])).await;
    let cases = [
        ("module=caches", 400, "Expected the query parameters"),
        ("target=127.0.0.1:1", 400, "Expected the query parameters"),
        ("source=caches&module=caches&target=127.0.0.1:1", 400, "Expected the query parameters"),
        ("module=other&target=127.0.0.1:1", 404, "There is no module \"other\""),
        ("source=caches", 404, "There is no source \"caches\""),
    ];
    for (parameters, expected, words) in cases {
        let (status, page) = probe(&exporter, parameters).await;
        assert_eq!(status, expected, "{parameters}: {page}");
        assert!(page.contains(words), "{parameters}: {page}");
    }
}

#[tokio::test]
async fn a_target_that_hangs_is_down_in_time_and_hurts_no_other() {
    let (cache, healthy) = (cache().await, cache().await);
    let proxy = Proxy::start(&cache.address()).await;
    proxy.set(Mode::Blackhole).await;
    let exporter = Exporter::start(&config(&[&proxy.address(), &healthy.address()])).await;
    let hanging = async {
        let url = exporter.url(&format!("/probe?module=caches&target={}", proxy.address()));
        let request = client().get(url).header("X-Prometheus-Scrape-Timeout-Seconds", "2");
        request.send().await.unwrap().text().await.unwrap()
    };
    let beside = async {
        let (_, page) = probe(&exporter, &format!("module=caches&target={}", healthy.address())).await;
        assert_eq!(value(&page, "redis_up"), Some(1.0));
    };
    let (page, ()) = tokio::join!(hanging, beside);
    // Nor does the next client have to wait for longer, or get what the first one's deadline was.
    let started = std::time::Instant::now();
    proxy.set(Mode::Pass).await;
    until(PATIENCE, "the probe goes on for others", async || {
        let (_, page) = probe(&exporter, &format!("module=caches&target={}", proxy.address())).await;
        (value(&page, "redis_up") == Some(1.0)).then_some(())
    })
    .await;
    let failures = "platform_probe_failures_total{kind=\"redis\",reason=\"timeout\"}";
    let (_, later) = probe(&exporter, &format!("module=caches&target={}", proxy.address())).await;
    assert_eq!(value(&later, failures), Some(0.0), "{later}");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(value(&page, "redis_up"), Some(0.0), "{page}");
    assert_eq!(
        value(&page, "platform_source_problem{kind=\"redis\",reason=\"timeout\"}"),
        Some(1.0),
        "{page}"
    );
    assert!(!exporter.log().contains(PASSWORD), "{}", exporter.log());
}

/// However many clients ask, and whatever their deadlines: the target is probed once.
#[tokio::test]
async fn clients_at_the_same_time_share_a_probe() {
    let cache = cache().await;
    let proxy = Proxy::start(&cache.address()).await;
    proxy.set(Mode::Delay(Duration::from_millis(200))).await;
    let exporter = Exporter::start(&config(&[&proxy.address()])).await;
    let parameters = format!("module=caches&target={}", proxy.address());
    let impatient = async {
        let request = client().get(exporter.url(&format!("/probe?{parameters}")));
        let request = request.header("X-Prometheus-Scrape-Timeout-Seconds", "0");
        request.send().await.unwrap().text().await.unwrap()
    };
    let patient = futures_util::future::join_all((0..5).map(|_| probe(&exporter, &parameters)));
    let (early, pages) = tokio::join!(impatient, patient);
    assert_eq!(value(&early, "redis_up"), Some(0.0), "{early}");
    for (_, page) in pages {
        assert_eq!(value(&page, "redis_up"), Some(1.0), "{page}");
        assert_eq!(value(&page, "platform_probes_total{kind=\"redis\"}"), Some(1.0), "{page}");
    }
    assert_eq!(proxy.seen(), 1);
}

#[tokio::test]
async fn the_log_names_the_target() {
    let exporter = Exporter::start(&config(&["127.0.0.1:1"])).await;
    let (_, page) = probe(&exporter, "module=caches&target=127.0.0.1:1").await;
    assert_eq!(value(&page, "redis_up"), Some(0.0), "{page}");
    assert!(exporter.log().contains("source=caches/127.0.0.1:1"), "{}", exporter.log());
}

/// As every other source, a target is not connected to anew for every probe.
#[tokio::test]
async fn a_target_keeps_its_connection_until_its_module_changes() {
    let cache = cache().await;
    let proxy = Proxy::start(&cache.address()).await;
    let text = config(&[&proxy.address()]);
    let exporter = Exporter::start(&text).await;
    let parameters = format!("module=caches&target={}", proxy.address());
    let probed = async |least: f64| {
        until(PATIENCE, "it is probed again", async || {
            let (_, page) = probe(&exporter, &parameters).await;
            (value(&page, "platform_probes_total{kind=\"redis\"}") >= Some(least)).then_some(())
        })
        .await;
    };
    probed(3.0).await;
    assert_eq!(proxy.seen(), 1);
    let file = exporter.directory().join("platform.yml");
    std::fs::write(&file, text.replace("timeout: 20s", "timeout: 30s")).unwrap();
    client().post(exporter.url("/-/reload")).send().await.unwrap().error_for_status().unwrap();
    probed(1.0).await;
    assert_eq!(proxy.seen(), 2);
    std::fs::write(&file, config(&["127.0.0.1:1"])).unwrap();
    client().post(exporter.url("/-/reload")).send().await.unwrap().error_for_status().unwrap();
    assert_eq!(probe(&exporter, &parameters).await.0, 403);
    until(PATIENCE, "the connection is closed", async || (proxy.open() == 0).then_some(())).await;
}

/// Prometheus' own service discovery names the targets, as in the configuration that is shipped.
#[tokio::test]
async fn prometheus_scrapes_what_it_discovers() {
    let (first, second) = (cache().await, cache().await);
    let config = config(&["127.0.0.1:1", &first.address(), &second.address()]).replace("caches:", "orders:");
    let exporter = Exporter::start(&config).await;
    let shipped = include_str!("../../prometheus/fleet.yml").replace("databases/*.json", "databases.json");
    let targets = serde_json::json!([{"targets": [first.address(), second.address()]}]);
    let prometheus = Prometheus::shipped(&shipped, &exporter.address(), "localhost:1")
        .file("databases.json", &targets.to_string())
        .every(1)
        .start()
        .await;
    let all = format!("count(redis_up{{source=~\"{}|{}\"}} == 1) == 2", first.address(), second.address());
    until(PATIENCE, "both are up", async || {
        (prometheus.query(&all).await != serde_json::json!([])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_command_line_probes_a_target_too() {
    let cache = cache().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("platform.yml");
    std::fs::write(&file, config(&[&cache.address()])).unwrap();
    let run = |arguments: &[&str]| {
        let output =
            Command::new(binary()).arg("probe").args(arguments).arg("--config.file").arg(&file).output();
        let output = output.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, page, _) = run(&["caches", &cache.address()]);
    assert_eq!((code, value(&page, "redis_up")), (Some(0), Some(1.0)));
    let live = Command::new(binary()).args(["check", "--live", "--config.file"]).arg(&file).output().unwrap();
    let live = String::from_utf8(live.stdout).unwrap();
    assert!(live.contains("skip  module caches") && live.contains("probe caches HOST:PORT"), "{live}");
    for (arguments, words) in [
        (&["caches"][..], "name a target as well"),
        (&["caches", "other.test:6379"], "does not allow the target other.test:6379"),
        (&["other", "other.test:6379"], "there is no module `other`"),
        (&["other"], "there is no source `other`"),
        (&["caches", "nonsense"], "expected HOST:PORT"),
    ] {
        let (code, _, error) = run(arguments);
        assert_ne!(code, Some(0));
        assert!(error.contains(words), "{error}");
    }
}
