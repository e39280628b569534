//! Repeatedly breaks and repairs a source, which must recover each time.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::stage::{Path, last_success, log_a_line, series};
use crate::report::Section;
use testkit::exporter::value;
use testkit::platform::Platform;
use testkit::proxy::Mode;

/// Less than the time until an alert pages: the longest interval and back-off of the sources, and a restart.
const RECOVERS_WITHIN: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
enum Fault {
    Network(Mode),
    /// SIGSTOP.
    Freeze,
    /// The server is killed and restarted.
    Restart,
    Rotate,
    Truncate,
    Remove,
    Gibberish,
}

const NETWORK: [Fault; 8] = [
    Fault::Network(Mode::Refuse),
    Fault::Network(Mode::Reset),
    Fault::Network(Mode::Unreachable),
    Fault::Network(Mode::Blackhole),
    Fault::Network(Mode::Cut(100)),
    Fault::Network(Mode::Garbage),
    Fault::Network(Mode::Trickle),
    Fault::Network(Mode::Delay(Duration::from_millis(400))),
];
const FILE: [Fault; 4] = [Fault::Rotate, Fault::Truncate, Fault::Remove, Fault::Gibberish];

/// The sources that break, with their kinds and the faults of their servers besides a bad network.
const VICTIMS: [(&str, &str, &[Fault]); 8] = [
    ("orders-db", "postgres", &[Fault::Freeze, Fault::Restart]),
    ("documents", "mongodb", &[Fault::Freeze, Fault::Restart]),
    ("cache", "redis", &[Fault::Freeze, Fault::Restart]),
    ("broker", "rabbitmq", &[Fault::Freeze]),
    ("payments", "stripe", &[]),
    ("media", "s3", &[Fault::Freeze]),
    ("website", "http", &[]),
    ("ai-log", "logfile", &FILE),
];

/// What happened.
#[derive(Default)]
pub(crate) struct Broken {
    faults: BTreeMap<&'static str, u32>,
    recoveries: u32,
    slowest: Duration,
    lasting: Vec<String>,
}

/// Breaks one source after another until `end`.
pub(crate) async fn until(
    end: Instant,
    seed: u64,
    platform: &mut Platform,
    paths: &[Path],
    mut scrapes: watch::Receiver<String>,
) -> Broken {
    let (mut random, mut broken) = (fastrand::Rng::with_seed(seed), Broken::default());
    while Instant::now() < end {
        let (source, kind, own) = VICTIMS[random.usize(..VICTIMS.len())];
        let paths: Vec<&Path> = paths.iter().filter(|path| path.source == source).collect();
        let network: &[Fault] = if paths.is_empty() { &[] } else { &NETWORK };
        let fault = *random.choice(network.iter().chain(own).collect::<Vec<_>>()).expect("all can suffer");
        let path = random.choice(paths);
        let lasts = Duration::from_millis(random.u64(500..4000));
        strike(platform, source, path, fault, lasts).await;
        *broken.faults.entry(source).or_default() += 1;
        let repaired = Instant::now();
        let since =
            SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs_f64();
        let (up, last) = (series("platform_source_up", source, kind), last_success(source, kind));
        let is_back = |scrape: &String| {
            value(scrape, &up) == Some(1.0) && value(scrape, &last).is_some_and(|last| last > since)
        };
        match tokio::time::timeout(RECOVERS_WITHIN, scrapes.wait_for(is_back)).await {
            Ok(_) => {
                broken.recoveries += 1;
                broken.slowest = broken.slowest.max(repaired.elapsed());
            }
            Err(_) => broken.lasting.push(format!("{source} did not recover after {fault:?}")),
        }
    }
    broken
}

/// One fault from start to end.
async fn strike(platform: &mut Platform, source: &str, path: Option<&Path>, fault: Fault, lasts: Duration) {
    match fault {
        Fault::Network(mode) => {
            let proxy = &path.expect("it is behind a proxy").proxy;
            proxy.set(mode).await;
            tokio::time::sleep(lasts).await;
            proxy.set(Mode::Pass).await;
        }
        Fault::Freeze => {
            platform.freeze(source, true);
            tokio::time::sleep(lasts).await;
            platform.freeze(source, false);
        }
        Fault::Restart => match source {
            "orders-db" => platform.postgres.restart().await,
            "documents" => platform.mongodb.restart().await,
            _ => platform.redis.restart().await,
        },
        Fault::Rotate | Fault::Remove | Fault::Truncate | Fault::Gibberish => {
            hurt_file(platform, fault);
            tokio::time::sleep(lasts).await;
            log_a_line(platform);
        }
    }
}

fn hurt_file(platform: &Platform, fault: Fault) {
    let log = platform.log();
    let hurt = match fault {
        Fault::Rotate => fs::rename(&log, log.with_extension("log.1")),
        Fault::Remove => fs::remove_file(&log),
        _ => OpenOptions::new().append(true).create(true).open(&log).and_then(|mut file| match fault {
            Fault::Truncate => file.set_len(0),
            _ => file.write_all(b"\xff\xfe\x00{\"event\": [[[\n\n{\"ts\": \"never\"}\n"),
        }),
    };
    hurt.expect("a line was written before");
}

impl Broken {
    /// Writes it to the section, and returns the failures.
    pub(crate) fn report(self, section: &mut Section) -> Vec<String> {
        let faults: Vec<_> = self.faults.iter().map(|(source, count)| format!("{source} {count}")).collect();
        section.text(&format!(
            "{} faults ({}), {} recoveries, the slowest within {:.1} s.",
            self.faults.values().sum::<u32>(),
            faults.join(", "),
            self.recoveries,
            self.slowest.as_secs_f64()
        ));
        self.lasting
    }
}
