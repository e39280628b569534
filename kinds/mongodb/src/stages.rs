//! The stages of a pipeline, by name.

use platform_core::query::{Misuse, QueryPart};
use platform_core::yaml::hint;
use serde_json::Value;

use super::read_only;

/// Those that only read.
/// <https://www.mongodb.com/docs/manual/reference/mql/aggregation-stages/>
const STAGES: [&str; 46] = [
    "$addFields",
    "$bucket",
    "$bucketAuto",
    "$changeStream",
    "$changeStreamSplitLargeEvent",
    "$collStats",
    "$count",
    "$currentOp",
    "$densify",
    "$documents",
    "$facet",
    "$fill",
    "$geoNear",
    "$graphLookup",
    "$group",
    "$indexStats",
    "$limit",
    "$listClusterCatalog",
    "$listLocalSessions",
    "$listSampledQueries",
    "$listSearchIndexes",
    "$listSessions",
    "$lookup",
    "$match",
    "$planCacheStats",
    "$project",
    "$querySettings",
    "$queryStats",
    "$rankFusion",
    "$redact",
    "$replaceRoot",
    "$replaceWith",
    "$sample",
    "$score",
    "$scoreFusion",
    "$search",
    "$searchMeta",
    "$set",
    "$setWindowFields",
    "$shardedDataDistribution",
    "$skip",
    "$sort",
    "$sortByCount",
    "$unionWith",
    "$unset",
    "$unwind",
];

/// Checks the stages of a pipeline.
pub(super) fn check(pipeline: &[Value]) -> Result<(), Misuse> {
    pipeline.iter().enumerate().try_for_each(|(index, stage)| {
        let misuse = match read_only::check(stage) {
            Err(error) => Some(Misuse::from(error)),
            Ok(()) => misspelt(stage),
        };
        misuse.map_or(Ok(()), |misuse| {
            Err(Misuse { part: Some(QueryPart { key: "pipeline", index }), ..misuse })
        })
    })
}

/// A stage whose name resembles that of another one. Servers newer than this list may have further ones.
fn misspelt(stage: &Value) -> Option<Misuse> {
    let name = stage.as_object()?.keys().find(|name| !STAGES.contains(&name.as_str()))?;
    let hint = hint(name, STAGES)?;
    Some(Misuse { part: None, message: format!("there is no stage `{name}`"), hint: Some(hint) })
}
