//! All paths of a source with the counts of its queries, and their state across restarts.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use platform_core::off_thread::CurrentFile;
use platform_core::probe::{Problem, Reason};
use platform_core::{state_file, time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::From;
use super::counts::{self, Tally};
use super::lines::Line;
use super::question::LogQuestion;
use super::read_budget;
use super::rotation::{self, LineVerdict, Tail};

/// The default timestamp fields.
const TIMESTAMP_FIELDS: [&str; 4] = ["ts", "time", "timestamp", "@timestamp"];

/// The settings of a follower.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) paths: Vec<PathBuf>,
    pub(super) from: From,
    pub(super) timestamp_field: Option<String>,
    pub(super) questions: Vec<LogQuestion>,
    pub(super) state_file: Option<PathBuf>,
    /// How long a turn may take.
    pub(super) time: Duration,
}

/// The paths that are followed.
#[derive(Debug)]
pub(super) struct Follower {
    plan: Plan,
    tails: Vec<Followed>,
    tallies: Vec<Tally>,
    /// The content of the state file; `None` before it was read.
    saved: Option<State>,
    /// Why the state cannot be saved.
    pub(super) state_problem: Option<Problem>,
}

/// A path with the result of the last turn.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) tail: Tail,
    pub(super) result: Result<(), Problem>,
    /// Whether the turn ended before all was read.
    pub(super) is_behind: bool,
}

/// The content of the state file. Counts and positions are stored together, so that they are consistent.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    files: Vec<rotation::SavedTail>,
    questions: Vec<counts::SavedCounts>,
}

impl Follower {
    pub(super) fn new(plan: Plan) -> Self {
        let tail = |path: &PathBuf| Tail::new(path.clone(), plan.from);
        let followed = |path| Followed { tail: tail(path), result: Ok(()), is_behind: false };
        let tails = plan.paths.iter().map(followed).collect();
        let tallies = plan.questions.iter().cloned().map(Tally::new).collect();
        Self { plan, tails, tallies, saved: None, state_problem: None }
    }

    pub(super) fn tails(&self) -> &[Followed] {
        &self.tails
    }

    /// Whether any file has more than the last turn could read.
    pub(super) fn is_behind(&self) -> bool {
        self.tails.iter().any(|followed| followed.is_behind)
    }

    pub(super) fn tally(&self, question: &LogQuestion) -> Option<&Tally> {
        self.tallies.iter().find(|tally| tally.question() == question)
    }

    /// Reads what is new in every file. Its results are saved first, so a restart never falls back behind what was
    /// exported.
    pub(super) fn advance(&mut self, current: &CurrentFile) {
        if let Some(path) = &self.plan.state_file {
            current.set(path);
        }
        if self.saved.is_none() {
            self.load();
        }
        let now = time::now();
        for tally in &mut self.tallies {
            tally.prune(now);
        }
        let Self { plan, tails, tallies, .. } = self;
        let mut handle = |line: Line<'_>| judge(line, plan.timestamp_field.as_deref(), tallies, now);
        let end = Instant::now() + plan.time;
        let steps = read_budget::steps(tails.len());
        for Followed { tail, result, is_behind } in tails {
            current.set(tail.path());
            for _ in 0..steps {
                let mut left = read_budget::STEP;
                *result = tail.advance(&mut left, &mut handle);
                *is_behind = left == 0;
                if !*is_behind || Instant::now() > end {
                    break;
                }
            }
        }
        if let Some(path) = &self.plan.state_file {
            current.set(path);
        }
        self.save();
    }

    fn load(&mut self) {
        let kept: Option<State> = self.plan.state_file.as_deref().and_then(state_file::load);
        if let Some(state) = &kept {
            self.resume(state);
        }
        self.saved = Some(kept.unwrap_or_default());
    }

    fn resume(&mut self, state: &State) {
        for memory in &state.files {
            if let Some(known) = self.tails.iter_mut().find(|known| known.tail.path() == memory.path) {
                known.tail.resume(memory.clone());
            }
        }
        for tally in &mut self.tallies {
            tally.resume(&state.questions);
        }
    }

    fn save(&mut self) {
        let Some(path) = &self.plan.state_file else { return };
        let state = State {
            files: self.tails.iter().map(|known| known.tail.memory()).collect(),
            questions: self.tallies.iter().map(Tally::memory).collect(),
        };
        if self.saved.as_ref() == Some(&state) {
            return;
        }
        match state_file::store(path, &state) {
            Ok(()) => {
                self.saved = Some(state);
                self.state_problem = None;
            }
            Err(error) => self.state_problem = Some(state_problem(path, &error)),
        }
    }
}

fn state_problem(path: &Path, error: &io::Error) -> Problem {
    let reason = match error.kind() {
        io::ErrorKind::PermissionDenied => Reason::Permission,
        _ => Reason::Internal,
    };
    Problem::new(reason, format!("cannot save the state to {}: {error}", path.display()))
}

/// Counts a line for every query.
fn judge(line: Line<'_>, timestamp_field: Option<&str>, tallies: &mut [Tally], now: f64) -> LineVerdict {
    let Line::Whole(bytes) = line else { return LineVerdict::Malformed };
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return LineVerdict::Blank;
    }
    // One invalid byte in a message is no reason to drop the line.
    let parsed =
        serde_json::from_slice(bytes).or_else(|_| serde_json::from_str(&String::from_utf8_lossy(bytes)));
    let line: Value = match parsed {
        Ok(line @ Value::Object(_)) => line,
        _ => return LineVerdict::Malformed,
    };
    let at = timestamp(&line, timestamp_field).unwrap_or(now).min(now);
    for tally in tallies {
        tally.count(&line, at, now);
    }
    LineVerdict::Good(at)
}

/// The timestamp of a line, if it has one.
fn timestamp(line: &Value, named: Option<&str>) -> Option<f64> {
    let read = |path: &str| match counts::field(line, path)? {
        Value::Number(number) => time::from_number(number.as_f64()?),
        Value::String(text) => time::from_text(text),
        _ => None,
    };
    match named {
        Some(path) => read(path),
        None => TIMESTAMP_FIELDS.into_iter().find_map(read),
    }
}
