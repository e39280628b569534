//! One probe under its deadline.

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use futures_util::FutureExt;
use platform_core::probe::{Observation, Prober, Problem, Reason};

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

/// Why the source counts as down, if it does.
pub fn failure_of(result: &Result<Observation, Problem>) -> Option<&Problem> {
    match result {
        Ok(observation) => observation.failure.as_ref(),
        Err(problem) => Some(problem),
    }
}
