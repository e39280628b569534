//! Which MongoDB queries are guaranteed to be read-only.

use serde_json::{Map, Value};

use super::MongoQuestion;

/// The commands that only read and run no code of the caller.
const COMMANDS: [&str; 17] = [
    "aggregate",
    "buildInfo",
    "collStats",
    "connPoolStats",
    "connectionStatus",
    "count",
    "dataSize",
    "dbStats",
    "distinct",
    "hello",
    "hostInfo",
    "listDatabases",
    "ping",
    "replSetGetConfig",
    "replSetGetStatus",
    "serverStatus",
    "top",
];

const WRITES: [&str; 2] = ["$out", "$merge"];
const JAVASCRIPT: [&str; 3] = ["$function", "$accumulator", "$where"];

impl MongoQuestion {
    /// The name of the command, at any position among its arguments.
    pub fn command_name(&self) -> Option<&str> {
        self.command.as_ref().and_then(name)
    }

    /// Checks that the parts of the query fit together, and that it is read-only.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match (&self.collection, &self.command) {
            (Some(_), None) if self.each.is_none() => self.pipeline.iter().try_for_each(reads),
            (None, Some(command)) if self.pipeline.is_empty() => {
                let name = name(command).ok_or(
                    "expected a read-only command: aggregate, buildInfo, collStats, connPoolStats, \
                     connectionStatus, count, dataSize, dbStats, distinct, hello, hostInfo, listDatabases, \
                     ping, replSetGetConfig, replSetGetStatus, serverStatus or top",
                )?;
                if name == "aggregate" && self.each.is_some() {
                    return Err("expected no `each`: each document of an aggregation is already a row");
                }
                entries_read(command)
            }
            _ => Err("expected either `collection` with `pipeline`, or `command`"),
        }
    }
}

fn name(command: &Map<String, Value>) -> Option<&str> {
    command.keys().map(String::as_str).find(|key| COMMANDS.contains(key))
}

/// Checks all levels: a `$facet` may contain a stage that writes, and any expression JavaScript.
fn reads(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::Array(elements) => elements.iter().try_for_each(reads),
        Value::Object(entries) => entries_read(entries),
        _ => Ok(()),
    }
}

fn entries_read(entries: &Map<String, Value>) -> Result<(), &'static str> {
    entries.iter().try_for_each(|(key, value)| key_reads(key).and_then(|()| reads(value)))
}

fn key_reads(key: &str) -> Result<(), &'static str> {
    if WRITES.contains(&key) {
        return Err("expected read-only stages: `$out` and `$merge` write");
    }
    if JAVASCRIPT.contains(&key) {
        return Err("expected no JavaScript: `$function`, `$accumulator` and `$where` load the server");
    }
    Ok(())
}
