//! The query lane of a Redis source.

use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Answers, Columns, Question, Rows};

use super::command::shape;
use super::command_list::ReplyShape;
use super::info;
use super::link::Words;
use super::links::Links;
use super::question::RedisQuestion;
use super::question_form::{QuestionForm, WantedKeys};
use super::read::IdReader;
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
        let question: RedisQuestion = question.read()?;
        let form = QuestionForm::of(&question).map_err(|misuse| Problem::new(Reason::Query, misuse))?;
        let links = &mut self.links;
        match form {
            QuestionForm::ForKeys { command, keys } => {
                rows_by_key(links, command, keys, columns, timeout).await
            }
            QuestionForm::Command(words) => command_rows(links, words, columns, timeout)
                .await?
                .map_err(|refusal| refusal.problem(&words[0])),
            QuestionForm::Read { ids, columns: read } => {
                IdReader { links, scan_budget: self.scan_budget, timeout }.rows(&ids, read, columns).await
            }
            QuestionForm::Scan { pattern, wanted } => {
                let needed = wanted.commands();
                let scan = Scan { links, pattern, budget: self.scan_budget, timeout };
                match scan_rows(scan, wanted).await {
                    Err(problem) if problem.reason == Reason::Permission => {
                        let remedy = scan::remedy(&mut self.links, pattern, needed, timeout).await;
                        let remedy = remedy.or_else(|| problem.remedy.clone());
                        Err(problem.fixed_by(remedy))
                    }
                    rows => rows,
                }
            }
        }
    }
}

async fn scan_rows(scan: Scan<'_>, wanted: WantedKeys<'_>) -> Result<Rows, Problem> {
    match wanted {
        WantedKeys::Count => scan.count().await,
        WantedKeys::Values => scan.values().await,
        WantedKeys::Patterns(steps) => scan.patterns(steps).await,
        WantedKeys::Ids(id) => scan.ids(&id).await,
        WantedKeys::Reached(id, least) => scan.reached(&id, least).await,
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

/// A command with a key as its last word.
fn for_key(words: &[String], key: &str) -> Words {
    words.iter().map(String::as_str).chain([key]).map(str::to_owned).collect()
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
