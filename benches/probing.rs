//! What a cycle of each kind costs, beside the peer that asks the same service.

use std::time::Duration;

use crate::cycles::{Contender, Cost, Turns, compare};
use crate::detours::Detours;
use crate::peers::Peer;
use crate::report::{Section, Table, bytes, ratio, time};
use crate::support::platform::Platform;
use crate::support::process::Process;
use crate::{declared, ours, peers};

const TURNS: Turns = Turns { number: 3, length: Duration::from_secs(1) };

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

/// The variables that lead to services.
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
    section.text(
        "A cycle is one scrape that makes the exporter ask its service: of `/probe?source=NAME` here, of `/metrics` \
         (blackbox_exporter: `/probe`) there, with gzip, one after the other as fast as they are answered. Wire: what \
         goes between exporter and service, both ways, above TCP. Round trips: how often the exporter waits for an \
         answer. The CPU of the service is that of all its processes, less what they use while nobody asks. MongoDB, \
         RabbitMQ, Stripe, S3, workers and log files have no exporter in Debian; RabbitMQ's own metrics are compared \
         under *Queues*.",
    );
    let environment = platform.environment();
    let detours = Detours::start(&environment, &SERVICES).await;
    let config = ours::all_kinds("1h");
    let config = config.split("\nqueries:").next().expect("there is always a first part");
    let exporter = ours::start_all_kinds(platform, config, detours.lead(platform.environment())).await;
    let mut table = Table::new(&[
        "kind",
        "exporter",
        "values",
        "CPU a cycle",
        "CPU a value",
        "÷ peer",
        "wire a cycle",
        "a value",
        "round trips",
        "CPU of the service",
    ]);
    for (kind, source) in KINDS {
        println!("{kind}");
        // Proxies of its own: what goes through is counted for each contender.
        let own_detours = Detours::start(&environment, &SERVICES).await;
        let peer = peer(kind, &own_detours).await;
        let mut contenders = vec![Contender {
            name: "platform_exporter",
            url: exporter.url(&format!("/probe?source={source}")),
            process: Some(exporter.pid()),
            detours: Some(&detours),
        }];
        contenders.extend(peer.iter().map(|peer| Contender {
            name: peer.name,
            url: peer.url.clone(),
            process: Some(peer.process.pid()),
            detours: Some(&own_detours),
        }));
        let costs = compare(&contenders, service(platform, kind), TURNS).await;
        for (contender, cost) in contenders.iter().zip(&costs) {
            table.row(cells(
                kind,
                contender.name,
                cost,
                costs.get(1).filter(|_| contender.name == "platform_exporter"),
            ));
        }
        if kind == "redis" {
            section.text(&commands(platform, &contenders).await);
        }
        if kind == "postgres" {
            section.text(&transactions(platform, &contenders).await);
        }
    }
    section.table(&table);
}

fn cells(kind: &str, name: &str, cost: &Cost, peer: Option<&Cost>) -> [String; 10] {
    [
        kind.to_owned(),
        name.to_owned(),
        format!("{:.0}", cost.values),
        time(cost.cpu),
        format!("{:.1} µs", cost.cpu_per_value()),
        peer.map(|peer| ratio(cost.cpu_per_value(), peer.cpu_per_value())).unwrap_or_default(),
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

/// The process of the service, where it is one of its own.
fn service<'a>(platform: &'a Platform, kind: &str) -> Option<&'a Process> {
    match kind {
        "postgres" => Some(platform.postgres.process()),
        "mongodb" => Some(platform.mongodb.process()),
        "redis" | "workers" => Some(platform.redis.process()),
        "rabbitmq" => Some(platform.rabbitmq.process()),
        _ => None,
    }
}

/// How many cycles are made to count what the service counts.
const COUNTED: u32 = 20;

/// What Redis counts.
async fn commands(platform: &Platform, contenders: &[Contender<'_>]) -> String {
    let count = async || {
        let stats: String = platform.redis.run(&["INFO", "stats"]).await;
        let line = stats.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
        line.and_then(|count| count.parse::<f64>().ok()).expect("Redis counts them")
    };
    per_cycle("Redis counts", "commands", contenders, count).await
}

/// What PostgreSQL counts: each read of a view is a transaction of its own.
async fn transactions(platform: &Platform, contenders: &[Contender<'_>]) -> String {
    let count = async || {
        // A session tells of its transactions no more than once a second, with its next statement.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        for contender in contenders {
            crate::support::http::answers(&contender.url).await;
        }
        let sql = "SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database";
        platform.postgres.sql(sql).await.parse::<f64>().expect("a number")
    };
    per_cycle("PostgreSQL counts", "transactions", contenders, count).await
}

/// A sentence with the growth of a count by a cycle of each contender.
async fn per_cycle(
    who: &str,
    what: &str,
    contenders: &[Contender<'_>],
    count: impl AsyncFn() -> f64,
) -> String {
    // Counting counts as well.
    let before = count().await;
    let own = count().await - before;
    let mut figures = Vec::new();
    for contender in contenders {
        let before = count().await;
        for _ in 0..COUNTED {
            crate::support::http::answers(&contender.url).await;
        }
        let figure = (count().await - before - own) / f64::from(COUNTED);
        figures.push(format!("{figure:.0} {what} a cycle of {}", contender.name));
    }
    format!("{who} {}.", figures.join(", "))
}
