//! One probe, and the answers of declared queries, of which one takes place at a time.

use std::sync::Arc;
use std::time::Duration;

use platform_core::large;
use platform_core::metric::{Desc, Families};
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::{Answers, Columns, Question, Rows};
use platform_core::time;

use super::follower::Follower;
use super::question::LogQuestion;
use super::rotation::Extent;
use super::turn::Turns;

const LINES: Desc =
    Desc::counter("logfile_lines_total", &["path"], "Lines read from the file, malformed ones included.");
const BYTES: Desc = Desc::counter("logfile_bytes_total", &["path"], "Bytes read from the file.");
const MALFORMED: Desc = Desc::counter(
    "logfile_malformed_lines_total",
    &["path"],
    "Lines that are not JSON objects or are longer than 1 MiB.",
);
const SIZE: Desc = Desc::gauge("logfile_size_bytes", &["path"], "Size of the file.");
const OFFSET: Desc = Desc::gauge(
    "logfile_offset_bytes",
    &["path"],
    "Read position in the file; the rest of the file is the backlog.",
);
const LAST_LINE: Desc = Desc::gauge(
    "logfile_last_line_timestamp_seconds",
    &["path"],
    "Time of the newest line, by its timestamp or its arrival; before the first line, modification time of the file.",
);
const ROTATIONS: Desc =
    Desc::counter("logfile_rotations_total", &["path"], "Times the file was replaced or truncated.");

pub(super) const CATALOGUE: [Desc; 7] = [LINES, BYTES, MALFORMED, SIZE, OFFSET, LAST_LINE, ROTATIONS];

pub(super) struct LogProber {
    turns: Arc<Turns>,
    stale_after: Option<Duration>,
}

impl LogProber {
    pub(super) fn new(turns: Arc<Turns>, stale_after: Option<Duration>) -> Self {
        Self { turns, stale_after }
    }
}

#[async_trait::async_trait]
impl Prober for LogProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        self.turns.take(|follower| observe(follower, self.stale_after)).await?
    }
}

pub(super) struct LogAnswers(Arc<Turns>);

impl LogAnswers {
    pub(super) fn new(turns: Arc<Turns>) -> Self {
        Self(turns)
    }
}

#[async_trait::async_trait]
impl Answers for LogAnswers {
    async fn rows(&mut self, question: &Question, _: &Columns, _: Duration) -> Result<Rows, Problem> {
        let question: LogQuestion = question.read()?;
        let rows = |follower: &Follower| {
            reachable(follower)?;
            let unknown = || Problem::new(Reason::Query, "lines are counted for declared queries only");
            let tally = follower.tally(&question).ok_or_else(unknown)?;
            Ok(large::in_place(tally.size(), || tally.rows(time::now())))
        };
        self.0.take(rows).await?
    }
}

/// The source is down when none of its files can be read.
fn reachable(follower: &Follower) -> Result<(), Problem> {
    let mut results = follower.tails().iter().map(|followed| &followed.result);
    if results.clone().any(Result::is_ok) {
        return Ok(());
    }
    results.next().cloned().unwrap_or(Ok(()))
}

#[expect(clippy::cast_precision_loss, reason = "files are far smaller than 2^53 bytes")]
fn observe(follower: &Follower, stale_after: Option<Duration>) -> Result<Observation, Problem> {
    reachable(follower)?;
    let now = time::now();
    let mut observation = Observation::default();
    observation.problems.extend(follower.state_problem.clone());
    let mut families = Families::default();
    for followed in follower.tails() {
        let (tail, path) = (&followed.tail, followed.tail.path().display().to_string());
        if let Err(problem) = &followed.result {
            observation.problems.push(problem.clone());
            continue;
        }
        observation.problems.extend(tail.lost().cloned());
        observation.problems.extend(tail.missing());
        let totals = tail.totals();
        families.push(&LINES, [&path], totals.lines as f64);
        families.push(&BYTES, [&path], totals.bytes as f64);
        families.push(&MALFORMED, [&path], totals.malformed as f64);
        families.push(&ROTATIONS, [&path], totals.rotations as f64);
        if let Some(extent) = tail.extent() {
            families.push(&SIZE, [&path], extent.size as f64);
            families.push(&OFFSET, [&path], extent.offset as f64);
            observation.problems.extend(backlog(&path, extent).filter(|_| followed.is_behind));
        }
        if let Some(at) = tail.last_line() {
            families.push(&LAST_LINE, [&path], at);
            observation.problems.extend(stale(&path, now - at, stale_after));
        }
    }
    observation.families = families.into_vec();
    Ok(observation)
}

fn backlog(path: &str, extent: Extent) -> Option<Problem> {
    let mebibytes = (extent.size - extent.offset) >> 20;
    (mebibytes > 0).then(|| Problem::new(Reason::Slow, format!("{path}: {mebibytes} MiB are not read yet")))
}

fn stale(path: &str, age: f64, limit: Option<Duration>) -> Option<Problem> {
    let limit = limit?;
    (age > limit.as_secs_f64()).then(|| {
        let limit = humantime::format_duration(limit);
        Problem::new(Reason::Stale, format!("{path}: no new line for more than {limit}"))
    })
}
