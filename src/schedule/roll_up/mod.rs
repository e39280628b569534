//! The loop of a roll-up: observe values that no table has, and write the days that are due.

mod days;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::{FutureExt, future};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use kind_postgres::{Day, Observed, Writing};
use parking_lot::Mutex;
use platform_core::deadline::Deadline;
use platform_core::probe::{Problem, Reason};
use platform_core::setting::{SourceName, TimeZone};
use tokio::time::Instant;

use self::days::{Maxima, due};
use super::backoff::Backoff;
use super::query::FIRST_RETRY;
use crate::config::{Config, RollUp};
use crate::snapshot::{RollUpEvent, RollUpRun, Store};

/// A day is still rewritten for this long after its end, so that late rows count.
const LATE: SignedDuration = SignedDuration::from_hours(1);
/// The first run of a new day starts this long after midnight, to avoid the rush of other jobs.
const AFTER_MIDNIGHT: SignedDuration = SignedDuration::from_secs(10);
/// How often observed values are checked; queries run less often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One roll-up with its state outside the table: observed values, and which days are final.
pub struct RollUpKeeper {
    roll_up: RollUp,
    maxima: Arc<Mutex<Maxima>>,
    settled: Option<Date>,
}

impl RollUpKeeper {
    /// A keeper without state. No network access.
    pub fn new(roll_up: RollUp) -> Self {
        Self { roll_up, maxima: Arc::default(), settled: None }
    }

    /// Records a value of an observed column.
    pub fn see(&self, column: usize, value: f64, at: Timestamp) {
        let day = self.roll_up.config.time_zone.day(at);
        self.maxima.lock().see(day, column, value);
    }

    /// Writes every day that is due at this moment. Stops at the first failure; the next run resumes there.
    pub async fn run(&mut self, now: Timestamp) -> RollUpRun {
        let started = Instant::now();
        let mut written = 0;
        let run = AssertUnwindSafe(self.write_due(now, &mut written)).catch_unwind().await;
        let result = run.unwrap_or_else(|_| Err(Problem::new(Reason::Internal, "the roll-up panicked")));
        RollUpRun { written, problem: result.err(), duration: started.elapsed() }
    }

    async fn write_due(&mut self, now: Timestamp, written: &mut u64) -> Result<(), Problem> {
        let Self { roll_up: RollUp { table, config, .. }, maxima, settled } = self;
        let today = config.time_zone.day(now);
        let first = today.saturating_sub(i64::from(config.back_fill).days());
        maxima.lock().forget_before(first);
        let deadline = || Deadline::within(config.timeout);
        let end = deadline();
        let mut writing = within(end, Writing::open(table, config, end)).await?;
        let end = deadline();
        let present = within(end, writing.days(first, today, end)).await?;
        for date in due(first, today, &present, *settled) {
            let day = Day { date, observed: maxima.lock().of(date, table.observed.len()) };
            let end = deadline();
            let changed = within(end, writing.write(&day, end)).await;
            *written += u64::from(changed.map_err(|problem| problem.context(date))?);
            let next = date.tomorrow().unwrap_or(date);
            if config.time_zone.start(next).saturating_add(LATE).is_ok_and(|late| late <= now) {
                *settled = (*settled).max(Some(date));
            }
        }
        // It does not matter if closing fails.
        let _ = tokio::time::timeout(config.timeout, writing.close()).await;
        Ok(())
    }

    /// How long to wait after a run that ended at this moment: this long, or until the next day begins.
    pub fn pause(&self, now: Timestamp, longest: Duration) -> Duration {
        let zone = &self.roll_up.config.time_zone;
        let today = zone.day(now);
        let midnight = zone.start(today.tomorrow().unwrap_or(today));
        let new_day = midnight.duration_since(now).saturating_add(AFTER_MIDNIGHT).unsigned_abs();
        longest.min(new_day)
    }
}

/// Writes a roll-up periodically.
pub(super) fn run(
    roll_up: &RollUp,
    watched: &[Watched],
    store: &Arc<Store>,
) -> impl Future<Output = ()> + Send + use<> {
    let (roll_up, watched, store) = (roll_up.clone(), watched.to_vec(), Arc::clone(store));
    async move {
        let RollUp { pack, table, config, .. } = &roll_up;
        let (target, zone) = (config.target(), config.time_zone.name());
        tracing::info!(event = "roll_up.on", pack, target, table = %table.table, time_zone = zone);
        let pack = pack.clone();
        let keeper = RollUpKeeper::new(roll_up);
        let look = look(watched, keeper.roll_up.config.time_zone.clone(), Arc::clone(&keeper.maxima), &store);
        future::join(look, write(keeper, pack, &store)).await;
    }
}

async fn write(mut keeper: RollUpKeeper, pack: String, store: &Store) {
    let (mut next, mut backoff) = (Instant::now(), Backoff::new(FIRST_RETRY));
    let every = keeper.roll_up.config.every;
    loop {
        tokio::time::sleep_until(next).await;
        let run = keeper.run(Timestamp::now()).await;
        let retry = backoff.ended(run.problem.is_none(), every);
        next = Instant::now() + keeper.pause(Timestamp::now(), retry.unwrap_or(every));
        let event = store.update_roll_up(&pack, |state| state.ran(run, SystemTime::now()));
        match event.flatten() {
            Some(RollUpEvent::Failed(Problem { reason, detail, .. })) => {
                tracing::warn!(event = "roll_up.failed", pack, %reason, detail);
            }
            Some(RollUpEvent::Recovered) => tracing::info!(event = "roll_up.recovered", pack),
            None => {}
        }
    }
}

/// A query whose result contains the metric of an observed column.
#[derive(Clone, PartialEq)]
pub(super) struct Watched {
    column: usize,
    observed: Observed,
    source: SourceName,
    query: String,
}

/// The pack's queries that export the metrics of observed columns.
pub(super) fn watched(roll_up: &RollUp, config: &Config) -> Vec<Watched> {
    let mut watched = Vec::new();
    for (column, observed) in roll_up.table.observed.values().enumerate() {
        let queries = config.queries().iter();
        watched.extend(queries.filter(|query| roll_up.is_exported_by(query, &observed.metric)).map(
            |query| {
                let (source, query) = (query.ask.source().clone(), query.spec.name.clone());
                Watched { column, observed: observed.clone(), source, query }
            },
        ));
    }
    watched
}

/// Keeps the largest values of the watched queries. A value counts for the day on which it was measured.
async fn look(watched: Vec<Watched>, zone: TimeZone, maxima: Arc<Mutex<Maxima>>, store: &Store) {
    loop {
        for Watched { column, observed, source, query } in &watched {
            let Observed { metric, labels } = observed;
            let seen =
                store.look(source, |state| state.largest(query, metric, labels, std::time::Instant::now()));
            if let Some((value, at)) = seen.flatten()
                && let Ok(at) = Timestamp::try_from(at)
            {
                maxima.lock().see(zone.day(at), *column, value);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Checks on the server what a roll-up lacks, without writing.
///
/// # Errors
/// What is missing.
pub async fn check_roll_up(roll_up: &RollUp) -> Result<(), Problem> {
    let RollUp { table, config, .. } = roll_up;
    let deadline = || Deadline::within(config.timeout);
    let date = config.time_zone.day(Timestamp::now());
    let end = deadline();
    let mut writing = within(end, Writing::open(table, config, end)).await?;
    let end = deadline();
    within(end, writing.days(date, date, end)).await?;
    let day = Day { date, observed: vec![None; table.observed.len()] };
    let end = deadline();
    within(end, writing.check(&day, end)).await
}

/// Runs a step under its deadline.
async fn within<T>(deadline: Deadline, step: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let late = || Err(Problem::new(Reason::Timeout, "no answer in time"));
    tokio::time::timeout(deadline.left(), step).await.unwrap_or_else(|_| late())
}
