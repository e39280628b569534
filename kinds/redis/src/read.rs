//! Numbers about each of several ids, such as the names of queues, each read by a command with a single answer.

use std::collections::BTreeMap;
use std::time::Duration;

use ::redis::Value;
use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Cell, Columns, Rows};
use regex::Regex;

use super::link::{Reply, Words, words};
use super::links::Links;
use super::placeholders::{ID, filled, has_now};
use super::question_form::{ReadIds, SetKeys};
use super::refusal;
use super::scan::{Scan, first_group};
use super::table::ReplyTable;
use super::value;

/// A query reads numbers about at most so many ids.
const MOST_IDS: usize = 1000;

/// About so many commands are sent together.
const AT_ONCE: usize = 1000;

/// Each id is in every command.
const LONGEST_ID: usize = 1024;

/// What to read, by column. Of several commands, the sum counts.
pub(super) type ReadColumns = BTreeMap<String, Vec<Vec<String>>>;

/// What to read, and where.
pub(super) struct IdReader<'a> {
    pub(super) links: &'a mut Links,
    /// The largest number of keys that ids are looked for in.
    pub(super) scan_budget: u64,
    pub(super) timeout: Duration,
}

impl IdReader<'_> {
    /// A row for each id, with its column first; without ids, one row.
    pub(super) async fn rows(
        mut self,
        ids: &ReadIds<'_>,
        read: &ReadColumns,
        wanted: &Columns,
    ) -> Result<Rows, Problem> {
        let column = ids.column();
        let ids = match ids {
            ReadIds::None => vec![String::new()],
            ReadIds::Members { sets, id } => self.members(*sets, id.as_ref()).await?,
            ReadIds::Keys { pattern, id } => self.keys(pattern, id).await?,
        };
        let names: Vec<&str> = column.into_iter().chain(read.keys().map(String::as_str)).collect();
        let templates: Vec<&Vec<String>> = read.values().flatten().collect();
        let now = self.now(&templates).await?;
        let mut table = ReplyTable::new(&names, wanted);
        for ids in ids.chunks(AT_ONCE.div_ceil(templates.len().max(1))) {
            let commands: Vec<Words> = large::in_place(ids.len() * templates.len(), || {
                let of_id = |id: &String| {
                    let fill = |word: &String| filled(word, id, now);
                    let command = |words: &&Vec<String>| words.iter().map(fill).collect();
                    templates.iter().map(command).collect::<Vec<Words>>()
                };
                ids.iter().flat_map(of_id).collect()
            });
            let replies = self.links.ask_all(&commands, self.timeout).await?;
            accept(&replies, &templates)?;
            large::in_place(commands.len(), || {
                let mut replies = replies.into_iter().flatten();
                ids.iter().try_for_each(|id| {
                    let id = column.is_some().then(|| Cell::Text(id.clone()));
                    let number = |commands: &Vec<_>| {
                        sum(replies.by_ref().take(commands.len()).map(value::cell).collect())
                    };
                    let numbers: Vec<_> = read.values().map(number).collect();
                    table.push(id.into_iter().chain(numbers))
                })
            })?;
        }
        Ok(table.finish())
    }

    /// The members of sets, or the ids in them. Sets with too many are not read.
    async fn members(&mut self, sets: SetKeys<'_>, id: Option<&Regex>) -> Result<Vec<String>, Problem> {
        let sets = match sets {
            SetKeys::One(set) => vec![set.to_owned()],
            SetKeys::Matching(pattern) => {
                let whole = Regex::new(WHOLE).map_err(|error| Problem::new(Reason::Internal, error))?;
                self.keys(pattern, &whole).await?
            }
        };
        let sizes = self.of_each("SCARD", &sets).await?;
        at_most(
            sizes.into_iter().filter_map(|size| value::cell(size).number()).sum(),
            "the sets have",
            "members",
        )?;
        let members = self.of_each("SMEMBERS", &sets).await?;
        let members = members.into_iter().flat_map(|members| value::list(members).unwrap_or_default());
        let texts = members.filter_map(value::into_text);
        let ids = texts.filter_map(|member| match id {
            Some(id) => first_group(id, &member).map(str::to_owned),
            None => Some(member),
        });
        distinct(ids.collect())
    }

    /// The answers to a command for each key.
    async fn of_each(&mut self, command: &str, keys: &[String]) -> Result<Vec<Value>, Problem> {
        let commands: Vec<Words> = keys.iter().map(|key| words([command, key])).collect();
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let replies = self.links.ask_all(&commands, self.timeout).await?;
        replies.into_iter().map(|reply| reply.map_err(|refusal| refusal.problem(command))).collect()
    }

    /// The ids in the keys that match a pattern.
    async fn keys(&mut self, pattern: &str, id: &Regex) -> Result<Vec<String>, Problem> {
        let scan = Scan { links: &mut *self.links, pattern, budget: self.scan_budget, timeout: self.timeout };
        let rows = scan.ids(id).await?.rows;
        #[expect(clippy::cast_precision_loss, reason = "the scan's budget is far below 2^53")]
        at_most(rows.len() as f64, "the keys have", "ids")?;
        distinct(rows.into_iter().flatten().filter_map(Cell::into_text).collect())
    }

    /// The time of the server in seconds, if a command needs it.
    async fn now(&mut self, templates: &[&Vec<String>]) -> Result<u64, Problem> {
        if !templates.iter().any(|words| words.iter().any(|word| has_now(word))) {
            return Ok(0);
        }
        let time = self.links.ask(words(["TIME"]), self.timeout).await?;
        let time = value::list(time.map_err(|refusal| refusal.problem("TIME"))?).unwrap_or_default();
        let seconds = time.into_iter().next().and_then(value::into_text).and_then(|text| text.parse().ok());
        seconds.ok_or_else(|| Problem::new(Reason::Protocol, "unexpected answer to TIME"))
    }
}

/// The whole key as its id.
const WHOLE: &str = "(?s)^(.*)$";

/// Each id once, in order.
fn distinct(mut ids: Vec<String>) -> Result<Vec<String>, Problem> {
    if ids.iter().any(|id| id.len() > LONGEST_ID) {
        let detail = format!("an id is longer than {LONGEST_ID} bytes: let `id` match a part");
        return Err(Problem::new(Reason::Query, detail));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn at_most(number: f64, what: &str, of: &str) -> Result<(), Problem> {
    #[expect(clippy::cast_precision_loss, reason = "it is far below 2^53")]
    match number > MOST_IDS as f64 {
        true => {
            let detail = format!("{what} {number} {of}, more than {MOST_IDS}");
            Err(Problem::new(Reason::Cardinality, detail))
        }
        false => Ok(()),
    }
}

/// The first refusal as a problem. What the account lacks for one id, it lacks for others.
fn accept(replies: &[Reply], templates: &[&Vec<String>]) -> Result<(), Problem> {
    let refusals = || {
        let of_template = replies.iter().zip(templates.iter().cycle());
        of_template.filter_map(|(reply, words)| Some((reply.as_ref().err()?, *words)))
    };
    let Some((first, words)) = refusals().next() else { return Ok(()) };
    let by_pattern = refusals().map(|(refusal, words)| {
        let pattern = words.iter().find(|word| word.contains(ID)).map(|word| word.replace(ID, "*"));
        match pattern {
            Some(pattern) => refusal.clone().of_pattern(&pattern),
            None => refusal.clone(),
        }
    });
    Err(first.problem(&words[0]).fixed_by(refusal::remedy(by_pattern)))
}

/// What a column holds: the only answer, or the sum of those that are numbers.
fn sum(mut cells: Vec<Cell>) -> Cell {
    match &cells[..] {
        [_] => cells.remove(0),
        several => several
            .iter()
            .filter_map(Cell::number)
            .reduce(|one, other| one + other)
            .map_or(Cell::Null, Cell::Number),
    }
}
