//! Which queries are guaranteed to write nothing, and to run no code.

use platform_core::query::Misuse;
use platform_core::yaml::hint;
use serde_json::{Map, Value};

/// The commands that only read and run no code of the caller.
const COMMANDS: [&str; 21] = [
    "aggregate",
    "buildInfo",
    "collStats",
    "connPoolStats",
    "connectionStatus",
    "count",
    "dataSize",
    "dbStats",
    "distinct",
    "getDiagnosticData",
    "getParameter",
    "hello",
    "hostInfo",
    "listCollections",
    "listDatabases",
    "listIndexes",
    "ping",
    "replSetGetConfig",
    "replSetGetStatus",
    "serverStatus",
    "top",
];

const WRITES: [&str; 2] = ["$out", "$merge"];
const JAVASCRIPT: [&str; 3] = ["$function", "$accumulator", "$where"];

/// Why a query is refused, with the word that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotReadOnly {
    /// A stage that writes.
    #[error("expected read-only stages, found `{0}`: `$out` and `$merge` write")]
    Writes(String),
    /// A stage or an operator that runs code.
    #[error("expected no JavaScript, found `{0}`: `$function`, `$accumulator` and `$where` load the server")]
    JavaScript(String),
}

impl From<NotReadOnly> for Misuse {
    fn from(error: NotReadOnly) -> Self {
        Self { part: None, message: error.to_string(), hint: None }
    }
}

/// The name of a command that is allowed, at any position among its arguments.
pub(super) fn command_name(command: &Map<String, Value>) -> Option<&str> {
    command.keys().map(String::as_str).find(|key| COMMANDS.contains(key))
}

/// The error for a command of which no key is the name of one that is allowed.
pub(super) fn unknown(command: &Map<String, Value>) -> Misuse {
    let given = command.keys().next().map(|given| format!(", found `{given}`")).unwrap_or_default();
    Misuse {
        part: None,
        message: format!("expected a read-only command{given}: one of {}", COMMANDS.join(", ")),
        hint: command.keys().find_map(|given| hint(given, COMMANDS)),
    }
}

/// Checks a stage or argument at all levels: a `$facet` may contain a stage that writes, and any expression JavaScript.
pub(super) fn check(value: &Value) -> Result<(), NotReadOnly> {
    match value {
        Value::Array(elements) => elements.iter().try_for_each(check),
        Value::Object(entries) => check_entries(entries),
        _ => Ok(()),
    }
}

pub(super) fn check_entries(entries: &Map<String, Value>) -> Result<(), NotReadOnly> {
    entries.iter().try_for_each(|(key, value)| check_key(key).and_then(|()| check(value)))
}

fn check_key(key: &str) -> Result<(), NotReadOnly> {
    if WRITES.contains(&key) {
        return Err(NotReadOnly::Writes(key.to_owned()));
    }
    if JAVASCRIPT.contains(&key) {
        return Err(NotReadOnly::JavaScript(key.to_owned()));
    }
    Ok(())
}
