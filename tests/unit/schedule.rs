//! The loops and the store, with scripted sources and a paused clock.

mod late;
mod outage;
mod script;
mod spread;
mod targets;

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use platform_core::kind::Parts;
use platform_core::metric::{Format, encode};
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::supervisor::Supervisor;
use platform_exporter::config::Config;
use platform_exporter::schedule::{Build, Schedule};
use platform_exporter::snapshot::{Status, Store};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::script::{Act, Number, Script};
use testkit::exporter::value;
use testkit::wait::eventually;

const DESCRIPTORS: u64 = 60;

struct Running {
    store: Arc<Store>,
    schedule: Schedule,
    _stop: tokio_util::sync::DropGuard,
}

const SOURCES: &str = "
sources:
  a: {postgres: {url: postgres://a}, interval: 10s, timeout: 5s, degraded: {latency: 2s}}
  b: {postgres: {url: postgres://b}, interval: 10s, timeout: 5s}
";

fn configuration(text: &str) -> Config {
    testkit::config::load(text, "platform.yml", &|_| None).unwrap_or_else(|faults| panic!("{faults}"))
}

async fn start(config: &Config, scripts: &[(&str, &Script)], number: Number) -> Running {
    let scripts: BTreeMap<String, Script> =
        scripts.iter().map(|(name, script)| ((*name).to_owned(), (*script).clone())).collect();
    let build: Build = Box::new(move |name, _, _, _| Parts {
        prober: Box::new(scripts[name.as_str()].clone()),
        answers: Some(Box::new(number.clone())),
    });
    let store = Arc::new(Store::new(config, SystemTime::now()));
    let stop = CancellationToken::new();
    let schedule = Schedule::new(
        build,
        Arc::clone(&store),
        Handle::current(),
        TaskTracker::new(),
        stop.clone(),
        Supervisor::new().0,
        DESCRIPTORS,
    );
    schedule.apply(config).await;
    Running { store, schedule, _stop: stop.drop_guard() }
}

impl Running {
    async fn two(a: &Script, b: &Script) -> Self {
        start(&configuration(SOURCES), &[("a", a), ("b", b)], Number::default()).await
    }

    fn status(&self, name: &str) -> (Status, Vec<Reason>) {
        let state = self.store.states().into_iter().find(|(known, _)| known.as_str() == name).unwrap().1;
        (state.status(), state.reasons())
    }

    /// What the source says now.
    fn says(&self, name: &str, series: &str) -> Option<f64> {
        let state = self.store.states().into_iter().find(|(known, _)| known.as_str() == name).unwrap().1;
        value(&encode(&state.exposition(Instant::now().into_std()), Format::Text), series)
    }
}

/// A source that keeps its thread busy until it is let go.
struct Busy {
    begun: Option<oneshot::Sender<()>>,
    let_go: mpsc::Receiver<()>,
}

#[async_trait::async_trait]
impl Prober for Busy {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        if let Some(begun) = self.begun.take() {
            begun.send(()).expect("the test waits for it");
            self.let_go.recv_timeout(Duration::from_secs(60)).expect("the test goes on meanwhile");
        }
        Ok(Observation::default())
    }
}

#[tokio::test]
async fn what_serves_goes_on_while_a_source_takes_the_processor() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let config = configuration("sources: {a: {postgres: {url: postgres://a}}}");
    let store = Arc::new(Store::new(&config, SystemTime::now()));
    let (begun, begins) = oneshot::channel();
    let (let_go, gone) = mpsc::channel();
    let busy = Mutex::new(Some(Busy { begun: Some(begun), let_go: gone }));
    let build: Build = Box::new(move |_, _, _, _| Parts {
        prober: Box::new(busy.lock().take().expect("there is one source")),
        answers: None,
    });
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let schedule = Schedule::new(
        build,
        Arc::clone(&store),
        runtime.handle().clone(),
        tasks,
        stop.clone(),
        Supervisor::new().0,
        DESCRIPTORS,
    );
    schedule.apply(&config).await;
    begins.await.unwrap();
    assert!(!store.is_ready());
    let_go.send(()).unwrap();
    eventually(Duration::from_secs(60), "it is probed", async || store.is_ready()).await;
    stop.cancel();
    runtime.shutdown_background();
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn every_source_is_there_before_it_is_probed() {
    let running = Running::two(&Script::new(Act::Value(1.0)), &Script::new(Act::Hang)).await;
    for name in ["a", "b"] {
        assert_eq!(running.status(name), (Status::Unknown, vec![]));
        assert_eq!(running.says(name, "platform_source_up{kind=\"postgres\"}"), Some(0.0));
        assert_eq!(running.says(name, "pg_up"), Some(0.0));
        assert_eq!(
            running.says(name, "platform_source_status{kind=\"postgres\",status=\"unknown\"}"),
            Some(1.0)
        );
        for reason in Reason::COMMON {
            let series = format!("platform_probe_failures_total{{kind=\"postgres\",reason=\"{reason}\"}}");
            assert_eq!(running.says(name, &series), Some(0.0));
        }
    }
    assert!(!running.store.is_ready());
}

#[tokio::test(start_paused = true)]
async fn what_one_source_does_is_nothing_to_another() {
    let (a, b) = (Script::new(Act::Value(1.0)), Script::new(Act::Panic));
    let running = Running::two(&a, &b).await;
    pass(3).await;
    assert_eq!(running.status("a"), (Status::Up, vec![]));
    assert_eq!(running.status("b"), (Status::Down, vec![Reason::Internal]));
    assert_eq!(running.says("a", "acme_value"), Some(1.0));
    // The one that panicked is probed again, and may be well.
    b.set(Act::Hang);
    pass(16).await;
    assert_eq!(running.status("b"), (Status::Down, vec![Reason::Timeout]));
    b.set(Act::Value(2.0));
    pass(10).await;
    assert_eq!(running.status("b"), (Status::Up, vec![]));
    assert_eq!(running.status("a"), (Status::Up, vec![]));
    assert_eq!(running.says("b", "acme_value"), Some(2.0));
    assert_eq!(a.probes(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_takes_its_families_with_it() {
    let a = Script::new(Act::Value(1.0));
    let running = Running::two(&a, &Script::new(Act::Value(1.0))).await;
    pass(1).await;
    assert_eq!(running.says("a", "acme_value"), Some(1.0));
    a.set(Act::Fail(Reason::Auth));
    pass(10).await;
    assert_eq!(running.says("a", "acme_value"), None);
    assert_eq!(running.says("a", "pg_up"), Some(0.0));
    assert_eq!(running.says("a", "platform_source_problem{kind=\"postgres\",reason=\"auth\"}"), Some(1.0));
    assert_eq!(
        running.says("a", "platform_probe_failures_total{kind=\"postgres\",reason=\"auth\"}"),
        Some(1.0)
    );
    assert_eq!(running.says("b", "acme_value"), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn degraded_is_neither_up_nor_down() {
    let a = Script::new(Act::Degraded(7.0));
    let running = Running::two(&a, &Script::new(Act::Value(1.0))).await;
    pass(1).await;
    assert_eq!(running.status("a"), (Status::Degraded, vec![Reason::Permission]));
    assert_eq!(running.says("a", "acme_value"), Some(7.0));
    assert_eq!(running.says("a", "platform_source_up{kind=\"postgres\"}"), Some(1.0));
    a.set(Act::Slow(Duration::from_secs(3)));
    pass(14).await;
    assert_eq!(running.status("a"), (Status::Degraded, vec![Reason::Slow]));
    a.set(Act::Slow(Duration::from_secs(1)));
    pass(12).await;
    assert_eq!(running.status("a"), (Status::Up, vec![]));
}

/// While nobody listens, retries come soon and then ever later; a source that answers with "no" is left in peace.
#[tokio::test(start_paused = true)]
async fn retries_back_off_up_to_the_interval() {
    let (a, b) = (Script::new(Act::Fail(Reason::Connect)), Script::new(Act::Fail(Reason::Auth)));
    let running = Running::two(&a, &b).await;
    pass(60).await;
    // 1, 2, 4, 8, then at most 10 s apart, less up to a quarter of jitter.
    assert!((8..=12).contains(&a.probes()), "{} probes", a.probes());
    // Soon after the start, then at its regular times.
    assert_eq!(b.probes(), 7);
    a.set(Act::Value(1.0));
    pass(10).await;
    assert_eq!(running.status("a"), (Status::Up, vec![]));
}

/// A moment's failure of a source with a long interval does not count for all of it.
#[tokio::test(start_paused = true)]
async fn every_failure_is_retried_soon_but_for_a_limited_rate() {
    let sources = "
sources:
  a: {postgres: {url: postgres://a}, interval: 5m, timeout: 5s}
  b: {postgres: {url: postgres://b}, interval: 5m, timeout: 5s}
";
    let (a, b) = (Script::new(Act::Fail(Reason::Timeout)), Script::new(Act::Fail(Reason::RateLimited)));
    let running = start(&configuration(sources), &[("a", &a), ("b", &b)], Number::default()).await;
    // After 30 s, then 1, 2 and 4 minutes later, then every 5 minutes.
    for (seconds, probes) in [(25, 1), (10, 2), (60, 3), (120, 4), (240, 5), (300, 6)] {
        pass(seconds).await;
        assert_eq!(a.probes(), probes, "{seconds} s later");
    }
    assert_eq!(b.probes(), 3);
    a.set(Act::Value(1.0));
    pass(300).await;
    assert_eq!((running.status("a"), a.probes()), ((Status::Up, vec![]), 7));
}

#[tokio::test(start_paused = true)]
async fn probes_on_demand_join_the_one_under_way() {
    let a = Script::new(Act::Slow(Duration::from_secs(1)));
    let running = Running::two(&a, &Script::new(Act::Value(1.0))).await;
    let soon = Instant::now() + Duration::from_secs(4);
    let all = tokio::join!(
        running.schedule.probe_now("a", soon),
        running.schedule.probe_now("a", soon),
        running.schedule.probe_now("a", soon),
        running.schedule.probe_now("nobody", soon),
    );
    assert_eq!(all, (Some(true), Some(true), Some(true), None));
    assert_eq!(a.probes(), 1);
    a.set(Act::Hang);
    let soon = Instant::now() + Duration::from_secs(1);
    assert_eq!(
        running.schedule.probe_now("a", soon).await,
        Some(true),
        "what was found just now is good enough"
    );
    pass(1).await;
    let soon = Instant::now() + Duration::from_secs(1);
    assert_eq!(running.schedule.probe_now("a", soon).await, Some(false));
}

/// A part of a source is probed beside its schedule, and changes nothing of what it exports.
#[tokio::test(start_paused = true)]
async fn a_part_of_a_source_has_a_state_of_its_own() {
    let a = Script::new(Act::Value(1.0));
    let sources = "sources: {a: {postgres: {url: postgres://a}, interval: 1h, timeout: 5s}}";
    let running = start(&configuration(sources), &[("a", &a)], Number::default()).await;
    pass(60).await;
    let probes = a.probes();
    assert_eq!((running.status("a"), probes), ((Status::Up, vec![]), 1));
    let part = async |seconds| {
        let soon = Instant::now() + Duration::from_secs(seconds);
        running.schedule.probe_part("a", &["settings".to_owned()], soon).await.unwrap()
    };
    a.set(Act::Fail(Reason::Permission));
    assert_eq!(part(4).await.reasons(), [Reason::Permission]);
    assert_eq!(running.status("a"), (Status::Up, vec![]));
    let (first, second) = tokio::join!(part(4), part(4));
    assert_eq!((first.reasons(), second.reasons()), (vec![Reason::Permission], vec![Reason::Permission]));
    assert_eq!(a.probes(), probes + 1, "it is fresh");
    pass(2).await;
    a.set(Act::Hang);
    assert_eq!(part(1).await.reasons(), [Reason::Timeout]);
    assert_eq!(running.status("a"), (Status::Up, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_result_stays_until_it_is_too_old_and_comes_back_at_once() {
    let config = configuration(&format!(
        "{SOURCES}
queries:
  - name: users
    source: a
    sql: SELECT n
    every: 20s
    max_age: 1h
    metrics: [{{name: acme_users, value: n, help: Users.}}]
"
    ));
    let (a, b) = (Script::new(Act::Value(1.0)), Script::new(Act::Value(1.0)));
    let number = Number::default();
    *number.value.lock() = Some(5.0);
    let running = start(&config, &[("a", &a), ("b", &b)], number.clone()).await;
    let failures = "platform_query_failures_total{query=\"users\",reason=\"query\"}";
    assert_eq!(running.says("a", failures), Some(0.0));
    pass(3).await;
    assert_eq!(running.says("a", "acme_users"), Some(5.0));
    *number.value.lock() = None;
    pass(20).await;
    assert_eq!(running.says("a", "acme_users"), Some(5.0));
    assert_eq!(running.status("a"), (Status::Degraded, vec![Reason::Query]));
    assert_eq!(running.status("b"), (Status::Up, vec![]));
    assert!(running.says("a", failures).unwrap() >= 1.0);
    // After the first failure a query is put again sooner than after a success.
    *number.value.lock() = Some(6.0);
    pass(11).await;
    assert_eq!(running.says("a", "acme_users"), Some(6.0));
    assert_eq!(running.status("a"), (Status::Up, vec![]));
    // How old it is depends on the time that has passed, and not on what somebody sets the clock to.
    *number.value.lock() = None;
    pass(3580).await;
    assert_eq!(running.says("a", "acme_users"), Some(6.0));
    pass(40).await;
    assert_eq!(running.says("a", "acme_users"), None);
    assert_eq!(running.status("a"), (Status::Degraded, vec![Reason::Query, Reason::Stale]));
}
