//! Queries as MongoDB commands.

use ::mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc};
use platform_core::probe::{Problem, Reason};
use serde::Deserialize;

use super::question::MongoQuestion;

/// The command, with its name as the first key, as the server requires.
pub(super) fn of(question: &MongoQuestion) -> Result<Document, Problem> {
    let arguments: Document = decode(&question.command)?;
    let Some(name) = question.command_name() else {
        return Err(Problem::new(Reason::Query, "expected a command that only reads"));
    };
    let mut command = Document::new();
    if let Some(value) = arguments.get(name) {
        command.insert(name, value.clone());
    }
    command.extend(arguments.into_iter().filter(|(key, _)| key != name));
    Ok(command)
}

/// The aggregation of a collection.
pub(super) fn of_collection(collection: &str, question: &MongoQuestion) -> Result<Document, Problem> {
    let pipeline: Vec<Document> = decode(question.pipeline.as_slice())?;
    Ok(doc! {"aggregate": collection, "pipeline": pipeline})
}

/// JSON as BSON, with the types of MongoDB's extended JSON.
fn decode<T: for<'de> Deserialize<'de>>(json: impl serde::Serialize) -> Result<T, Problem> {
    let wrong = |error| Problem::new(Reason::Query, format!("not MongoDB's extended JSON: {error}"));
    serde_json::to_value(json).and_then(T::deserialize).map_err(wrong)
}

/// A document as it is on the wire.
pub(super) fn raw(document: &Document) -> Result<RawDocumentBuf, Problem> {
    RawDocumentBuf::try_from(document).map_err(|error| Problem::new(Reason::Protocol, error))
}

/// A document of the wire.
pub(super) fn decoded(document: &RawDocument) -> Result<Document, Problem> {
    Document::try_from(document)
        .map_err(|error| Problem::new(Reason::Protocol, format!("the answer is not BSON: {error}")))
}

/// The command with its time limit on the server.
pub(super) fn limited(command: &Document, limit: i64) -> Document {
    let mut command = command.clone();
    command.insert("maxTimeMS", limit);
    command
}
