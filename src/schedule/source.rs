//! The loop of one source: probe, record, wait.

use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::setting::SourceName;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::recorder::Recorder;
use super::timetable::Timetable;
use crate::config::Source;
use crate::snapshot::SourceState;

/// Delay before the first retry of an unreachable source, on which a retry puts no load.
const FIRST_RETRY_UNREACHABLE: Duration = Duration::from_secs(1);

/// Delay before the first retry after any other failure: one that lasted a moment must not count for a long interval.
const FIRST_RETRY: Duration = Duration::from_secs(30);

/// A client that waits for a probe of a source to end.
pub(super) type Waiter = oneshot::Sender<()>;

/// Where probes of a source are requested.
#[derive(Clone)]
pub(super) struct ProbeRequests {
    pub(super) sender: mpsc::Sender<Waiter>,
    /// A result younger than this is reused.
    pub(super) fresh_for: Duration,
}

pub(super) struct SourceLoop {
    name: SourceName,
    timetable: Timetable,
    interval: Duration,
    timeout: Duration,
    prober: Box<dyn Prober>,
    recorder: Recorder,
    requests: mpsc::Receiver<Waiter>,
    unreachable: Backoff,
    failing: Backoff,
}

impl SourceLoop {
    pub(super) fn new(
        name: SourceName,
        timetable: Timetable,
        source: &Source,
        prober: Box<dyn Prober>,
        recorder: Recorder,
        requests: mpsc::Receiver<Waiter>,
    ) -> Self {
        let (interval, timeout) = (source.interval, source.timeout);
        let (unreachable, failing) = (Backoff::new(FIRST_RETRY_UNREACHABLE), Backoff::new(FIRST_RETRY));
        Self { name, timetable, interval, timeout, prober, recorder, requests, unreachable, failing }
    }

    pub(super) async fn run(mut self) {
        let mut next = self.timetable.first;
        loop {
            let waiter = tokio::select! {
                () = tokio::time::sleep_until(next) => None,
                waiter = self.requests.recv() => waiter,
            };
            let started = Instant::now();
            let result = probe_once(self.prober.as_mut(), self.timeout).await;
            if waiter.is_some() {
                self.timetable.restart(started);
            }
            next = self.next(started, &result);
            let due = next + self.timeout;
            let took = started.elapsed();
            take_in(result, |result| self.record(result, took, due));
            // Requests that came in during the probe have joined it.
            let joined = std::iter::from_fn(|| self.requests.try_recv().ok());
            for waiter in waiter.into_iter().chain(joined) {
                // The client may have gone meanwhile.
                let _ = waiter.send(());
            }
        }
    }

    fn record(&self, result: Result<Observation, Problem>, took: Duration, due: Instant) {
        let Some(encoder) = self.recorder.store.look(&self.name, SourceState::encoder) else { return };
        let result = result.map(|observation| encoder.probe(observation));
        self.recorder.record(&self.name, |state| {
            state.expect_probe(Instant::now().into_std(), due.into_std());
            state.probed(result, took, SystemTime::now())
        });
    }

    /// When the next probe starts: at its regular time, or sooner after a failure. A source that limits the rate of its
    /// callers is left alone for a whole interval.
    fn next(&mut self, started: Instant, result: &Result<Observation, Problem>) -> Instant {
        let failure = match result {
            Ok(observation) => observation.failure.as_ref(),
            Err(problem) => Some(problem),
        };
        let reason = failure.map(|problem| problem.reason);
        let retry = match reason {
            None | Some(Reason::RateLimited) => {
                self.unreachable.reset();
                self.failing.reset();
                None
            }
            // Sources that went down together do not come back together.
            Some(Reason::Connect | Reason::Dns) => {
                let delay = self.unreachable.failed(self.interval);
                delay.map(|delay| delay.mul_f64(0.75 + 0.25 * fastrand::f64()))
            }
            Some(_) => self.failing.failed(self.interval),
        };
        if reason == Some(Reason::RateLimited) {
            self.timetable.restart(started);
        }
        retry.map_or_else(|| self.timetable.after(started), |delay| started + delay)
    }
}

/// Records a result. If that panics, so it is recorded.
pub(super) fn take_in(result: Result<Observation, Problem>, record: impl Fn(Result<Observation, Problem>)) {
    if panic::catch_unwind(AssertUnwindSafe(|| record(result))).is_err() {
        record(Err(Problem::new(Reason::Internal, "cannot process the probe's result")));
    }
}

/// Runs one probe under its deadline. A panic in it affects only this source.
///
/// # Errors
/// Why the source is down.
pub(super) async fn probe_once(prober: &mut dyn Prober, timeout: Duration) -> Result<Observation, Problem> {
    let probe = AssertUnwindSafe(prober.probe()).catch_unwind();
    match tokio::time::timeout(timeout, probe).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Problem::new(Reason::Internal, "the prober panicked")),
        Err(_) => Err(Problem::new(Reason::Timeout, format!("no answer within {timeout:?}"))),
    }
}

/// How long a source may take to say goodbye.
const LEAVING: Duration = Duration::from_secs(1);

/// As [`probe_once`], for a command that runs no other probe.
pub async fn probe_and_leave(prober: &mut dyn Prober, timeout: Duration) -> Result<Observation, Problem> {
    let result = probe_once(prober, timeout).await;
    // In vain if the source hangs: the connection ends with the process.
    let _ = tokio::time::timeout(LEAVING, prober.leave()).await;
    result
}
