//! Answers the built-in queries: those on INFO from the one answer of the probe, all others in one exchange.

use std::collections::HashMap;
use std::time::Duration;

use ::redis::Value;
use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{AnswersAll, Columns, Question, Rows, TakeAnswer, is_refusal};

use super::command::shape;
use super::info::Info;
use super::link::{Reply, Words};
use super::links::Links;
use super::question::RedisQuestion;
use super::refusal::ReplyRefusal;
use super::watched_masters::WatchedMasters;
use super::{histogram, reply, settings, value};

pub(super) struct BuiltInAnswers<'a> {
    pub(super) links: &'a mut Links,
    pub(super) info: &'a Info,
}

#[async_trait::async_trait]
impl AnswersAll for BuiltInAnswers<'_> {
    async fn all_rows(
        &mut self,
        queries: &[(&Question, Columns)],
        timeout: Duration,
        take: &mut TakeAnswer<'_>,
    ) -> Result<(), Problem> {
        let commands: Vec<Words> =
            queries.iter().map(|(question, _)| command(question)).collect::<Result<_, _>>()?;
        let replies = self.replies(&commands, timeout).await?;
        for (words, (_, columns)) in commands.iter().zip(queries) {
            match replies.rows(words, self.info, columns) {
                Err(problem) if !is_refusal(problem.reason) => return Err(problem),
                answer => take(answer),
            }
        }
        Ok(())
    }
}

impl BuiltInAnswers<'_> {
    async fn replies(&mut self, commands: &[Words], timeout: Duration) -> Result<BuiltInReplies, Problem> {
        let mut sent: Vec<Words> =
            commands.iter().filter(|words| is_sent(words, self.info)).cloned().collect();
        sent.sort();
        sent.dedup();
        let replies = self.links.exchange(&None, &sent, timeout).await?;
        let mut by_command: HashMap<Words, Reply> = sent.into_iter().zip(replies).collect();
        let masters = match by_command.remove(&["SENTINEL", "MASTERS"].map(str::to_owned)[..]) {
            Some(Ok(answer)) => Some(WatchedMasters::ask(answer, self.links, timeout).await?),
            _ => None,
        };
        Ok(BuiltInReplies { by_command, masters })
    }
}

/// The answers to all commands but INFO.
struct BuiltInReplies {
    by_command: HashMap<Words, Reply>,
    masters: Option<Result<WatchedMasters, ReplyRefusal>>,
}

impl BuiltInReplies {
    fn rows(&self, words: &Words, info: &Info, columns: &Columns) -> Result<Rows, Problem> {
        match (&words.iter().map(String::as_str).collect::<Vec<_>>()[..], &self.masters) {
            // Rejected, which was already reported.
            (["INFO", ..], _) if info.is_empty() => Ok(Rows::default()),
            (["INFO", table @ ..], _) => info.table(table.first().copied(), columns),
            (["SENTINEL", ..], Some(Ok(masters))) => masters.rows(columns),
            (["SENTINEL", ..], Some(Err(refusal))) => refused(refusal, words),
            _ => match self.by_command.get(words) {
                Some(Ok(answer)) => {
                    large::in_place(value::size(answer), || read(words, answer, info, columns))
                }
                Some(Err(refusal)) => refused(refusal, words),
                None => Ok(Rows::default()),
            },
        }
    }
}

fn command(question: &Question) -> Result<Words, Problem> {
    let RedisQuestion { command, .. } = question.read()?;
    command.ok_or_else(|| Problem::new(Reason::Internal, "expected a command"))
}

/// Whether a server like this one has the command: it counts what it has to reject.
fn is_sent(words: &[String], info: &Info) -> bool {
    let is_sentinel = info.mode() == Some("sentinel");
    match words[0].as_str() {
        "INFO" => false,
        "SENTINEL" => is_sentinel,
        "CLUSTER" => info.get("cluster_enabled") == Some("1"),
        "COMMANDLOG" => info.has_command_log(),
        _ => !is_sentinel,
    }
}

fn read(words: &Words, answer: &Value, info: &Info, columns: &Columns) -> Result<Rows, Problem> {
    match words[0].as_str() {
        "CONFIG" => settings::rows(answer, columns),
        "LATENCY" if words[1] == "HISTOGRAM" => histogram::rows(answer, &info.durations(), columns),
        _ => {
            let shape = shape(words).map_err(|message| Problem::new(Reason::Internal, message))?;
            reply::rows(shape, words, answer.clone(), columns)
        }
    }
}

fn refused(refusal: &ReplyRefusal, words: &Words) -> Result<Rows, Problem> {
    // Managed servers disable commands, and a loading server rejects most: neither needs reporting.
    if refusal.is_unknown_command() || refusal.reason() == Reason::Alarm {
        return Ok(Rows::default());
    }
    Err(refusal.problem(&words.join(" ")))
}
