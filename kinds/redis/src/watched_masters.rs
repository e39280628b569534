//! What a sentinel knows of the masters that it watches.

use std::time::Duration;

use ::redis::Value;
use platform_core::probe::Problem;
use platform_core::query::{Cell, Columns, Rows};

use super::link::{Reply, Words, words};
use super::links::Links;
use super::refusal::ReplyRefusal;
use super::table::Records;
use super::value::{into_text, list};

/// A sentinel is asked three times about each master.
const MOST_MASTERS: usize = 50;

/// The fields of SENTINEL MASTERS, with those that take further questions.
pub(super) struct WatchedMasters(Vec<Vec<(String, Cell)>>);

impl WatchedMasters {
    /// Asks about each master in an answer to SENTINEL MASTERS.
    pub(super) async fn ask(
        answer: Value,
        links: &mut Links,
        timeout: Duration,
    ) -> Result<Result<Self, ReplyRefusal>, Problem> {
        let mut masters: Vec<_> = maps(answer).take(MOST_MASTERS).collect();
        let questions: Vec<Words> =
            masters.iter().flat_map(|master| questions(text(master, "name"))).collect();
        let mut replies = links.exchange(&None, &questions, timeout).await?.into_iter();
        for master in &mut masters {
            let (Some(quorum), Some(sentinels), Some(replicas)) =
                (replies.next(), replies.next(), replies.next())
            else {
                break;
            };
            match known(master, quorum, sentinels, replicas) {
                Ok(known) => master.extend(known),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Ok(Ok(Self(masters)))
    }

    /// A row for each master.
    pub(super) fn rows(&self, wanted: &Columns) -> Result<Rows, Problem> {
        let mut records = Records::new(wanted);
        for (name, _) in self.0.iter().flatten() {
            records.column(name)?;
        }
        for master in &self.0 {
            records.push(master.iter().cloned())?;
        }
        Ok(records.finish())
    }
}

fn questions(master: &str) -> [Words; 3] {
    ["CKQUORUM", "SENTINELS", "SLAVES"].map(|what| words(["SENTINEL", what, master]))
}

fn known(
    master: &[(String, Cell)],
    quorum: Reply,
    sentinels: Reply,
    replicas: Reply,
) -> Result<[(String, Cell); 4], ReplyRefusal> {
    let has_quorum = match quorum {
        Ok(_) => true,
        Err(refusal) if refusal.is_no_quorum() => false,
        Err(refusal) => return Err(refusal),
    };
    let address = format!("{}:{}", text(master, "ip"), text(master, "port"));
    // A sentinel does not list itself.
    let sentinels = 1 + up(sentinels?);
    Ok([
        ("address".to_owned(), Cell::Text(address)),
        ("ckquorum".to_owned(), number(usize::from(has_quorum))),
        ("ok-sentinels".to_owned(), number(sentinels)),
        ("ok-slaves".to_owned(), number(up(replicas?))),
    ])
}

/// How many instances are not down, in the sentinel's own opinion or in that of others.
fn up(instances: Value) -> usize {
    let is_up = |instance: &Vec<(String, Cell)>| {
        !text(instance, "flags").split(',').any(|flag| matches!(flag, "s_down" | "o_down"))
    };
    maps(instances).filter(is_up).count()
}

fn maps(answer: Value) -> impl Iterator<Item = Vec<(String, Cell)>> {
    list(answer).unwrap_or_default().into_iter().map(|map| {
        let texts: Vec<String> = list(map).unwrap_or_default().into_iter().filter_map(into_text).collect();
        let field = |[name, value]: &[String; 2]| (name.clone(), Cell::Text(value.clone()));
        texts.as_chunks().0.iter().map(field).collect()
    })
}

fn text<'a>(fields: &'a [(String, Cell)], name: &str) -> &'a str {
    match fields.iter().find(|(field, _)| field == name) {
        Some((_, Cell::Text(text))) => text,
        _ => "",
    }
}

#[expect(clippy::cast_precision_loss, reason = "every number of a sample is a float")]
fn number(count: usize) -> Cell {
    Cell::Number(count as f64)
}
