//! The server's plan of an aggregation, with what it has read.

use ::mongodb::bson::{Bson, Document};
use platform_core::query::{Cell, Rows};

const COLUMNS: [&str; 4] = ["step", "index", "keys read", "documents read"];

/// The steps of a plan, a row for each: the last stage of the pipeline first, each above what it gets its documents from.
pub(super) fn steps(explained: &Document) -> Rows {
    let mut rows = Vec::new();
    explained_by(explained, 0, &mut rows);
    Rows::new(COLUMNS.map(str::to_owned).to_vec(), rows)
}

/// A server runs what it can as one query, and the further stages of the pipeline on its result.
fn explained_by(explained: &Document, mut depth: usize, rows: &mut Vec<Vec<Cell>>) {
    if let Ok(shards) = explained.get_document("shards") {
        for (name, shard) in shards {
            rows.push(row(depth, name, None, None));
            shard.as_document().into_iter().for_each(|shard| explained_by(shard, depth + 1, rows));
        }
        return;
    }
    let stages = explained.get_array("stages").map_or(&[][..], Vec::as_slice);
    for stage in stages.iter().rev().filter_map(Bson::as_document) {
        match stage.get_document("$cursor") {
            Ok(cursor) => query(cursor, depth, rows),
            Err(_) => {
                let name = stage.keys().next().map_or("", String::as_str);
                rows.push(row(depth, name, None, None));
            }
        }
        depth += 1;
    }
    if stages.is_empty() {
        query(explained, depth, rows);
    }
}

/// The steps of a query. What it has read is known of all of them together.
fn query(explained: &Document, depth: usize, rows: &mut Vec<Vec<Cell>>) {
    let plan = explained.get_document("queryPlanner").and_then(|planner| planner.get_document("winningPlan"));
    let Ok(plan) = plan.map(|plan| plan.get_document("queryPlan").unwrap_or(plan)) else { return };
    step(plan, explained.get_document("executionStats").ok(), depth, rows);
}

fn step(plan: &Document, read: Option<&Document>, depth: usize, rows: &mut Vec<Vec<Cell>>) {
    rows.push(row(depth, plan.get_str("stage").unwrap_or_default(), plan.get_str("indexName").ok(), read));
    let inputs = plan.get_array("inputStages").map_or(&[][..], Vec::as_slice).iter();
    let inputs = inputs.filter_map(Bson::as_document).chain(plan.get_document("inputStage").ok());
    inputs.for_each(|input| step(input, None, depth + 1, rows));
}

fn row(depth: usize, step: &str, index: Option<&str>, read: Option<&Document>) -> Vec<Cell> {
    let number = |key: &str| match read.and_then(|read| read.get(key)) {
        Some(Bson::Int32(number)) => Cell::Number((*number).into()),
        Some(Bson::Int64(number)) => Cell::Text(number.to_string()),
        _ => Cell::Null,
    };
    vec![
        Cell::Text(format!("{}{step}", "  ".repeat(depth))),
        index.map_or(Cell::Null, |index| Cell::Text(index.to_owned())),
        number("totalKeysExamined"),
        number("totalDocsExamined"),
    ]
}

#[cfg(test)]
mod tests {
    use ::mongodb::bson::doc;

    use super::*;

    fn text(rows: &Rows) -> Vec<String> {
        let text = |cell: &Cell| cell.text().unwrap_or_else(|| "-".to_owned());
        rows.rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join("|")).collect()
    }

    fn cursor() -> Document {
        doc! {
            "queryPlanner": {"winningPlan": {"stage": "FETCH", "inputStage": {"stage": "IXSCAN", "indexName": "state_1"}}},
            "executionStats": {"totalKeysExamined": 7, "totalDocsExamined": 7_i64},
        }
    }

    #[test]
    fn a_pipeline_stands_above_the_query_that_feeds_it() {
        let explained =
            doc! {"stages": [{"$cursor": cursor()}, {"$group": {"_id": null}, "nReturned": 1_i64}]};
        let expected = ["$group|-|-|-", "  FETCH|-|7|7", "    IXSCAN|state_1|-|-"];
        assert_eq!(text(&steps(&explained)), expected);
    }

    #[test]
    fn shards_and_what_is_one_query_are_understood() {
        let mut planned = cursor();
        let plan = planned.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap().clone();
        planned.insert("queryPlanner", doc! {"winningPlan": {"queryPlan": plan, "slotBasedPlan": {}}});
        let explained = doc! {"shards": {"rs0": planned, "rs1": cursor()}};
        let of_shard = ["  FETCH|-|7|7", "    IXSCAN|state_1|-|-"];
        let expected = [&["rs0|-|-|-"], &of_shard[..], &["rs1|-|-|-"], &of_shard].concat();
        assert_eq!(text(&steps(&explained)), expected);
        assert!(steps(&doc! {}).rows.is_empty());
    }
}
