//! The sources of a configuration, on one thread of this process as in the exporter, and how long any of them keeps that
//! thread from the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use nix::libc::{clockid_t, pid_t};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::gettid;
use platform_core::metric::Format;
use platform_core::supervisor::Supervisor;
use platform_exporter::schedule::{Schedule, by_kind};
use platform_exporter::snapshot::{Coding, Store};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::exporter::value;
use super::wait::eventually;

/// No source may keep the others waiting for longer.
pub const LONGEST: Duration = Duration::from_millis(50);

/// Tests are not optimized, and share the machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

const DESCRIPTORS: u64 = 1_000;

/// Running sources.
pub struct Turns {
    store: Arc<Store>,
    /// In nanoseconds.
    longest: Arc<AtomicU64>,
    runtime: Option<Runtime>,
    _schedule: Schedule,
    _stop: DropGuard,
}

/// A moment in the processor time of a thread, which the load of the machine does not change.
struct Moment {
    thread: pid_t,
    time: Duration,
}

impl Moment {
    /// Now, on this thread.
    fn now() -> Self {
        let thread = gettid().as_raw();
        Self { thread, time: processor_time(thread).expect("it runs") }
    }

    /// How much its thread has done since. Nothing is known of a thread that has ended.
    fn elapsed(&self) -> Duration {
        processor_time(self.thread).unwrap_or_default().saturating_sub(self.time)
    }
}

/// The processor time of a thread of this process.
fn processor_time(thread: pid_t) -> Option<Duration> {
    // As pthread_getcpuclockid: CPUCLOCK_PERTHREAD_MASK and CPUCLOCK_SCHED.
    let clock: clockid_t = (!thread << 3) | 6;
    clock_gettime(ClockId::from_raw(clock)).ok().map(Into::into)
}

impl Turns {
    /// Starts the sources of a configuration.
    pub async fn start(config: &str) -> Self {
        super::install_ring();
        let config = super::config::load(config, "platform.yml", &|_| None);
        let config = config.unwrap_or_else(|faults| panic!("{faults}"));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let (store, stop) = (Arc::new(Store::new(&config, SystemTime::now())), CancellationToken::new());
        let longest = Arc::<AtomicU64>::default();
        runtime.spawn(watch(Arc::clone(&longest)));
        let schedule = Schedule::new(
            by_kind(Arc::default(), |_| None, None),
            Arc::clone(&store),
            runtime.handle().clone(),
            TaskTracker::new(),
            stop.clone(),
            Supervisor::new().0,
            DESCRIPTORS,
        );
        schedule.apply(&config).await;
        tokio::spawn(Arc::clone(&store).keep_published());
        Self { store, longest, runtime: Some(runtime), _schedule: schedule, _stop: stop.drop_guard() }
    }

    /// The longest time for which the thread was not available to others, in its processor time.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest.load(Ordering::Relaxed))
    }

    /// Waits for the first result of a query, and returns how long the thread was not available meanwhile.
    pub async fn until_answered(&self, source: &str, query: &str) -> Duration {
        let series = format!("platform_query_series{{source=\"{source}\",query=\"{query}\"}}");
        self.wait_until(&series, |series| series > 0.0).await;
        self.longest()
    }

    /// Waits for such a value of a series on `/metrics`.
    pub async fn wait_until(&self, series: &str, is_such: impl Fn(f64) -> bool) {
        eventually(PATIENCE, series, async || self.value(series).is_some_and(&is_such)).await;
    }

    /// The value of a series on `/metrics`.
    pub fn value(&self, series: &str) -> Option<f64> {
        let page = self.store.current().body(Format::Text, Coding::Identity).concat();
        value(std::str::from_utf8(&page).expect("it is text"), series)
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Takes a turn whenever there is one.
async fn watch(longest: Arc<AtomicU64>) {
    let mut last = Moment::now();
    loop {
        // Another thread may go on for the last one, if that has work to do beside.
        let elapsed = u64::try_from(last.elapsed().as_nanos()).unwrap_or(u64::MAX);
        longest.fetch_max(elapsed, Ordering::Relaxed);
        last = Moment::now();
        tokio::task::yield_now().await;
    }
}
