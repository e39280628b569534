//! Scrape cycles of exporters, and their cost for the exporter, the network and the service.

use std::time::{Duration, Instant};

use nix::unistd::Pid;
use tokio::time::MissedTickBehavior;

use crate::detours::{Detours, Traffic};
use crate::samples;
use crate::stats::milliseconds;
use crate::usage::{cpu, cpu_of};
use testkit::http;
use testkit::process::Process;

/// An exporter that queries its service during each scrape of this URL.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    /// If it has its own.
    pub(crate) process: Option<Pid>,
    /// Between it and its services, if traffic is measured.
    pub(crate) detours: Option<&'a Detours>,
}

/// The cost of one cycle.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) values: f64,
    /// Of the exporter, in milliseconds.
    pub(crate) cpu: f64,
    /// Of the service, in milliseconds, without its idle usage.
    pub(crate) cpu_of_service: f64,
    pub(crate) traffic: Traffic,
}

impl Cost {
    /// Microseconds of CPU for each value.
    pub(crate) fn cpu_per_value(&self) -> f64 {
        self.cpu * 1e3 / self.values
    }
}

/// Within a second, `/probe` returns the previous result.
pub(crate) const FRESH_PROBE: Duration = Duration::from_millis(1_050);

/// The length of a contender's turn.
#[derive(Clone, Copy)]
pub(crate) struct Turns {
    pub(crate) number: usize,
    pub(crate) length: Duration,
    /// From one cycle to the next.
    pub(crate) every: Duration,
}

/// Sums over all turns of a contender.
#[derive(Default)]
pub(crate) struct Sums {
    cycles: u32,
    cpu: Duration,
    cpu_of_service: Duration,
    length: Duration,
    traffic: Traffic,
}

/// Runs contenders in turns, each with one scrape after the other.
pub(crate) async fn compare(
    contenders: &[Contender<'_>],
    service: Option<&Process>,
    turns: Turns,
) -> Vec<Cost> {
    let mut values = Vec::new();
    for contender in contenders {
        values.push(values_of(&contender.url).await);
    }
    let idle = idle(service).await;
    let mut sums: Vec<Sums> = contenders.iter().map(|_| Sums::default()).collect();
    for _ in 0..turns.number {
        for (contender, sums) in contenders.iter().zip(&mut sums) {
            turn(contender, service, turns, sums).await;
        }
    }
    sums.iter().zip(values).map(|(sums, values)| sums.cost(values, idle)).collect()
}

/// The number of values of a scrape. This also warms up: connections are open from here on.
pub(crate) async fn values_of(url: &str) -> usize {
    samples::values(&scrape(&http::client(), url, "identity").await)
}

/// The service's idle CPU usage.
pub(crate) async fn idle(service: Option<&Process>) -> f64 {
    let Some(service) = service else { return 0.0 };
    let (before, started) = (cpu_of(service.processes()), Instant::now());
    // The broker collects statistics every five.
    tokio::time::sleep(Duration::from_secs(5)).await;
    cpu_of(service.processes()).saturating_sub(before).as_secs_f64() / started.elapsed().as_secs_f64()
}

/// Scrapes a contender repeatedly.
pub(crate) async fn turn(
    contender: &Contender<'_>,
    service: Option<&Process>,
    turns: Turns,
    sums: &mut Sums,
) {
    let of_service = || service.map(|service| cpu_of(service.processes())).unwrap_or_default();
    let traffic = || contender.detours.map(Detours::traffic).unwrap_or_default();
    let own = || contender.process.map(cpu).unwrap_or_default();
    let client = http::client();
    let (cpu_before, of_service_before, before) = (own(), of_service(), traffic());
    let started = Instant::now();
    let mut clock = tokio::time::interval(turns.every);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock.tick().await;
    while started.elapsed() < turns.length {
        scrape(&client, &contender.url, "gzip").await;
        sums.cycles += 1;
        clock.tick().await;
    }
    sums.length += started.elapsed();
    sums.cpu += own() - cpu_before;
    sums.cpu_of_service += of_service().saturating_sub(of_service_before);
    sums.traffic = sums.traffic + (traffic() - before);
}

async fn scrape(client: &reqwest::Client, url: &str, coding: &str) -> String {
    let answer = client.get(url).header("accept-encoding", coding).send().await.expect("it answers");
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    let body = answer.bytes().await.expect("it answers in full");
    String::from_utf8_lossy(&body).into_owned()
}

impl Sums {
    pub(crate) fn cost(&self, values: usize, idle: f64) -> Cost {
        let cycles = f64::from(self.cycles);
        let of_service = milliseconds(self.cpu_of_service) - idle * milliseconds(self.length);
        Cost {
            values: values as f64,
            cpu: milliseconds(self.cpu) / cycles,
            cpu_of_service: of_service.max(0.0) / cycles,
            traffic: self.traffic / cycles,
        }
    }
}
