//! Log files: followed through rotation, and counted by declared fields. No content of a line is exported.

mod config;
mod counts;
mod follower;
mod lines;
mod missed;
mod question;
mod reader;
mod rotation;
mod turn;

pub use config::{Config, From};
pub use question::LogQuestion;

use std::sync::Arc;
use std::time::Duration;

use platform_core::kind::{Context, Definition, Headline, HeadlineUnit, KindFacts, Parts};
use platform_core::metric::{Desc, Families};
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::{Answers, Columns, LanguageFacts, Question, Rows};
use platform_core::time;

use self::follower::{Follower, Plan};
use self::turn::Turns;

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "logfile",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    up: None,
    catalogue: || FAMILIES.to_vec(),
    reasons: &[],
    language: Some(LanguageFacts::of::<LogQuestion>()),
    environment: &[],
    permissions: "\
# The exporter's user reads the files and lists their directory, where it finds a rotated file again:
setfacl -m u:platform_exporter:rx -m d:u:platform_exporter:r /data/logs
setfacl -m u:platform_exporter:r /data/logs/ai-events.log
# In the logrotate configuration, so that new files can be read too: create 0640 app platform_exporter
",
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    headlines: &[
        Headline { title: "Lines read", metric: "logfile_lines_total", unit: HeadlineUnit::Count },
        Headline { title: "Size", metric: "logfile_size_bytes", unit: HeadlineUnit::Bytes },
    ],
};

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

const FAMILIES: [Desc; 7] = [LINES, BYTES, MALFORMED, SIZE, OFFSET, LAST_LINE, ROTATIONS];

impl Definition for Config {
    fn target(&self) -> String {
        self.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        let mut questions: Vec<LogQuestion> = Vec::new();
        for question in context.questions.iter().filter_map(|question| question.read().ok()) {
            if !questions.contains(&question) {
                questions.push(question);
            }
        }
        let turns = Arc::new(Turns::new(Plan {
            paths: self.paths.clone(),
            from: self.from,
            timestamp_field: self.timestamp_field.clone(),
            questions,
            state_file: context.state_dir.map(|dir| dir.join(format!("logfile-{}.json", context.name))),
            time: context.timeout / 2,
        }));
        Parts {
            prober: Box::new(LogProber { turns: Arc::clone(&turns), stale_after: self.stale_after }),
            answers: Some(Box::new(LogAnswers(turns))),
        }
    }
}

struct LogProber {
    turns: Arc<Turns>,
    stale_after: Option<Duration>,
}

#[async_trait::async_trait]
impl Prober for LogProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        self.turns.take(|follower| observe(follower, self.stale_after)).await?
    }
}

struct LogAnswers(Arc<Turns>);

#[async_trait::async_trait]
impl Answers for LogAnswers {
    async fn rows(&mut self, question: &Question, _: &Columns, _: Duration) -> Result<Rows, Problem> {
        let question: LogQuestion = question.read()?;
        let rows = |follower: &Follower| {
            reachable(follower)?;
            let unknown = || Problem::new(Reason::Query, "lines are counted for declared queries only");
            Ok(follower.tally(&question).ok_or_else(unknown)?.rows(time::now()))
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
        let totals = tail.totals();
        families.push(&LINES, [&path], totals.lines as f64);
        families.push(&BYTES, [&path], totals.bytes as f64);
        families.push(&MALFORMED, [&path], totals.malformed as f64);
        families.push(&ROTATIONS, [&path], totals.rotations as f64);
        if let Some(extent) = tail.extent() {
            families.push(&SIZE, [&path], extent.size as f64);
            families.push(&OFFSET, [&path], extent.offset as f64);
        }
        if let Some(at) = tail.last_line() {
            families.push(&LAST_LINE, [&path], at);
            observation.problems.extend(stale(&path, now - at, stale_after));
        }
    }
    observation.families = families.into_vec();
    Ok(observation)
}

fn stale(path: &str, age: f64, limit: Option<Duration>) -> Option<Problem> {
    let limit = limit?;
    (age > limit.as_secs_f64()).then(|| {
        let limit = humantime::format_duration(limit);
        Problem::new(Reason::Stale, format!("{path}: no new line for more than {limit}"))
    })
}
