//! Queries of MongoDB.

use platform_core::query::{Language, Misuse};

use super::{read_only, stages};

/// A MongoDB query: `{collection, pipeline}` or `{command}`. One row for each document of the answer.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
pub struct MongoQuestion {
    /// The database; default: that of the URL (for commands: `admin`). `*` queries every database, and adds the column
    /// `database`.
    pub database: Option<String>,
    /// The collection to aggregate; one that does not exist is an error, not an empty result. `*` queries all
    /// collections that the source lists in `collections`, and adds the columns `database` and `collection`.
    pub collection: Option<String>,
    /// The aggregation's stages, in MongoDB's extended JSON.
    #[serde(default)]
    pub pipeline: Vec<serde_json::Value>,
    /// A read-only command, such as `{serverStatus: 1}`. Its columns are dotted paths into the reply.
    pub command: Option<serde_json::Map<String, serde_json::Value>>,
    /// The path of an array in an answer: one row for each element, in column `value` if it is a scalar. Or the path of a
    /// sub-document: one row for each of its keys, with the key in column `key`.
    pub each: Option<String>,
}

impl MongoQuestion {
    /// The name of the command, at any position among its arguments.
    pub(super) fn command_name(&self) -> Option<&str> {
        self.command.as_ref().and_then(read_only::command_name)
    }
}

impl Language for MongoQuestion {
    const KEY: &'static str = "mongo";
    const HAS_PLANS: bool = true;

    fn check(&self) -> Result<(), Misuse> {
        match (&self.collection, &self.command) {
            (Some(_), None) if self.each.is_none() => stages::check(&self.pipeline),
            (None, Some(command)) if self.pipeline.is_empty() => {
                if read_only::command_name(command).is_none() {
                    return Err(read_only::unknown(command));
                }
                Ok(read_only::check_entries(command)?)
            }
            _ => Err("expected either `collection` with `pipeline`, or `command`".into()),
        }
    }
}
