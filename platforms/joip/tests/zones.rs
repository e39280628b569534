//! An application that writes another time zone than UTC, in columns without one.

use super::viewer::Viewer;
use super::{Deployment, Spelling, answers, shows};
use testkit::exporter::Exporter;
use testkit::joip::world::World;

const ZONE: &str = "Asia/Kathmandu";

/// Every column with a time that is read.
const COLUMNS: [(&str, &str); 9] = [
    ("users", "createdAt"),
    ("user_activity_logs", "createdAt"),
    ("user_usage_stats", "lastActivityAt"),
    ("content_sessions", "createdAt"),
    ("media_vault", "createdAt"),
    ("referrals", "createdAt"),
    ("credit_transactions", "createdAt"),
    ("community_shares", "createdAt"),
    ("community_likes", "createdAt"),
];

/// Gives each column another type, and its values what `$` becomes.
async fn change(deployment: &Deployment, column_type: &str, using: &str) {
    for (table, column) in COLUMNS {
        let using = using.replace('$', column);
        let change = format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {column_type} USING {using}");
        deployment.postgres.sql(&change).await;
    }
}

#[tokio::test]
async fn numbers_and_tables_are_the_same_whatever_time_zone_the_application_writes() {
    let world = World::populated();
    let deployment = Deployment::of(&world, Spelling::Folded).await;
    let mut in_utc = Viewer::of(&deployment, &world, "").all();

    change(&deployment, "timestamp", &format!("$ AT TIME ZONE 'UTC' AT TIME ZONE '{ZONE}'")).await;
    let parameter = format!("    time_zone: {ZONE}\n");
    let exporter = Exporter::start(&deployment.config(&parameter)).await;
    shows(&exporter, &answers(&world)).await;
    let mut in_local_time = Viewer::of(&deployment, &world, &parameter).all();
    // Days begin at another time, and counters are shown as they are stored.
    for title in ["Events by day and feature", "Captions by theme", "Themes selected", "User counters"] {
        assert_ne!(in_utc.remove(title), in_local_time.remove(title), "{title}");
    }
    assert_eq!(instants(in_local_time), instants(in_utc.clone()));

    // Columns with a time zone need no parameter.
    change(&deployment, "timestamptz", &format!("$ AT TIME ZONE '{ZONE}'")).await;
    let exporter = Exporter::start(&deployment.config("")).await;
    shows(&exporter, &answers(&world)).await;
    let mut with_zone = Viewer::of(&deployment, &world, "").all();
    with_zone.retain(|title, _| in_utc.contains_key(title));
    assert_eq!(instants(with_zone), instants(in_utc));
}

/// The tables with every time as the instant that Grafana shows: without a time zone, it is in UTC.
fn instants(tables: std::collections::BTreeMap<String, Vec<super::viewer::Row>>) -> String {
    let text = serde_json::to_string(&tables).unwrap();
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+([+-]\d\d:\d\d)?").unwrap();
    let instant = |found: &regex::Captures<'_>| {
        let zone = if found.get(1).is_some() { "" } else { "Z" };
        let instant = format!("{}{zone}", &found[0]).parse::<jiff::Timestamp>();
        instant.unwrap_or_else(|error| panic!("{found:?}: {error}")).to_string()
    };
    time.replace_all(&text, instant).into_owned()
}
