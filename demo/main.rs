//! `make demo`: the exporter, Prometheus and Alertmanager, on real services with live data.
//!
//! `make demo-break SOURCE=redis` freezes one of the services of a running demo.

mod freeze;

use std::path::PathBuf;
use std::time::Duration;

use testkit::alertmanager::Alertmanager;
use testkit::exporter::Exporter;
use testkit::platforms::Platforms;
use testkit::prometheus::Prometheus;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => run().await,
        ["break", source] => return freeze::freeze(source).await,
        _ => return Err("usage: make demo, or make demo-break SOURCE=redis".to_owned()),
    }
    Ok(())
}

async fn run() {
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    tokio::select! {
        biased;
        _ = &mut interrupted => {}
        () = start_and_show() => {}
    }
    println!("\n==> Stopping everything that was started");
}

async fn start_and_show() {
    step("PostgreSQL, MongoDB, Redis, RabbitMQ, S3, STS, a Stripe stand-in and a website: about 10 s");
    let platforms = Platforms::start().await;
    step("Exporter");
    let exporter = exporter(&platforms).await;
    platforms.shop.keep_pushing(&exporter.url("/heartbeat/backup/host1"));
    step("Alertmanager");
    // There is no pager or chat here; Alertmanager's page shows what it would send.
    let alertmanager = Alertmanager::start(include_str!("../alerts/alertmanager.yml")).await;
    step("Prometheus");
    let config = include_str!("../prometheus/prometheus.yml");
    let options = Prometheus::shipped(config, &exporter.address(), &alertmanager.address()).every(5);
    let bundle = platforms.bundle();
    let rules = bundle.iter().filter_map(|file| Some((file.path.strip_prefix("alerts/")?, &file.text)));
    let prometheus = rules.fold(options, |options, (name, text)| options.file(name, text)).start().await;
    step("Live data; waiting until every source is up");
    let shown = async {
        wait_until_up(&exporter).await;
        show(&exporter, &prometheus, &alertmanager);
        std::future::pending::<()>().await;
    };
    platforms.while_living(async { tokio::join!(shown, freeze::on_demand(&platforms.shop)) }).await;
}

/// The release binary, started as a user would start it.
async fn exporter(platforms: &Platforms) -> Exporter {
    let options = Exporter::options(&Platforms::config()).binary(&release_binary());
    platforms
        .environment()
        .into_iter()
        .fold(options, |options, (name, value)| options.variable(name, &value))
        .start()
        .await
}

fn release_binary() -> PathBuf {
    // This program is TARGET/debug/examples/demo.
    let this = std::env::current_exe().expect("the kernel knows");
    let target = this.ancestors().nth(3).expect("cargo's target directory");
    let binary = target.join("release/platform_exporter");
    assert!(binary.is_file(), "{} is missing: run `make demo`, which builds it", binary.display());
    binary
}

async fn wait_until_up(exporter: &Exporter) {
    testkit::wait::eventually(Duration::from_secs(120), "every source is up", async || {
        let metrics = exporter.get("/metrics").await;
        let sources: Vec<_> =
            metrics.lines().filter(|line| line.starts_with("platform_source_status{")).collect();
        let up = sources.iter().filter(|line| line.contains("status=\"up\"") && line.ends_with(" 1")).count();
        up * 4 == sources.len()
    })
    .await;
}

fn show(exporter: &Exporter, prometheus: &Prometheus, alertmanager: &Alertmanager) {
    println!("\nEvery source is up.\n");
    println!("  Platforms      {}", Platforms::ALL.map(|(name, _)| name).join(", "));
    println!("  Status page    {}", exporter.url("/"));
    println!("  Metrics        {}", exporter.url("/metrics"));
    println!("  Prometheus     {}/graph?g0.expr=platform_source_up&g0.tab=1", prometheus.url());
    println!("  Alerts         {}/alerts", prometheus.url());
    println!("  Alertmanager   {}", alertmanager.url());
    println!("  Configuration  {}", exporter.directory().join("platform.yml").display());
    println!("\nBreak something in another terminal: make demo-break SOURCE=redis");
    println!("Ctrl-C stops everything that was started.");
}

fn step(what: &str) {
    println!("==> {what}");
}
