//! The query lane of a Redis source.

use std::collections::BTreeMap;
use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Answers, Columns, Question, Rows};
use regex::Regex;

use super::command::shape;
use super::command_list::ReplyShape;
use super::info;
use super::link::Words;
use super::links::Links;
use super::question::{RedisQuestion, for_key};
use super::refusal::{self, ReplyRefusal};
use super::reply;
use super::scan::{self, Scan};

/// Runs declared queries, on its own connections.
pub(super) struct RedisAnswers {
    pub(super) links: Links,
    /// The largest number of keys that a scan may look at.
    pub(super) scan_budget: u64,
}

#[async_trait::async_trait]
impl Answers for RedisAnswers {
    async fn rows(
        &mut self,
        question: &Question,
        columns: &Columns,
        timeout: Duration,
    ) -> Result<Rows, Problem> {
        let RedisQuestion { command, keys, scan, values, id, at_least } = question.read()?;
        match (command, scan) {
            (Some(words), _) if !keys.is_empty() => {
                rows_by_key(&mut self.links, &words, &keys, columns, timeout).await
            }
            (Some(words), _) => command_rows(&mut self.links, &words, columns, timeout)
                .await?
                .map_err(|refusal| refusal.problem(&words[0])),
            (None, Some(pattern)) => {
                let links = &mut self.links;
                let reads_values = values || at_least.is_some();
                let scan = Scan { links, pattern: &pattern, budget: self.scan_budget, timeout };
                match scan_rows(scan, values, id.as_deref(), at_least.as_ref()).await {
                    Err(problem) if problem.reason == Reason::Permission => {
                        let remedy = scan::remedy(&mut self.links, &pattern, reads_values, timeout).await;
                        let remedy = remedy.or_else(|| problem.remedy.clone());
                        Err(problem.fixed_by(remedy))
                    }
                    rows => rows,
                }
            }
            (None, None) => Err(Problem::new(Reason::Query, "expected `command` or `scan`")),
        }
    }
}

async fn scan_rows(
    scan: Scan<'_>,
    values: bool,
    id: Option<&str>,
    at_least: Option<&BTreeMap<String, f64>>,
) -> Result<Rows, Problem> {
    let Some(id) = id else {
        return if values { scan.values().await } else { scan.count().await };
    };
    let id = Regex::new(id).map_err(|error| Problem::new(Reason::Query, error))?;
    match at_least {
        Some(least) => scan.reached(&id, least).await,
        None => scan.ids(&id).await,
    }
}

/// The answers to a command for each key, which are sent together.
async fn rows_by_key(
    links: &mut Links,
    words: &[String],
    keys: &[String],
    columns: &Columns,
    timeout: Duration,
) -> Result<Rows, Problem> {
    let commands: Vec<Words> = keys.iter().map(|key| for_key(words, key)).collect();
    let replies = links.ask_all(&commands, timeout).await?;
    let refusals: Vec<_> = replies.iter().filter_map(|reply| reply.as_ref().err()).collect();
    if let Some(first) = refusals.first() {
        // What the account lacks for one key, it may lack for others.
        let remedy = refusal::remedy(refusals.iter().copied().cloned());
        return Err(first.problem(&words[0]).fixed_by(remedy));
    }
    reply::by_key(keys, replies.into_iter().flatten().collect(), columns)
}

/// The rows of one command, or the server's refusal of it.
pub(super) async fn command_rows(
    links: &mut Links,
    words: &[String],
    columns: &Columns,
    timeout: Duration,
) -> Result<Result<Rows, ReplyRefusal>, Problem> {
    let shape = shape(words).map_err(|message| Problem::new(Reason::Query, message))?;
    let mut sent = words.to_vec();
    if let (ReplyShape::Info, [command, table, ..]) = (shape, &mut sent[..])
        && command.eq_ignore_ascii_case("INFO")
    {
        *table = info::section(table).to_owned();
    }
    match links.ask(sent, timeout).await? {
        Ok(answer) => reply::rows(shape, words, answer, columns).map(Ok),
        Err(refusal) => Ok(Err(refusal)),
    }
}
