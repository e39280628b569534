//! What established exporters derive from answers, as further fields of these answers.

use ::mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use platform_core::probe::Problem;

use super::command::{decoded, raw};

const PRIMARY: &str = "PRIMARY";

/// The answers of a command with these fields.
pub(super) fn enriched(command: &str, answers: Vec<RawDocumentBuf>) -> Result<Vec<RawDocumentBuf>, Problem> {
    let Some(enrich) = enrichment(command) else { return Ok(answers) };
    let enrich = |answer: &RawDocumentBuf| {
        let mut answer = decoded(answer)?;
        enrich(&mut answer);
        raw(&answer)
    };
    answers.iter().map(enrich).collect()
}

/// What adds the fields to the answer of a command.
fn enrichment(command: &str) -> Option<fn(&mut Document)> {
    match command {
        "buildInfo" => Some(build_info),
        "replSetGetStatus" => Some(members),
        "serverStatus" => Some(engines),
        "top" => Some(namespaces),
        _ => None,
    }
}

/// The edition and the vendor.
fn build_info(answer: &mut Document) {
    let modules = answer.get_array("modules").ok();
    let is_enterprise =
        modules.and_then(|modules| modules.first()).is_some_and(|first| first.as_str() == Some("enterprise"));
    let vendor = if answer.contains_key("psmdbVersion") { "Percona" } else { "MongoDB" };
    answer.insert("edition", if is_enterprise { "Enterprise" } else { "Community" });
    answer.insert("vendor", vendor);
}

/// The storage engine as a list, which is empty for a router.
fn engines(answer: &mut Document) {
    let engine = answer.get_document("storageEngine").and_then(|engine| engine.get_str("name"));
    let engines: Vec<_> = engine.into_iter().map(|name| doc! {"name": name, "one": 1}).collect();
    answer.insert("engines", engines);
}

/// The name of the set in each member, whether it is the one that answers, and how far it is behind the primary.
fn members(answer: &mut Document) {
    let set = answer.get_str("set").unwrap_or_default().to_owned();
    let Ok(members) = answer.get_array_mut("members") else { return };
    let mut members: Vec<_> = members.iter_mut().filter_map(Bson::as_document_mut).collect();
    let newest = members.iter().find(|member| is_primary(member)).and_then(|primary| last_operation(primary));
    for member in &mut members {
        let behind = newest.zip(last_operation(member)).filter(|_| !is_primary(member));
        let is_self = member.get_bool("self").unwrap_or(false);
        member.insert("set", &set);
        member.insert("isSelf", if is_self { "1" } else { "0" });
        if let Some((newest, own)) = behind {
            member.insert("replicationLag", (newest - own).abs());
        }
    }
    let number = i64::try_from(members.len()).unwrap_or(i64::MAX);
    answer.insert("numberOfMembers", number);
}

fn is_primary(member: &Document) -> bool {
    member.get_str("stateStr").is_ok_and(|state| state == PRIMARY)
}

/// The second of a member's last operation; `None` for a member that cannot be reached.
fn last_operation(member: &Document) -> Option<i64> {
    let seconds = member.get_datetime("optimeDate").ok()?.timestamp_millis() / 1000;
    (seconds != 0).then_some(seconds)
}

/// The database and the collection of each namespace. A note among them is none.
fn namespaces(answer: &mut Document) {
    let Ok(totals) = answer.get_document_mut("totals") else { return };
    totals.remove("note");
    for (namespace, counts) in totals.iter_mut() {
        let (database, collection) = namespace.split_once('.').unwrap_or((namespace, ""));
        if let Some(counts) = counts.as_document_mut() {
            counts.insert("database", database);
            counts.insert("collection", collection);
        }
    }
}

#[cfg(test)]
mod tests;
