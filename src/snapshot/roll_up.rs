//! The state of a roll-up, and its families. Pure; time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use platform_core::metric::{Desc, Families, Family, timestamp};
use platform_core::probe::{Problem, Reason};

const SUCCESS: Desc = Desc::gauge(
    "platform_roll_up_success",
    &["pack"],
    "Whether the last run of the daily roll-up wrote every day that was due (1) or not (0); exported from the start.",
);
const LAST_SUCCESS: Desc = Desc::gauge(
    "platform_roll_up_last_success_timestamp_seconds",
    &["pack"],
    "Unix time at which the daily roll-up last wrote every day that was due.",
);
const DURATION: Desc =
    Desc::gauge("platform_roll_up_duration_seconds", &["pack"], "Duration of the roll-up's last run.");
const WRITTEN: Desc = Desc::counter(
    "platform_roll_up_days_written_total",
    &["pack"],
    "Daily rows that the roll-up has inserted or updated.",
);
const FAILURES: Desc = Desc::counter(
    "platform_roll_up_failures_total",
    &["pack", "reason"],
    "Runs of the roll-up that did not write every day that was due, by reason.",
);

/// The most common failures of a roll-up: their counters start at 0, so that the first failure shows as an increase.
const LIKELY: [Reason; 5] =
    [Reason::Timeout, Reason::Connect, Reason::Auth, Reason::Permission, Reason::Query];

/// Every family about roll-ups.
pub fn catalogue() -> Vec<Desc> {
    vec![SUCCESS, LAST_SUCCESS, DURATION, WRITTEN, FAILURES]
}

/// The state of one roll-up.
#[derive(Clone, Debug, Default)]
pub struct RollUpState {
    succeeded: bool,
    /// Reasons reported since the last success: each is reported once.
    reported: BTreeSet<Reason>,
    failures: BTreeMap<Reason, u64>,
    written: u64,
    last_success: Option<SystemTime>,
    last_duration: Option<Duration>,
}

/// One run of a roll-up.
#[derive(Clone, Debug)]
pub struct RollUpRun {
    /// How many rows it inserted or updated.
    pub written: u64,
    /// Why it did not finish.
    pub problem: Option<Problem>,
    /// How long it took.
    pub duration: Duration,
}

/// An event to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RollUpEvent {
    /// It fails, or fails for a new reason.
    Failed(Problem),
    /// It works again.
    Recovered,
}

impl RollUpState {
    /// Records a run.
    pub fn ran(&mut self, run: RollUpRun, now: SystemTime) -> Option<RollUpEvent> {
        self.written += run.written;
        self.last_duration = Some(run.duration);
        self.succeeded = run.problem.is_none();
        let Some(problem) = run.problem else {
            self.last_success = Some(now);
            return (!std::mem::take(&mut self.reported).is_empty()).then_some(RollUpEvent::Recovered);
        };
        *self.failures.entry(problem.reason).or_default() += 1;
        self.reported.insert(problem.reason).then_some(RollUpEvent::Failed(problem))
    }
}

/// The families of all roll-ups; none if there are no roll-ups.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(super) fn families<'a>(states: impl Iterator<Item = (&'a str, RollUpState)>) -> Vec<Family> {
    let mut families = Families::default();
    for (pack, state) in states {
        families.push(&SUCCESS, [pack], f64::from(state.succeeded));
        families.push_some(&LAST_SUCCESS, [pack], state.last_success.map(timestamp));
        families.push_some(&DURATION, [pack], state.last_duration.map(|duration| duration.as_secs_f64()));
        families.push(&WRITTEN, [pack], state.written as f64);
        let others = state.failures.keys().copied().filter(|reason| !LIKELY.contains(reason));
        for reason in LIKELY.into_iter().chain(others) {
            let count = state.failures.get(&reason).copied().unwrap_or(0);
            families.push(&FAILURES, [pack, reason.as_str()], count as f64);
        }
    }
    families.into_vec()
}
