//! Probes of targets that clients name: each has a prober, which keeps its connection from one scrape to the next.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use platform_core::probe::Prober;
use platform_core::setting::SourceName;
use tokio::time::Instant;

use super::assembly::{Build, Lanes};
use super::loops::Loops;
use super::parts::{self, ChosenParts, CollectorChoice};
use super::refusal::ProbeRefusal;
use crate::config::{Module, ProbeTarget};
use crate::snapshot::SourceState;

/// A target that was not scraped for this long is forgotten, and its connection closed.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(300);

/// How often forgotten targets are looked for.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// More than the targets that a Prometheus scrapes through one exporter have.
const MOST_CONNECTIONS: u64 = 10_000;

/// Those of a connection, with those of a driver's own.
const DESCRIPTORS_OF_A_CONNECTION: u64 = 3;

/// The targets that were scraped lately.
pub(super) struct Fleet {
    modules: ArcSwap<BTreeMap<SourceName, Module>>,
    members: Mutex<Members>,
    /// How many connections the targets may have.
    most: u64,
}

type Members = HashMap<(SourceName, ProbeTarget), Member>;

struct Member {
    target: Arc<Target>,
    /// The fingerprint of the module of which it was made.
    module: u64,
    used: Instant,
}

/// A target that is probed.
struct Target {
    timeout: Duration,
    connections: u64,
    parts: Mutex<ChosenParts>,
    /// Locked during a probe.
    prober: Arc<tokio::sync::Mutex<Box<dyn Prober>>>,
}

impl Fleet {
    /// A fleet without targets, which takes at most half of these file descriptors.
    pub(super) fn new(descriptors: u64) -> Self {
        let most = (descriptors / 2 / DESCRIPTORS_OF_A_CONNECTION).min(MOST_CONNECTIONS);
        Self { modules: ArcSwap::default(), members: Mutex::default(), most }
    }

    /// Replaces the modules. The targets of those that changed start over.
    pub(super) fn apply(&self, modules: &BTreeMap<SourceName, Module>) {
        self.modules.store(Arc::new(modules.clone()));
        self.retain(|(name, _), member| {
            modules.get(name).is_some_and(|module| module.fingerprint == member.module)
        });
    }

    /// Forgets the targets that are no longer scraped.
    pub(super) fn sweep(&self) {
        self.retain(|_, member| member.used.elapsed() < FORGOTTEN_AFTER);
    }

    fn retain(&self, stays: impl Fn(&(SourceName, ProbeTarget), &Member) -> bool) {
        let gone: Vec<Member> = {
            let mut members = self.members.lock();
            let gone = members.iter().filter(|(key, member)| !stays(key, member)).map(|(key, _)| key.clone());
            let gone: Vec<_> = gone.collect();
            gone.iter().filter_map(|key| members.remove(key)).collect()
        };
        // Clients do not wait while connections are closed.
        drop(gone);
    }

    /// Probes a target, or joins the probe in progress, and waits for its end until the deadline.
    pub(super) async fn probe(
        &self,
        module: &str,
        target: ProbeTarget,
        collect: &[String],
        deadline: Instant,
        loops: &Loops,
    ) -> Result<SourceState, ProbeRefusal> {
        let target = self.target(module, target, &loops.build)?;
        let choice = target.parts.lock().choose(collect)?;
        let started = Instant::now();
        let probed =
            tokio::time::timeout_at(deadline, Arc::clone(&target).probed(choice.clone(), loops)).await;
        let late_after = probed.is_err().then(|| started.elapsed());
        Ok(target.parts.lock().state(&choice, late_after))
    }

    fn target(&self, module: &str, target: ProbeTarget, build: &Build) -> Result<Arc<Target>, ProbeRefusal> {
        let modules = self.modules.load();
        let no_module = || ProbeRefusal::NoModule(module.to_owned());
        let (name, module) = modules.get_key_value(module).ok_or_else(no_module)?;
        if !module.allows(&target) {
            return Err(ProbeRefusal::NotAllowed { module: name.to_string(), target });
        }
        let key = (name.clone(), target);
        if let Some(member) = self.members.lock().get_mut(&key)
            && member.module == module.fingerprint
        {
            member.used = Instant::now();
            return Ok(Arc::clone(&member.target));
        }
        let made = Arc::new(Target::new(name, module, &key.1, build)?);
        let mut members = self.members.lock();
        while connections(&members) + made.connections > self.most {
            if !forget_one(&mut members) {
                return Err(ProbeRefusal::TooMany(self.most));
            }
        }
        let member = Member { target: Arc::clone(&made), module: module.fingerprint, used: Instant::now() };
        drop(members.insert(key, member));
        Ok(made)
    }
}

fn connections(members: &Members) -> u64 {
    members.values().map(|member| member.target.connections).sum()
}

/// Makes room: who names addresses where nothing answers cannot keep out the targets that are there.
fn forget_one(members: &mut Members) -> bool {
    let silent = members.iter().filter(|(_, member)| !member.target.parts.lock().has_answered());
    let oldest = silent.min_by_key(|(_, member)| member.used).map(|(key, _)| key.clone());
    oldest.is_some_and(|key| members.remove(&key).is_some())
}

impl Target {
    fn new(
        name: &SourceName,
        module: &Module,
        target: &ProbeTarget,
        build: &Build,
    ) -> Result<Self, ProbeRefusal> {
        let source = module.source(target).map_err(ProbeRefusal::Unusable)?;
        Ok(Self {
            timeout: source.timeout,
            connections: source.config.definition().connections(),
            parts: Mutex::new(ChosenParts::new(format!("{name}/{target}"), name, &source)),
            prober: Arc::new(tokio::sync::Mutex::new(build(name, &source, &[], &Lanes::new()).prober)),
        })
    }

    /// Ends when there is a fresh result. The probe itself goes on if the client goes away.
    async fn probed(self: Arc<Self>, choice: CollectorChoice, loops: &Loops) {
        let mut prober = Arc::clone(&self.prober).lock_owned().await;
        let (stop, log) = (loops.stop.clone(), Arc::clone(&loops.recorder.log));
        let probe = async move {
            parts::probe(prober.as_mut(), &self.parts, &choice, self.timeout, &log).await;
        };
        let probe = async move { stop.run_until_cancelled(probe).await.unwrap_or_default() };
        // A panic has been caught, so it ends.
        let _ = loops.tasks.spawn_on(probe, &loops.runtime).await;
    }
}
