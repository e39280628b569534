//! `make demo`: the exporter, Prometheus with a month of history, Alertmanager and, where it is installed, Grafana, on
//! real services with live data.
//!
//! `make demo-break FAILURE=redis` breaks something of a running demo.

mod failure;

use std::process::ExitCode;
use std::time::Duration;

use platform_exporter::bundle::File;
use testkit::alertmanager::Alertmanager;
use testkit::exporter::Exporter;
use testkit::grafana::Grafana;
use testkit::history;
use testkit::platforms::Platforms;
use testkit::ports::Port;
use testkit::prometheus::Prometheus;

/// Every source is up by then, on a slow machine as well.
const UP: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the kernel has descriptors left");
    let result = runtime.block_on(command());
    // Blocks of the history that are still being made need not be waited for.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn command() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => run().await,
        ["break"] => println!("{}", failure::list()),
        ["break", name] => return failure::cause(name).await,
        _ => return Err("usage: make demo, or make demo-break FAILURE=redis".to_owned()),
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
    let shown = async {
        let bundle = platforms.bundle();
        step("Live data; waiting until every source is up: about 30 s");
        let waiting = history::watch(&exporter, |exposition| not_up(exposition).is_empty());
        let Ok(watched) = tokio::time::timeout(UP, waiting).await else {
            panic!("after {UP:?}, not up:\n{}", not_up(&exporter.get("/metrics").await).join("\n"));
        };
        step("Alertmanager and Prometheus");
        let alertmanager = Alertmanager::start_at(Port::preferably(9093), &routing()).await;
        let mut prometheus = prometheus(&exporter, &alertmanager).await;
        step("What the rules made of 30 days: about 20 s");
        let past = history::past(watched, &exporter.address(), &bundle).await;
        step("30 days of history for Prometheus: about 50 s");
        prometheus.remember(&past, &bundle).await;
        let grafana = grafana(&bundle, &prometheus, &alertmanager).await;
        show(&exporter, &prometheus, &alertmanager, grafana.as_ref());
        std::future::pending::<()>().await;
    };
    platforms.while_living(async { tokio::join!(shown, failure::on_demand(&platforms)) }).await;
}

/// The routing, with receivers that notify nobody: there is no pager or chat here. Alertmanager's page shows what each
/// would receive.
fn routing() -> String {
    let (routes, receivers) =
        include_str!("../alerts/alertmanager.yml").split_once("\nreceivers:\n").expect("it has receivers");
    let names: Vec<_> = receivers.lines().filter(|line| line.starts_with("  - name: ")).collect();
    format!("{routes}\nreceivers:\n{}\n", names.join("\n"))
}

/// It scrapes from now on, and has its rules once it has a past.
async fn prometheus(exporter: &Exporter, alertmanager: &Alertmanager) -> Prometheus {
    let config = include_str!("../prometheus/prometheus.yml");
    let options = Prometheus::shipped(config, &exporter.address(), &alertmanager.address()).every(5);
    options.keeps_a_month().port(9090).start().await
}

/// Grafana with the dashboards, where it is installed.
async fn grafana(bundle: &[File], prometheus: &Prometheus, alertmanager: &Alertmanager) -> Option<Grafana> {
    let Some(server) = Grafana::installed() else {
        step("No Grafana: install it and run this again, or use `make up`, which has it, with Docker");
        return None;
    };
    step("Grafana");
    let port = Port::preferably(3000);
    Some(Grafana::start(&server, port, bundle, &prometheus.url(), &alertmanager.url()).await)
}

async fn exporter(platforms: &Platforms) -> Exporter {
    let options = Exporter::options(&Platforms::config()).port(9884);
    platforms
        .environment()
        .into_iter()
        .fold(options, |options, (name, value)| options.variable(name, &value))
        .start()
        .await
}

/// What the exporter says of each source that is not up.
fn not_up(exposition: &str) -> Vec<&str> {
    let is_not_up = |line: &&str| {
        line.starts_with("platform_source_status{") && line.contains("status=\"up\"") && line.ends_with(" 0")
    };
    exposition.lines().filter(is_not_up).collect()
}

fn show(
    exporter: &Exporter,
    prometheus: &Prometheus,
    alertmanager: &Alertmanager,
    grafana: Option<&Grafana>,
) {
    println!("\nEvery source is up.\n");
    println!("  Platforms      {}", Platforms::ALL.map(|(name, _)| name).join(", "));
    if let Some(grafana) = grafana {
        println!("  Dashboards     {}", grafana.url());
    }
    println!("  Status page    {}", exporter.url("/"));
    println!("  Metrics        {}", exporter.url("/metrics"));
    println!("  Prometheus     {}/graph?g0.expr=platform_source_up&g0.tab=1", prometheus.url());
    println!("  Alerts         {}/alerts", prometheus.url());
    println!("  Alertmanager   {}", alertmanager.url());
    println!("  Configuration  {}", exporter.directory().join("platform.yml").display());
    println!("\nBreak something in another terminal: make demo-break FAILURE=redis");
    println!("Ctrl-C stops everything that was started.");
}

fn step(what: &str) {
    println!("==> {what}");
}
