//! How the database answers the pack's queries.

use std::collections::BTreeMap;

use platform_core::query::Ask;
use serde_json::Value;

use super::Deployment;
use testkit::config::load;
use testkit::hivesync::world::World;

/// The tables that a plan reads, each with how many of its nodes do.
fn tables(node: &Value, found: &mut BTreeMap<String, usize>) {
    if let Some(table) = node["Relation Name"].as_str() {
        *found.entry(table.to_owned()).or_default() += 1;
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        tables(child, found);
    }
}

#[tokio::test]
async fn no_query_reads_a_table_twice() {
    let deployment = Deployment::of(&World::populated()).await;
    let config =
        load(&deployment.config(), "platform.yml", &|_| None).unwrap_or_else(|faults| panic!("{faults}"));
    let mut read = BTreeMap::new();
    for query in config.queries() {
        let questions = match &query.ask {
            Ask::One { question, .. } => vec![question],
            Ask::Distinct(parts) => parts.iter().map(|part| &part.question).collect(),
        };
        for question in questions {
            let Some(sql) = question.value().as_str() else { continue };
            let plan = deployment.postgres.sql(&format!("EXPLAIN (FORMAT JSON) {sql}")).await;
            let plan: Value = serde_json::from_str(&plan).unwrap();
            let mut found = BTreeMap::new();
            tables(&plan[0]["Plan"], &mut found);
            assert!(found.values().all(|times| *times == 1), "{}: {found:?}", query.spec.name);
            read.extend(found);
        }
    }
    let read: Vec<_> = read.into_keys().collect();
    assert_eq!(read, ["ai_usage_events", "preview_jobs", "projects", "sessions", "subscriptions", "users"]);
}
