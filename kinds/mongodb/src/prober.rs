//! Probes a server.

use std::time::Duration;

use ::mongodb::bson::{Document, doc};
use platform_core::built_in::BuiltInQueries;
use platform_core::deadline::Deadline;
use platform_core::metric::Family;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::{Answers, Columns, Question, Rows};
use platform_core::setting;

use super::ask::MongoSession;
use super::question::MongoQuestion;

/// The variable of a built-in query that stands for the configured `slow_operation`.
const SLOW_OPERATION: &str = "slow_operation_seconds";

pub(super) struct MongodbProber {
    session: MongoSession,
    timeout: Duration,
    slow_operation: setting::Duration,
    built_in: BuiltInQueries,
    /// The columns that the built-in queries read of shared answers.
    shared: Vec<(Question, Columns)>,
}

impl MongodbProber {
    pub(super) fn new(
        session: MongoSession,
        built_in: BuiltInQueries,
        timeout: Duration,
        slow_operation: setting::Duration,
    ) -> Self {
        let shared = shared(&built_in);
        Self { session, timeout, slow_operation, built_in, shared }
    }
}

#[async_trait::async_trait]
impl Prober for MongodbProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        let deadline = Deadline::within(self.timeout);
        let hello = self.session.admin(doc! {"hello": 1}, deadline).await?;
        let version = self.session.admin(doc! {"buildInfo": 1}, deadline).await?;
        let mut probe = Probe {
            session: &self.session,
            slow_operation: self.slow_operation,
            in_set: hello.contains_key("setName"),
            deadline,
            shared: &self.shared,
            last: None,
            problems: Vec::new(),
        };
        let mut observation = self.built_in.ask(&mut probe, major(&version), self.timeout).await?;
        observation.problems.append(&mut probe.problems);
        leave_out_unknown_times(&mut observation.families);
        if hello.get_bool("isreplicaset").unwrap_or(false) {
            observation.problems.push(Problem::new(Reason::Alarm, "the replica set is not initiated"));
        }
        observation.problems.extend(alarms(&observation.families));
        Ok(observation)
    }
}

/// The commands shared by several built-in queries, with all of their columns.
fn shared(built_in: &BuiltInQueries) -> Vec<(Question, Columns)> {
    let mut questions: Vec<(Question, Vec<Columns>)> = Vec::new();
    for (question, columns) in built_in.questions() {
        match questions.iter_mut().find(|(known, _)| known == question) {
            Some((_, read)) => read.push(columns),
            None => questions.push((question.clone(), vec![columns])),
        }
    }
    let several = questions.into_iter().filter(|(_, read)| read.len() > 1);
    several.map(|(question, read)| (question, Columns::union(&read))).collect()
}

fn major(build_info: &Document) -> u32 {
    let major = build_info.get_array("versionArray").ok().and_then(|parts| parts.first()?.as_i32());
    major.and_then(|major| u32::try_from(major).ok()).unwrap_or_default()
}

/// The built-in queries of one probe, all within its deadline.
struct Probe<'a> {
    session: &'a MongoSession,
    slow_operation: setting::Duration,
    in_set: bool,
    deadline: Deadline,
    shared: &'a [(Question, Columns)],
    /// serverStatus is by far the largest answer, and built-in queries for several versions read it in turn.
    last: Option<(Question, Rows)>,
    problems: Vec<Problem>,
}

#[async_trait::async_trait]
impl Answers for Probe<'_> {
    async fn rows(
        &mut self,
        question: &Question,
        columns: &Columns,
        _timeout: Duration,
    ) -> Result<Rows, Problem> {
        if let Some((_, rows)) = self.last.as_ref().filter(|(asked, _)| asked == question) {
            return Ok(rows.clone());
        }
        let shared = self.shared.iter().find(|(shared, _)| shared == question);
        let columns = shared.map_or(columns, |(_, columns)| columns);
        let query = with_slow_operation(question.read()?, self.slow_operation);
        // A standalone server or a router has no replica set and rejects the command.
        if !self.in_set && query.command_name() == Some("replSetGetStatus") {
            return Ok(Rows::default());
        }
        match self.session.answer(&query, columns, self.deadline).await {
            Ok(mut answer) => {
                self.problems.append(&mut answer.problems);
                if shared.is_some() {
                    self.last = Some((question.clone(), answer.rows.clone()));
                }
                Ok(answer.rows)
            }
            // A recovering member reports its status but rejects reads.
            Err(problem) if problem.reason == Reason::Alarm => {
                self.problems.push(problem);
                Ok(Rows::default())
            }
            Err(problem) => Err(problem),
        }
    }
}

fn with_slow_operation(mut question: MongoQuestion, slow_operation: setting::Duration) -> MongoQuestion {
    let variables = question.command.as_mut().and_then(|command| command.get_mut("let"));
    if let Some(seconds) = variables.and_then(|variables| variables.get_mut(SLOW_OPERATION)) {
        *seconds = slow_operation.get().as_secs_f64().into();
    }
    question
}

/// For a member that cannot be reached, the server reports 1970.
fn leave_out_unknown_times(families: &mut Vec<Family>) {
    for family in
        families.iter_mut().filter(|family| family.desc.name == "mongodb_rs_members_optime_date_seconds")
    {
        family.samples.retain(|sample| sample.value > 0.0);
    }
    families.retain(|family| !family.samples.is_empty());
}

/// The problems of a replica set.
fn alarms(families: &[Family]) -> Vec<Problem> {
    let Some(members) = families.iter().find(|family| family.desc.name == "mongodb_rs_members_state") else {
        return Vec::new();
    };
    let alarm = |detail: String| Problem::new(Reason::Alarm, detail);
    let named = members.samples.iter().map(|sample| (sample.labels.concat(), sample.value));
    let sick = named.filter_map(|(name, state)| Some((name, sick_state(state)?)));
    let mut alarms: Vec<_> = sick.map(|(name, state)| alarm(format!("{name} is {state}"))).collect();
    if !members.samples.iter().any(|sample| sample.value == PRIMARY) {
        alarms.push(alarm("the replica set has no primary".to_owned()));
    }
    alarms
}

const PRIMARY: f64 = 1.0;

/// The name of a non-serving member state.
fn sick_state(state: f64) -> Option<&'static str> {
    #[expect(clippy::cast_possible_truncation, reason = "states are small numbers")]
    match state as i64 {
        // PRIMARY, SECONDARY, ARBITER
        1 | 2 | 7 => None,
        0 => Some("STARTUP"),
        3 => Some("RECOVERING"),
        5 => Some("STARTUP2"),
        8 => Some("DOWN"),
        9 => Some("ROLLBACK"),
        10 => Some("REMOVED"),
        _ => Some("UNKNOWN"),
    }
}
