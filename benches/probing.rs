//! The cost of a cycle of each kind, compared with the peer for the same service.

use std::time::Duration;

use crate::cycles::{Contender, Cost, FRESH_PROBE, Sums, Turns, idle, turn, values_of};
use crate::detours::Detours;
use crate::peers::Peer;
use crate::report::{Section, Table, bytes, ratio, time};
use crate::{declared, ours, peers};
use testkit::platform::Platform;
use testkit::process::Process;

/// Probe interval of a source and scrape interval of its peer; longer than a probe takes on any machine.
const EVERY: Duration = Duration::from_millis(200);
const TURNS: Turns = Turns { number: 3, length: Duration::from_secs(4), every: EVERY };
/// Probe interval of sources that are not measured.
const SELDOM: &str = "1h";

/// The kinds, each with its source in the demo's configuration.
const KINDS: [(&str, &str); ours::KINDS] = [
    ("postgres", "orders-db"),
    ("redis", "cache"),
    ("http", "website"),
    ("mongodb", "documents"),
    ("rabbitmq", "broker"),
    ("stripe", "payments"),
    ("s3", "media"),
    ("workers", "jobs"),
    ("logfile", "ai-log"),
];

/// The variables with the addresses of services.
const SERVICES: [&str; 9] = [
    "POSTGRES_URL",
    "MONGODB_URL",
    "REDIS_URL",
    "RABBITMQ_URL",
    "RABBITMQ_MANAGEMENT_URL",
    "STRIPE_API_BASE",
    "S3_ENDPOINT",
    "STS_ENDPOINT",
    "WEBSITE_URL",
];

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    let platform = Platform::start().await;
    of_kinds(&platform, &mut section).await;
    declared::run(&platform, &mut section).await;
    section
}

async fn of_kinds(platform: &Platform, section: &mut Section) {
    section.text(&format!(
        "A cycle is one probe and one scrape, with gzip. platform_exporter probes on its own clock, every {EVERY:?}, \
         and its `/metrics` is scraped at the same interval; its peers query their service during the scrape. Wire: \
         bytes between exporter and service in both directions, above TCP. Round trips: how often the exporter waits \
         for a response. The service's CPU is that of all its processes, also of those that have exited, minus their \
         idle usage. MongoDB, RabbitMQ, Stripe, S3, workers and log files have no exporter in Debian; RabbitMQ's own \
         metrics are compared under *Queues*. The relay in front of PostgreSQL's driver, which checks every message, \
         takes about a fifth of that kind's CPU.",
    ));
    let mut table = Table::new(&[
        "kind",
        "exporter",
        "values",
        "CPU per cycle",
        "÷ peer",
        "CPU per value",
        "÷ peer",
        "wire per cycle",
        "wire per value",
        "round trips",
        "CPU of the service",
    ]);
    for (kind, source) in KINDS {
        println!("{kind}");
        let own_detours = Detours::start(&platform.environment(), &SERVICES).await;
        let peer = peer(kind, &own_detours).await;
        let peer = peer.as_ref().map(|peer| Contender {
            name: peer.name,
            url: peer.url.clone(),
            process: Some(peer.process.pid()),
            detours: Some(&own_detours),
        });
        let service = service(platform, kind);
        let (ours, theirs) = costs(platform, source, peer.as_ref(), service).await;
        table.row(cells(kind, "platform_exporter", &ours, theirs.as_ref()));
        if let Some((peer, cost)) = peer.as_ref().zip(theirs.as_ref()) {
            table.row(cells(kind, peer.name, cost, None));
            if let Some(counts) = counts(platform, kind, source, peer).await {
                section.text(&counts);
            }
        }
    }
    section.table(&table);
}

/// The cost of a cycle of a source, and of its peer.
async fn costs(
    platform: &Platform,
    source: &str,
    peer: Option<&Contender<'_>>,
    service: Option<&Process>,
) -> (Cost, Option<Cost>) {
    let (mut of_ours, mut of_theirs) = (Sums::default(), Sums::default());
    let (mut values, mut values_of_peer) = (0, 0);
    let idle = idle(service).await;
    for _ in 0..TURNS.number {
        let detours = Detours::start(&platform.environment(), &SERVICES).await;
        let config = ours::all_kinds_but(source, &format!("{EVERY:?}"), SELDOM);
        let config = config.split("\nqueries:").next().expect("there is always a first part");
        let exporter = ours::start_all_kinds(platform, config, detours.lead(platform.environment())).await;
        values = values_of(&exporter.url(&format!("/probe?source={source}"))).await;
        let ours = Contender {
            name: "platform_exporter",
            url: exporter.url("/metrics"),
            process: Some(exporter.pid()),
            detours: Some(&detours),
        };
        turn(&ours, service, TURNS, &mut of_ours).await;
        drop(exporter);
        if let Some(peer) = peer {
            values_of_peer = values_of(&peer.url).await;
            turn(peer, service, TURNS, &mut of_theirs).await;
        }
    }
    (of_ours.cost(values, idle), peer.map(|_| of_theirs.cost(values_of_peer, idle)))
}

fn cells(kind: &str, name: &str, cost: &Cost, peer: Option<&Cost>) -> [String; 11] {
    let beside = |of: fn(&Cost) -> f64| peer.map(|peer| ratio(of(cost), of(peer))).unwrap_or_default();
    [
        kind.to_owned(),
        name.to_owned(),
        format!("{:.0}", cost.values),
        time(cost.cpu),
        beside(|cost| cost.cpu),
        format!("{:.1} µs", cost.cpu_per_value()),
        beside(Cost::cpu_per_value),
        bytes(cost.traffic.bytes),
        bytes(cost.traffic.bytes / cost.values),
        format!("{:.0}", cost.traffic.exchanges),
        time(cost.cpu_of_service),
    ]
}

async fn peer(kind: &str, detours: &Detours) -> Option<Peer> {
    let peer = match kind {
        "postgres" => peers::postgres(&detours.url("POSTGRES_URL"), 0).await,
        "redis" => peers::redis(&detours.url("REDIS_URL")).await,
        "http" => peers::blackbox(&detours.url("WEBSITE_URL")).await,
        _ => return None,
    };
    Some(peer)
}

/// The process of the service, if it has its own.
fn service<'a>(platform: &'a Platform, kind: &str) -> Option<&'a Process> {
    match kind {
        "postgres" => Some(platform.postgres.process()),
        "mongodb" => Some(platform.mongodb.process()),
        "redis" | "workers" => Some(platform.redis.process()),
        "rabbitmq" => Some(platform.rabbitmq.process()),
        _ => None,
    }
}

/// How many cycles the service's own counts are measured over.
const COUNTED: u32 = 10;

/// The service's own counts, if any.
async fn counts(platform: &Platform, kind: &str, source: &str, peer: &Contender<'_>) -> Option<String> {
    // Probed on demand only, so that nothing else is counted.
    let exporter = ours::start_all_kinds(platform, &ours::all_kinds(SELDOM), platform.environment()).await;
    let probe = exporter.url(&format!("/probe?source={source}"));
    let cycles = [("platform_exporter", probe.as_str()), (peer.name, peer.url.as_str())];
    match kind {
        "redis" => Some(commands(platform, cycles).await),
        "postgres" => Some(transactions(platform, cycles).await),
        _ => None,
    }
}

/// What Redis counts.
async fn commands(platform: &Platform, cycles: [(&str, &str); 2]) -> String {
    let count = async || {
        let stats: String = platform.redis.run(&["INFO", "stats"]).await;
        let line = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
        line.and_then(|count| count.parse::<f64>().ok()).expect("Redis counts them")
    };
    per_cycle("Redis counts", "commands", cycles, count).await
}

/// What PostgreSQL counts: each read of a view is a separate transaction.
async fn transactions(platform: &Platform, cycles: [(&str, &str); 2]) -> String {
    let count = async || {
        // A session reports its transactions once a second at most, with its next statement.
        for (_, url) in cycles {
            cycle(url).await;
        }
        let sql = "SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database";
        platform.postgres.sql(sql).await.parse::<f64>().expect("a number")
    };
    per_cycle("PostgreSQL counts", "transactions", cycles, count).await
}

/// A sentence with the increase of a count per cycle of each.
async fn per_cycle(who: &str, what: &str, cycles: [(&str, &str); 2], count: impl AsyncFn() -> f64) -> String {
    // Reading the count increases it as well.
    let before = count().await;
    let own = count().await - before;
    let mut figures = Vec::new();
    for (name, url) in cycles {
        let before = count().await;
        for _ in 0..COUNTED {
            cycle(url).await;
        }
        let figure = (count().await - before - own) / f64::from(COUNTED);
        figures.push(format!("{figure:.0} {what} per cycle of {name}"));
    }
    format!("{who} {}.", figures.join(", "))
}

/// A scrape that makes the exporter query its service.
async fn cycle(url: &str) {
    tokio::time::sleep(FRESH_PROBE).await;
    testkit::http::answers(url).await;
}
