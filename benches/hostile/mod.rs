//! Servers with corrupted responses, one kind after the other: the exporter must survive, stay below its memory limit,
//! and probe every other source on time. Like `soak`, and unlike the other measurements, this one can fail.

mod mutator;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::mutator::Mutator;
use crate::ours;
use crate::report::{Section, Table};
use crate::usage::memory;
use testkit::platform::Platform;

pub(crate) const TITLE: &str = "Hostile answers";

/// A shorter run is not written to the document.
const MINUTES: u64 = 10;

/// The kinds that use the network: the source of each in the demo, and the variables with its address.
const KINDS: [(&str, &str, &[&str]); 7] = [
    ("postgres", "orders-db", &["POSTGRES_URL"]),
    ("mongodb", "documents", &["MONGODB_URL"]),
    ("redis", "cache", &["REDIS_URL"]),
    ("rabbitmq", "broker", &["RABBITMQ_URL", "RABBITMQ_MANAGEMENT_URL"]),
    ("stripe", "payments", &["STRIPE_API_BASE"]),
    ("s3", "media", &["S3_ENDPOINT", "STS_ENDPOINT"]),
    ("http", "website", &["WEBSITE_URL"]),
];

/// Resident memory never exceeds this, whatever the response: docs/SECURITY.md has the limits of each kind.
const BOUND_MIB: f64 = 512.0;
/// A source that is not attacked has a successful probe at least this often. Each is probed every second.
const LATEST: f64 = 5.0;

/// The results of the attack on one kind.
struct Seen {
    answers: u64,
    mutations: u64,
    peak: f64,
    latest: f64,
    failures: Vec<String>,
}

/// Runs the attacks. A run that is long enough becomes a section of the document.
pub(crate) async fn run() -> Result<Option<Section>, String> {
    let minutes = crate::number("MINUTES")?.unwrap_or(MINUTES);
    let seed = crate::number("SEED")?.unwrap_or_else(|| fastrand::u64(..));
    let only = std::env::var("KIND").ok().filter(|kind| !kind.is_empty());
    println!("MINUTES={minutes} SEED={seed}: {minutes} minutes per kind");
    let platform = Platform::start().await;
    let mut table =
        Table::new(&["kind", "responses", "corrupted", "peak memory", "longest gap of another source"]);
    let mut failures = Vec::new();
    for (kind, source, variables) in
        KINDS.iter().filter(|(kind, ..)| only.as_deref().is_none_or(|only| only == *kind))
    {
        let seen = attack(&platform, source, variables, Duration::from_secs(60 * minutes), seed).await;
        let Seen { answers, mutations, peak, latest, .. } = &seen;
        println!(
            "{kind}: {mutations} of {answers} responses corrupted, peak {peak:.0} MiB, longest gap {latest:.1} s"
        );
        table.row([
            (*kind).to_owned(),
            answers.to_string(),
            mutations.to_string(),
            format!("{peak:.0} MiB"),
            format!("{latest:.1} s"),
        ]);
        failures.extend(seen.failures.into_iter().map(|failure| format!("{kind}: {failure}")));
    }
    let mut section = Section::new(TITLE);
    section.text(&format!(
        "`make hostile MINUTES={minutes} SEED={seed}`: the responses of real servers are corrupted in transit, for \
         {minutes} minutes per kind: bits and lengths changed, parts cut, repeated and swapped, openings nested up to \
         100,000 deep, floods of up to 256 MiB. The exporter never exited or panicked, stayed below {BOUND_MIB:.0} \
         MiB, and kept probing the other eight sources every second."
    ));
    section.table(&table);
    if failures.is_empty() {
        return Ok((minutes >= MINUTES && only.is_none()).then_some(section));
    }
    Err(failures.join("; "))
}

async fn attack(platform: &Platform, attacked: &str, variables: &[&str], lasts: Duration, seed: u64) -> Seen {
    let mut mutators = Vec::new();
    let mut environment = platform.environment();
    for (name, value) in environment.iter_mut().filter(|(name, _)| variables.contains(name)) {
        let url = url::Url::parse(value).expect("a URL");
        let target = format!("127.0.0.1:{}", url.port().expect("a free port was taken"));
        let mutator = Mutator::start(&target, seed).await;
        *value = mutator.through(value);
        mutators.push((*name, mutator));
    }
    let mut exporter = ours::start_all_kinds(platform, &ours::all_kinds("1s"), environment).await;
    for (_, mutator) in &mutators {
        mutator.attack(true);
    }
    let end = Instant::now() + lasts;
    let mut seen = Seen { answers: 0, mutations: 0, peak: 0.0, latest: 0.0, failures: Vec::new() };
    while Instant::now() < end && seen.failures.is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if !exporter.process().is_running() {
            seen.failures.push(format!("the exporter exited:\n{}", end_of(&exporter.log())));
            break;
        }
        let latest = longest_wait(&exporter.get("/metrics").await, attacked);
        seen.latest = seen.latest.max(latest);
        if latest > LATEST {
            seen.failures.push(format!("another source was not probed for {latest:.1} s"));
        }
        seen.peak = seen.peak.max(memory(exporter.pid()).peak);
        if seen.peak > BOUND_MIB {
            seen.failures.push(format!("{:.0} MiB of memory", seen.peak));
        }
    }
    if exporter.log().contains("event=panic") {
        seen.failures.push(format!("a panic:\n{}", end_of(&exporter.log())));
    }
    for (_, mutator) in &mutators {
        let (answers, mutations) = mutator.counts();
        seen.answers += answers;
        seen.mutations += mutations;
    }
    seen
}

/// The longest time since a source's last successful probe, except the attacked source and those read through it.
fn longest_wait(metrics: &str, attacked: &str) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs_f64();
    let last = metrics.lines().filter_map(|line| {
        let line = line.strip_prefix("platform_source_last_success_timestamp_seconds{source=\"")?;
        let (source, rest) = line.split_once('"')?;
        let at: f64 = rest.rsplit_once(' ')?.1.parse().ok()?;
        (source != attacked).then_some(at)
    });
    last.map(|at| now - at).fold(0.0, f64::max)
}

/// The end of the exporter's log: its directory is deleted after the run.
fn end_of(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
