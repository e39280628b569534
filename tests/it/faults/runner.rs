//! Puts a kind through every fault, one after the other.

use std::time::Duration;

use super::bench::{Bench, Footprint};
use super::gate::{Gate, World};
use super::matrix::{Cell, Fault, Shown};
use testkit::exporter::Exporter;

/// The interval of the sources under test.
pub(crate) const INTERVAL: Duration = Duration::from_secs(2);
/// Their timeout.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
/// What a slow machine may take beyond interval and timeout.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(20);

/// How far a server's clock is ahead.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// The source beside them that no fault is for.
pub(crate) const WITNESS: &str = "witness";
pub(crate) const WITNESS_INTERVAL: Duration = Duration::from_secs(10);

/// How much more memory than at the start may stay with the allocator through all faults, in MiB.
const MOST_KEPT: u64 = 64;
/// How many more descriptors than at the start may be open: for connections that come and go, and for their drivers.
const MOST_LEFT: usize = 6;

/// The start of a line of the exposition that is not there before a fault, and says more than that the source is well.
pub(crate) enum Sign {
    /// It comes while the fault lasts.
    Meanwhile(String),
    /// It comes once the fault is gone.
    Afterwards(String),
}

/// A kind, with the servers and sources that faults are for.
#[async_trait::async_trait(?Send)]
pub(crate) trait Patient {
    /// The name of the kind.
    fn kind(&self) -> &'static str;

    /// The sources `plain` and, where the kind has TLS, `secure`, as YAML below `sources:`; then `queries:`.
    fn config(&self) -> String;

    /// What it shows while a fault lasts.
    fn cell(&self, fault: Fault) -> Cell;

    /// The names of the sources that have to be well between faults.
    fn sources(&self) -> &'static [&'static str] {
        &["plain", "secure"]
    }

    /// The ways to its servers, by the names of its sources.
    fn gates(&self) -> Vec<(&'static str, &Gate)>;

    /// The source that a fault is for.
    fn source(&self, fault: Fault) -> &'static str {
        fault.source()
    }

    /// What shows that a fault is coped with.
    async fn sign(&self, _fault: Fault) -> Option<Sign> {
        None
    }

    /// How many connections a source may have.
    fn budget(&self) -> usize {
        2
    }

    /// How many connections there are to each server that no gate leads to.
    async fn connections(&mut self) -> Vec<usize> {
        Vec::new()
    }

    /// How much memory a fault may cost for a moment, in MiB.
    fn most_overshoot(&self) -> u64 {
        256
    }

    /// What its servers do wrong beside what the gates do.
    async fn break_server(&mut self, fault: Fault);

    /// Makes its servers as they were.
    async fn mend_server(&mut self, fault: Fault);

    /// Makes its first server serve again after a failover.
    async fn return_home(&mut self) {}
}

/// What was measured of one cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) detected: Duration,
    pub(crate) recovered: Duration,
    /// The peak of memory over what was there before, in MiB.
    pub(crate) overshoot: u64,
}

/// One cell of the matrix, and how it went. Nothing was measured where there is no such fault.
pub(crate) struct Outcome {
    pub(crate) fault: Fault,
    pub(crate) cell: Cell,
    pub(crate) result: Result<Option<Measured>, String>,
}

/// Every fault of the table, one after the other, with one exporter.
pub(crate) async fn run(
    name: &'static str,
    mut patient: Box<dyn Patient>,
    world: &World,
) -> (&'static str, Vec<Outcome>) {
    let options = Exporter::options(&config(patient.as_ref(), world)).resolver(world.dns.address());
    let bench = Bench::new(options.start().await, patient.kind());
    bench.first_look(patient.sources()).await;
    let start = bench.footprint();
    let mut outcomes = Vec::new();
    for &fault in Fault::ALL {
        let cell = patient.cell(fault);
        let result = match cell.shown {
            Shown::Nothing => Ok(None),
            shown => endure(patient.as_mut(), &bench, fault, shown, start).await.map(Some),
        };
        if let Err(error) = &result {
            eprintln!("{name}: {}: {error}", fault.title());
        }
        outcomes.push(Outcome { fault, cell, result });
    }
    (name, outcomes)
}

fn config(patient: &dyn Patient, world: &World) -> String {
    let mut config = format!(
        "sources:\n  {WITNESS}:\n    http: {{url: 'http://{}/'}}\n    interval: {every}s\n    timeout: {every}s\n",
        world.witness(),
        every = WITNESS_INTERVAL.as_secs(),
    );
    config.push_str(&patient.config());
    config
}

/// One fault: it comes, is shown, lasts and goes.
async fn endure(
    patient: &mut dyn Patient,
    bench: &Bench,
    fault: Fault,
    shown: Shown,
    start: Footprint,
) -> Result<Measured, String> {
    for source in patient.sources() {
        bench.until(source, Shown::Up, None).await.map_err(|error| format!("before: {error}"))?;
    }
    let source = patient.source(fault);
    let (meanwhile, afterwards) = match patient.sign(fault).await {
        None => (None, None),
        Some(Sign::Meanwhile(sign)) => (Some(sign), None),
        Some(Sign::Afterwards(sign)) => (None, Some(sign)),
    };
    for sign in meanwhile.iter().chain(&afterwards) {
        bench.says_nothing_of(sign).await.map_err(|error| format!("before: {error}"))?;
    }
    let before = bench.footprint();
    bench.reset_peak();

    inject(patient, fault).await;
    let lasting = lasts(bench, source, shown, meanwhile.as_deref()).await;
    heal(patient, fault).await;
    let recovered = bench.until(source, Shown::Up, afterwards.as_deref()).await;

    let peak = bench.footprint().peak;
    let connections = patient.connections().await;
    let moved = if fault == Fault::Failover { return_home(patient).await } else { Ok(()) };
    let recovered = recovered.map_err(|error| format!("after: {error}"))?;
    let detected = lasting.map_err(|error| format!("meanwhile: {error}"))?;
    moved?;
    let overshoot = peak.saturating_sub(before.resident);
    if overshoot > patient.most_overshoot() {
        return Err(format!("a memory peak of {overshoot} MiB"));
    }
    bench.shrinks_to(start.resident + MOST_KEPT, start.descriptors + MOST_LEFT).await?;
    keeps_to_its_budget(patient, &connections)?;
    Ok(Measured { detected, recovered, overshoot })
}

async fn inject(patient: &mut dyn Patient, fault: Fault) {
    for gate in gates(patient, patient.source(fault)) {
        gate.inject(fault).await;
    }
    patient.break_server(fault).await;
}

async fn heal(patient: &mut dyn Patient, fault: Fault) {
    patient.mend_server(fault).await;
    for gate in gates(patient, patient.source(fault)) {
        gate.heal(fault).await;
    }
}

/// Ends a failover, in which the second server has to have been asked.
async fn return_home(patient: &mut dyn Patient) -> Result<(), String> {
    let moved = gates(patient, patient.source(Fault::Failover)).all(Gate::has_moved);
    patient.return_home().await;
    for (_, gate) in patient.gates() {
        gate.return_home().await;
    }
    if moved { Ok(()) } else { Err("the second server was not asked".to_owned()) }
}

/// The ways to the servers of a source.
fn gates<'a>(patient: &'a dyn Patient, source: &'a str) -> impl Iterator<Item = &'a Gate> {
    patient.gates().into_iter().filter(move |(name, _)| *name == source).map(|(_, gate)| gate)
}

/// A fault is shown, and goes on; how long it took to be shown.
async fn lasts(bench: &Bench, source: &str, shown: Shown, sign: Option<&str>) -> Result<Duration, String> {
    let detected = match shown {
        Shown::Up => bench.settles(source).await.map(|()| Duration::ZERO)?,
        _ => bench.until(source, shown, None).await?,
    };
    bench.goes_on(source, shown).await?;
    bench.until_says(sign).await?;
    Ok(detected)
}

fn keeps_to_its_budget(patient: &dyn Patient, connections: &[usize]) -> Result<(), String> {
    let budget = patient.budget();
    for source in patient.sources() {
        let most = gates(patient, source).map(Gate::most).sum::<usize>();
        if most > budget {
            return Err(format!("{source}: {most} connections, more than {budget}"));
        }
    }
    match connections.iter().max() {
        Some(most) if *most > budget => Err(format!("{most} connections to one server, more than {budget}")),
        _ => Ok(()),
    }
}
