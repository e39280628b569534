//! The loop of one declared query: run, read, record, wait.

use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future;
use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Ask, Columns, Declared, Reading, ResultSet, Rows, WantedAnswer, count_distinct};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Lanes;
use super::backoff::Backoff;
use super::debug_log;
use super::recorder::Recorder;
use super::timetable::Timetable;
use crate::snapshot::{EncodedResult, Event, LATE_AFTER, QueryRun, SourceState, Store};

/// Delay before the first retry of a failed query or roll-up.
pub(super) const FIRST_RETRY: Duration = Duration::from_secs(5);

/// `lanes` are those of the sources that it runs on, and `recoveries` wake those that wait for such a source.
pub(super) async fn run(
    declared: Declared,
    lanes: Lanes,
    recoveries: Vec<Arc<Notify>>,
    recorder: Recorder,
    timetable: Timetable,
) {
    let mut reading = Reading::new(Arc::new(declared.spec.clone()));
    let (mut next, mut backoff) = (timetable.first, Backoff::new(FIRST_RETRY));
    let (every, mut waits_for_source) = (declared.every.get(), false);
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(next) => (),
            () = any(&recoveries), if waits_for_source => (),
        }
        let started = Instant::now();
        let mut running = pin!(timed(&declared, &lanes, started + every));
        let (rows, duration) = match tokio::time::timeout_at(started + every + LATE_AFTER, &mut running).await
        {
            Ok(answer) => answer,
            Err(_) => {
                record(&declared, &recorder, |state, name| {
                    state.query_is_late(name, every, started.into_std(), SystemTime::now())
                });
                running.await
            }
        };
        let waited = started.elapsed().saturating_sub(duration);
        debug_log::query_ended(&declared, &rows, waited, duration);
        waits_for_source = rows.as_ref().is_err_and(|problem| problem.reason.may_be_an_outage());
        let read = AssertUnwindSafe(|| rows.and_then(|rows| read(&mut reading, rows)));
        let result = panic::catch_unwind(read).unwrap_or_else(|_| Err(unusable()));
        let retry = backoff.ended(result.is_ok(), every);
        next = retry.map_or_else(|| timetable.after(started), |delay| started + delay);
        let max_age = declared.max_age.get();
        let ended = Instant::now().into_std();
        let run = |result| QueryRun { result, waited, duration, every, max_age, ended };
        let encode = || encoded(&declared, result, &recorder.store);
        let taken = AssertUnwindSafe(|| take_in(&declared, run(encode()), &recorder));
        if panic::catch_unwind(taken).is_err() {
            take_in(&declared, run(Err(unusable())), &recorder);
        }
    }
}

/// Waits until a source has recovered.
async fn any(recoveries: &[Arc<Notify>]) {
    future::select_all(recoveries.iter().map(|recovered| Box::pin(recovered.notified()))).await;
}

fn read(reading: &mut Reading, rows: Rows) -> Result<ResultSet, Problem> {
    let read = large::in_place(rows.size(), || reading.read(rows));
    read.map_err(|error| Problem::new(Reason::Query, error))
}

fn encoded(
    declared: &Declared,
    result: Result<ResultSet, Problem>,
    store: &Store,
) -> Result<EncodedResult, Problem> {
    let encoder = store.look(declared.ask.source(), |state| state.encoder_of(&declared.spec.name));
    let encoded = |result| encoder.map(|encoder| encoder.query(result)).unwrap_or_default();
    result.map(encoded)
}

fn take_in(declared: &Declared, run: QueryRun, recorder: &Recorder) {
    record(declared, recorder, |state, name| state.queried(name, run, SystemTime::now()));
}

fn record(
    declared: &Declared,
    recorder: &Recorder,
    change: impl FnOnce(&mut SourceState, &str) -> Option<Event>,
) {
    recorder.record(declared.ask.source(), |state| change(state, &declared.spec.name));
}

fn unusable() -> Problem {
    Problem::new(Reason::Internal, "the code that reads the result panicked")
}

/// Runs a declared query once. Also returns how long the source took.
///
/// # Errors
/// The source's error; for `distinct`, that of the first part that fails.
pub async fn ask(declared: &Declared, lanes: &Lanes) -> (Result<Rows, Problem>, Duration) {
    let (rows, duration) = timed(declared, lanes, Instant::now() + declared.every.get()).await;
    let lacks_a_column = rows.as_ref().is_ok_and(|rows| lacks_a_column(&declared.spec.columns(), rows));
    match &declared.ask {
        // Whoever has misspelt one looks for it among all that there are.
        Ask::One { source, question } if lacks_a_column => {
            let all = lanes[source].ask(question, &Columns::All, declared.timeout.get()).await;
            (all.or(rows), duration)
        }
        _ => (rows, duration),
    }
}

fn lacks_a_column(wanted: &Columns, rows: &Rows) -> bool {
    let Columns::Named(names) = wanted else { return false };
    !rows.rows.is_empty() && names.iter().any(|name| rows.column(name).is_none())
}

/// How its source runs a declared query: a row for each step.
///
/// # Errors
/// The source's error.
pub async fn plan(declared: &Declared, lanes: &Lanes) -> Result<Rows, Problem> {
    match &declared.ask {
        Ask::One { source, question } => {
            let plan = question.wanting(WantedAnswer::Plan);
            lanes[source].ask(&plan, &Columns::All, declared.timeout.get()).await
        }
        Ask::Distinct(_) => Ok(Rows::default()),
    }
}

/// Runs a declared query once, which should have ended when it is `due`. Also returns how long the source took; for
/// `distinct`, the slowest source.
async fn timed(declared: &Declared, lanes: &Lanes, due: Instant) -> (Result<Rows, Problem>, Duration) {
    let timeout = declared.timeout.get();
    match &declared.ask {
        Ask::One { source, question } => {
            lanes[source].timed(question, &declared.spec.columns(), timeout, due).await
        }
        Ask::Distinct(parts) => {
            let asked = parts.iter().map(async |part| {
                let (rows, duration) =
                    lanes[&part.source].timed(&part.question, &Columns::First, timeout, due).await;
                (rows.map_err(|problem| problem.context(&part.source)), duration)
            });
            let (rows, durations): (Vec<_>, Vec<_>) = future::join_all(asked).await.into_iter().unzip();
            let count = |rows: Vec<Rows>| {
                large::in_place(rows.iter().map(Rows::size).sum(), move || count_distinct(parts, &rows))
            };
            (
                rows.into_iter().collect::<Result<_, _>>().map(count),
                durations.into_iter().max().unwrap_or_default(),
            )
        }
    }
}
