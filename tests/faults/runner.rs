//! One cell: a fault comes, is shown, lasts and goes.

use std::time::Duration;

use super::bench::{Bench, Footprint};
use super::gate::{Gate, World};
use super::kinds::{Kind, KindUnderTest, Sign};
use super::matrix::{Fault, Shown};
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

/// What was measured of one cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) detected: Duration,
    pub(crate) recovered: Duration,
    /// The peak of memory over what was there before, in MiB.
    pub(crate) overshoot: u64,
}

/// A kind with its servers, and the exporter that watches them.
pub(crate) struct Running {
    target: Box<dyn KindUnderTest>,
    bench: Bench,
    start: Footprint,
}

impl Running {
    /// Starts the servers and the exporter, and waits until the sources are well.
    pub(crate) async fn start(kind: &Kind, world: &World) -> Self {
        let target = (kind.start)(world).await;
        let options = Exporter::options(&config(target.as_ref(), world)).resolver(world.dns.address());
        let bench = Bench::new(options.start().await, kind.name);
        bench.first_look(target.sources()).await.unwrap_or_else(|error| panic!("at the start: {error}"));
        Self { target, start: bench.footprint(), bench }
    }

    /// Runs a cell, in which the source shows this.
    pub(crate) async fn run(&mut self, fault: Fault, shown: Shown) -> Result<Measured, String> {
        let Self { target, bench, start } = self;
        let target = target.as_mut();
        let source = target.source(fault);
        let (meanwhile, afterwards) = match target.sign(fault).await {
            None => (None, None),
            Some(Sign::Meanwhile(sign)) => (Some(sign), None),
            Some(Sign::Afterwards(sign)) => (None, Some(sign)),
        };
        before(bench, target.sources(), meanwhile.iter().chain(&afterwards))
            .await
            .map_err(|error| format!("before: {error}"))?;
        let resident = bench.footprint().resident;
        bench.reset_peak();

        inject(target, fault).await;
        let lasting = lasts(bench, source, shown, meanwhile.as_deref()).await;
        heal(target, fault).await;
        let recovered = bench.until(source, Shown::Up, afterwards.as_deref()).await;

        let peak = bench.footprint().peak;
        let connections = target.connections().await;
        let moved = if fault == Fault::Failover { return_home(target).await } else { Ok(()) };
        let detected = lasting.map_err(|error| format!("meanwhile: {error}"))?;
        let recovered = recovered.map_err(|error| format!("after: {error}"))?;
        moved?;
        let overshoot = peak.saturating_sub(resident);
        if overshoot > target.most_overshoot() {
            return Err(format!("a memory peak of {overshoot} MiB"));
        }
        bench.shrinks_to(start.resident + MOST_KEPT, start.descriptors + MOST_LEFT).await?;
        keeps_to_its_budget(target, &connections)?;
        Ok(Measured { detected, recovered, overshoot })
    }
}

fn config(target: &dyn KindUnderTest, world: &World) -> String {
    let mut config = format!(
        "sources:\n  {WITNESS}:\n    http: {{url: 'http://{}/'}}\n    interval: {every}s\n    timeout: {every}s\n",
        world.witness(),
        every = WITNESS_INTERVAL.as_secs(),
    );
    config.push_str(&target.config());
    config
}

/// The sources are well, and no sign is there yet.
async fn before(bench: &Bench, sources: &[&str], signs: impl Iterator<Item = &String>) -> Result<(), String> {
    for source in sources {
        bench.comes_up(source).await?;
    }
    for sign in signs {
        bench.says_nothing_of(sign).await?;
    }
    Ok(())
}

async fn inject(target: &mut dyn KindUnderTest, fault: Fault) {
    for gate in gates(target, target.source(fault)) {
        gate.inject(fault).await;
    }
    target.break_server(fault).await;
}

async fn heal(target: &mut dyn KindUnderTest, fault: Fault) {
    target.heal_server(fault).await;
    for gate in gates(target, target.source(fault)) {
        gate.heal(fault).await;
    }
}

/// Ends a failover, in which the second server has to have been asked.
async fn return_home(target: &mut dyn KindUnderTest) -> Result<(), String> {
    let moved = gates(target, target.source(Fault::Failover)).all(Gate::has_moved);
    target.return_home().await;
    for (_, gate) in target.gates() {
        gate.return_home().await;
    }
    if moved { Ok(()) } else { Err("the second server was not asked".to_owned()) }
}

/// The ways to the servers of a source.
fn gates<'a>(target: &'a dyn KindUnderTest, source: &'a str) -> impl Iterator<Item = &'a Gate> {
    target.gates().into_iter().filter(move |(name, _)| *name == source).map(|(_, gate)| gate)
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

fn keeps_to_its_budget(target: &dyn KindUnderTest, connections: &[usize]) -> Result<(), String> {
    let budget = target.budget();
    for source in target.sources() {
        let most = gates(target, source).map(Gate::most).sum::<usize>();
        if most > budget {
            return Err(format!("{source}: {most} connections, more than {budget}"));
        }
    }
    match connections.iter().max() {
        Some(most) if *most > budget => Err(format!("{most} connections to one server, more than {budget}")),
        _ => Ok(()),
    }
}
