//! The loop of one source: probe, record, wait.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::setting::SourceName;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tracing::Instrument;

use super::backoff::Backoff;
use super::debug_log;
use super::parts::{self, ChosenParts, CollectorChoice};
use super::probe_once::{failure_of, probe_once, take_in};
use super::recorder::Recorder;
use super::refusal::ProbeRefusal;
use super::timetable::Timetable;
use crate::config::Source;
use crate::snapshot::SourceState;

/// Delay before the first retry of an unreachable source, on which a retry puts no load.
const FIRST_RETRY_UNREACHABLE: Duration = Duration::from_secs(1);

/// Delay before the first retry after any other failure: one that lasted a moment must not count for a long interval.
const FIRST_RETRY: Duration = Duration::from_secs(30);

/// A client that waits for a probe of a source to end.
pub(super) type Waiter = oneshot::Sender<()>;

/// Capacity of the queues of requests.
const WAITERS: usize = 32;

/// Where probes of a source are requested.
#[derive(Clone)]
pub(super) struct ProbeRequests {
    pub(super) sender: mpsc::Sender<Waiter>,
    /// A result younger than this is reused.
    pub(super) fresh_for: Duration,
    parts_sender: mpsc::Sender<PartRequest>,
    parts: Arc<Mutex<ChosenParts>>,
}

/// A client that waits for a probe of what it has chosen.
struct PartRequest {
    choice: CollectorChoice,
    ended: Waiter,
}

/// The receiving end of [`ProbeRequests`].
pub(super) struct RequestInbox {
    whole: mpsc::Receiver<Waiter>,
    of_parts: mpsc::Receiver<PartRequest>,
    parts: Arc<Mutex<ChosenParts>>,
}

/// The two ends of the requests to a source.
pub(super) fn requests(
    name: &SourceName,
    source: &Source,
    fresh_for: Duration,
) -> (ProbeRequests, RequestInbox) {
    let (sender, whole) = mpsc::channel(WAITERS);
    let (parts_sender, of_parts) = mpsc::channel(WAITERS);
    let parts = Arc::new(Mutex::new(ChosenParts::new(name.to_string(), name, source)));
    let inbox = RequestInbox { whole, of_parts, parts: Arc::clone(&parts) };
    (ProbeRequests { sender, fresh_for, parts_sender, parts }, inbox)
}

impl ProbeRequests {
    /// Probes these collectors, and waits for the end of the probe until the deadline.
    pub(super) async fn part(
        &self,
        collect: &[String],
        deadline: Instant,
    ) -> Result<SourceState, ProbeRefusal> {
        let choice = self.parts.lock().choose(collect)?;
        let started = Instant::now();
        let (ended, end) = oneshot::channel();
        let request = PartRequest { choice: choice.clone(), ended };
        let probe = async {
            self.parts_sender.send(request).await.ok()?;
            end.await.ok()
        };
        let in_time = matches!(tokio::time::timeout_at(deadline, probe).await, Ok(Some(())));
        let late_after = (!in_time).then(|| started.elapsed());
        Ok(self.parts.lock().state(&choice, late_after))
    }
}

pub(super) struct SourceLoop {
    name: SourceName,
    timetable: Timetable,
    interval: Duration,
    timeout: Duration,
    prober: Box<dyn Prober>,
    recorder: Recorder,
    requests: RequestInbox,
    /// Wakes the queries that fail because this source does.
    recovered: Arc<Notify>,
    is_down: bool,
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
        requests: RequestInbox,
        recovered: Arc<Notify>,
    ) -> Self {
        let (interval, timeout) = (source.interval, source.timeout);
        let (unreachable, failing) = (Backoff::new(FIRST_RETRY_UNREACHABLE), Backoff::new(FIRST_RETRY));
        Self {
            name,
            timetable,
            interval,
            timeout,
            prober,
            recorder,
            requests,
            recovered,
            is_down: false,
            unreachable,
            failing,
        }
    }

    pub(super) async fn run(mut self) {
        let mut next = self.timetable.first;
        loop {
            let waiter = tokio::select! {
                // The schedule comes first.
                biased;
                () = tokio::time::sleep_until(next) => None,
                waiter = self.requests.whole.recv() => waiter,
                Some(request) = self.requests.of_parts.recv() => {
                    self.probe_part(request).await;
                    continue;
                }
            };
            let started = Instant::now();
            let span = tracing::debug_span!("probe", source = %self.name);
            let result = probe_once(self.prober.as_mut(), self.timeout).instrument(span.clone()).await;
            span.in_scope(|| debug_log::probe_ended(&result, started.elapsed()));
            if waiter.is_some() {
                self.timetable.restart(started);
            }
            let failure = failure_of(&result).map(|problem| problem.reason);
            let has_recovered = std::mem::replace(&mut self.is_down, failure.is_some()) && failure.is_none();
            next = self.next(started, failure);
            let took = started.elapsed();
            take_in(result, |result| self.record(result, took, next));
            if has_recovered {
                self.recovered.notify_waiters();
            }
            // Requests that came in during the probe have joined it.
            let joined = std::iter::from_fn(|| self.requests.whole.try_recv().ok());
            for waiter in waiter.into_iter().chain(joined) {
                // The client may have gone meanwhile.
                let _ = waiter.send(());
            }
        }
    }

    async fn probe_part(&mut self, PartRequest { choice, ended }: PartRequest) {
        if !ended.is_closed() {
            let (parts, log) = (&self.requests.parts, &self.recorder.log);
            parts::probe(self.prober.as_mut(), parts, &choice, self.timeout, log).await;
            // The client may have gone meanwhile.
            let _ = ended.send(());
        }
    }

    fn record(&self, result: Result<Observation, Problem>, took: Duration, next: Instant) {
        let Some(encoder) = self.recorder.store.look(&self.name, SourceState::encoder) else { return };
        let result = result.map(|observation| encoder.probe(observation));
        self.recorder.record(&self.name, |state| {
            // The probe of a part may come before the next one.
            state.expect_probe(Instant::now().into_std(), next.into_std(), 2 * self.timeout);
            state.probed(result, took, SystemTime::now())
        });
    }

    /// When the next probe starts: at its regular time, or sooner after a failure. A source that limits the rate of its
    /// callers is left alone for a whole interval.
    fn next(&mut self, started: Instant, failure: Option<Reason>) -> Instant {
        let retry = match failure {
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
        if failure == Some(Reason::RateLimited) {
            self.timetable.restart(started);
        }
        retry.map_or_else(|| self.timetable.after(started), |delay| started + delay)
    }
}
