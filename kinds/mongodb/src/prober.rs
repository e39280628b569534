//! Probes a server.

use std::time::Duration;

use ::mongodb::bson::oid::ObjectId;
use ::mongodb::bson::{Document, doc};
use platform_core::built_in::BuiltInQueries;
use platform_core::collectors::Chosen;
use platform_core::deadline::Deadline;
use platform_core::metric::Family;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::{AnswersAll, Columns, Question, Rows, TakeAnswer, is_refusal};
use platform_core::setting;

use super::ask::MongoSession;
use super::command::raw;
use super::compatible::OldNames;
use super::config::COMPATIBLE;
use super::question::MongoQuestion;
use super::replies::Replies;

pub(super) struct MongodbProber {
    session: MongoSession,
    timeout: Duration,
    slow_operation: setting::Duration,
    built_in: BuiltInQueries,
    /// What the process that answered last was built from.
    build: Option<(ObjectId, Document)>,
    /// For sources that are `compatible`.
    old_names: Option<OldNames>,
}

impl MongodbProber {
    pub(super) fn new(
        session: MongoSession,
        built_in: BuiltInQueries,
        timeout: Duration,
        slow_operation: setting::Duration,
        old_names: Option<OldNames>,
    ) -> Self {
        Self { session, timeout, slow_operation, built_in, build: None, old_names }
    }

    /// The answer to buildInfo, which is asked for once for each process of a server.
    async fn build_info(&mut self, hello: &Document, deadline: Deadline) -> Result<Document, Problem> {
        let version = hello.get_document("topologyVersion").ok();
        let process = version.and_then(|version| version.get_object_id("processId").ok());
        if let Some((_, info)) = self.build.as_ref().filter(|(known, _)| process == Some(*known)) {
            return Ok(info.clone());
        }
        let info = self.session.admin(doc! {"buildInfo": 1}, deadline).await?;
        self.build = process.map(|process| (process, info.clone()));
        Ok(info)
    }
}

#[async_trait::async_trait]
impl Prober for MongodbProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        let deadline = Deadline::within(self.timeout);
        let hello = self.session.admin(doc! {"hello": 1}, deadline).await?;
        let build_info = self.build_info(&hello, deadline).await?;
        let version = major(&build_info);
        let mut probe = Probe {
            replies: Replies::new(&self.session, deadline, self.slow_operation),
            build_info,
            in_set: hello.contains_key("setName"),
            is_router: hello.get_str("msg").is_ok_and(|message| message == ROUTER),
            problems: Vec::new(),
        };
        let mut observation = self.built_in.ask(&mut probe, version, self.timeout).await?;
        observation.problems.append(&mut probe.problems);
        if hello.get_bool("isreplicaset").unwrap_or(false) {
            observation.problems.push(Problem::new(Reason::Alarm, "the replica set is not initiated"));
        }
        observation.problems.extend(alarms(&observation.families));
        let older = self.old_names.as_ref().map(|names| names.of(&observation.families));
        observation.families.extend(older.into_iter().flatten());
        Ok(observation)
    }

    fn choose(&mut self, chosen: Option<&Chosen>) {
        let of_server = |chosen: &Chosen| chosen.has(None).then(|| chosen.with(COMPATIBLE));
        self.built_in.choose(chosen.and_then(of_server).as_ref().or(chosen));
    }
}

fn major(build_info: &Document) -> u32 {
    let major = build_info.get_array("versionArray").ok().and_then(|parts| parts.first()?.as_i32());
    major.and_then(|major| u32::try_from(major).ok()).unwrap_or_default()
}

/// The commands that only a member of a replica set answers.
const OF_SET: [&str; 2] = ["replSetGetStatus", "replSetGetConfig"];

/// The commands that a router rejects.
const OF_MEMBERS: [&str; 3] = ["top", "getParameter", "count"];

/// What a router says of itself.
const ROUTER: &str = "isdbgrid";

/// The database of the oplog, which only a member of a replica set has.
const LOCAL: &str = "local";

/// The built-in queries of one probe, all within its deadline.
struct Probe<'a> {
    replies: Replies<'a>,
    build_info: Document,
    in_set: bool,
    is_router: bool,
    problems: Vec<Problem>,
}

impl Probe<'_> {
    /// Whether only other servers know the answer: a standalone server or a router has no replica set.
    fn is_for_others(&self, question: &MongoQuestion) -> bool {
        let is_one_of = |names: &[&str]| question.command_name().is_some_and(|name| names.contains(&name));
        let is_of_set = is_one_of(&OF_SET) || question.database.as_deref() == Some(LOCAL);
        !self.in_set && is_of_set || self.is_router && is_one_of(&OF_MEMBERS)
    }
}

#[async_trait::async_trait]
impl AnswersAll for Probe<'_> {
    async fn all_rows(
        &mut self,
        queries: &[(&Question, Columns)],
        _timeout: Duration,
        take: &mut TakeAnswer<'_>,
    ) -> Result<(), Problem> {
        let questions: Vec<MongoQuestion> =
            queries.iter().map(|(question, _)| question.read()).collect::<Result<_, _>>()?;
        for question in questions.iter().filter(|question| question.command_name() == Some("buildInfo")) {
            self.replies.know(question.clone(), raw(&self.build_info)?);
        }
        let own: Vec<_> =
            questions.iter().filter(|question| !self.is_for_others(question)).cloned().collect();
        self.replies.ask(own).await?;
        for (question, (_, columns)) in questions.into_iter().zip(queries) {
            match self.replies.rows(question, columns) {
                Ok(mut answer) => {
                    self.problems.append(&mut answer.problems);
                    take(Ok(answer.rows));
                }
                // A recovering member reports its status but rejects reads.
                Err(problem) if problem.reason == Reason::Alarm => {
                    self.problems.push(problem);
                    take(Ok(Rows::default()));
                }
                Err(problem) if !is_refusal(problem.reason) => return Err(problem),
                refused => take(refused.map(|answer| answer.rows)),
            }
        }
        Ok(())
    }
}

/// The problems of a replica set.
fn alarms(families: &[Family]) -> Vec<Problem> {
    let Some(members) = families.iter().find(|family| family.desc.name == "mongodb_rs_members_state") else {
        return Vec::new();
    };
    let alarm = |detail: String| Problem::new(Reason::Alarm, detail);
    let named = members.samples.iter().map(|sample| (sample.labels[0].as_str(), sample.value));
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
