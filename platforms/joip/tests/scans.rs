//! No query goes over a table more than once.

use platform_core::query::Ask;

use super::{Deployment, Spelling, loaded};
use testkit::joip::world::World;

#[tokio::test]
async fn each_query_scans_each_table_once() {
    let deployment = Deployment::of(&World::populated(), Spelling::Folded).await;
    let config = loaded(&deployment.config(""));
    assert!(config.queries().len() > 10);
    for query in config.queries() {
        let name = &query.spec.name;
        let Ask::One { question, .. } = &query.ask else { panic!("{name} queries several sources") };
        let sql = question.value().as_str().expect("it is SQL");
        // In one transaction: an index with several ranges to look up counts each of them.
        let scans = "SELECT relname, seq_scan + (idx_scan > 0)::int FROM pg_stat_xact_user_tables \
                     WHERE seq_scan > 0 OR idx_scan > 0 ORDER BY 1";
        let output = deployment.postgres.sql(&format!("{sql}; SELECT 'scans'; {scans}")).await;
        let (_, scans) = output.rsplit_once("scans\n").unwrap();
        assert!(!scans.is_empty(), "{name}");
        assert!(scans.lines().all(|line| line.ends_with("|1")), "{name}: {scans}");
    }
}
