//! A pruned log: the script that prunes it, and what it does not blind.

use super::answers::repeated;
use super::{Deployment, PRUNE, SOON, Spelling, answers, shows};
use crate::bundle::of_pack;
use testkit::exporter::Exporter;
use testkit::joip::world::{DAY, World};

#[tokio::test]
async fn the_script_deletes_what_is_older_in_batches_and_only_when_asked() {
    let mut world = World::populated();
    for spelling in [Spelling::Folded, Spelling::Quoted, Spelling::Snake] {
        let deployment = Deployment::of(&world, spelling).await;
        let prune = |variables: &[&str]| deployment.psql("postgres", PRUNE, variables);
        let count = async || deployment.postgres.sql("SELECT count(*) FROM user_activity_logs").await;
        let older = world.events.iter().filter(|event| event.age > 60 * DAY).count();
        let (all, kept) = (world.events.len(), world.events.len() - older);
        assert!(older > 1000 && kept > 1000);

        let said = prune(&["days=60"]);
        assert!(said.contains(&format!("{older} events are older than 60 days.")), "{said}");
        assert!(said.contains("Nothing is deleted"), "{said}");
        assert_eq!(count().await, all.to_string());
        assert!(prune(&["delete=yes"]).contains("0 events are older than 400 days."));
        assert_eq!(count().await, all.to_string());

        let transactions = "SELECT pg_current_xact_id()::text::bigint";
        let before: usize = deployment.postgres.sql(transactions).await.parse().unwrap();
        prune(&["days=60", "delete=yes", "batch=100", "pause=0"]);
        let after: usize = deployment.postgres.sql(transactions).await.parse().unwrap();
        assert_eq!(count().await, kept.to_string());
        assert!(after - before > older / 100, "{older} rows went in {} transactions", after - before);
    }
    // No number about the last days changes with it.
    let deployment = Deployment::of(&world, Spelling::Folded).await;
    let exporter = Exporter::start(&deployment.config("")).await;
    shows(&exporter, &answers(&world)).await;
    deployment.psql("postgres", PRUNE, &["days=60", "delete=yes"]);
    world.events.retain(|event| event.age <= 60 * DAY);
    shows(&exporter, &answers(&world)).await;
}

/// Every event of today is tracked twice. The log has fewer events than the counters, because it is pruned.
#[tokio::test]
async fn duplicates_are_found_in_a_pruned_log() {
    let mut world = World::populated();
    world.events.retain(|event| event.age < 7 * DAY);
    let today: Vec<_> = world.events.iter().filter(|event| event.age < DAY).cloned().collect();
    world.events.extend(today);
    let created = world.events.iter().filter(|event| event.action == "session_created").count();
    let position = testkit::joip::world::COUNTERS.iter().position(|name| *name == "sessionsCreated").unwrap();
    let counters = world.users.iter().filter_map(|user| user.counters.as_ref());
    let counted: u32 = counters.filter_map(|counters| counters[position]).sum();
    assert!((created as u64) < u64::from(counted) / 2, "{created} of {counted}");

    let deployment = Deployment::of(&world, Spelling::Folded).await;
    let exporter = Exporter::start(&deployment.config("")).await;
    shows(&exporter, &answers(&world)).await;
    let of_today: f64 =
        repeated(world.events.iter().filter(|event| event.age < DAY)).values().map(|times| times - 1.0).sum();
    let (_, rules) = of_pack(&deployment.config(""), "joip");
    let prometheus = crate::bundle::panels::prometheus(&exporter).await;
    let (_, rule) = rules.split_once("alert: JoipEventsTrackedTwice").unwrap();
    let (expr, _) = rule.split_once("for:").unwrap();
    let expr = expr.split_once("expr:").unwrap().1.replace(">-", "").replace("|-", "");
    let events = world.events.iter().filter(|event| event.age < DAY).count();
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let expected = of_today / events as f64;
    testkit::wait::until(SOON, "the alert's expression has a value", async || {
        let found = prometheus.query(&expr).await;
        let value: f64 = found.get(0)?["value"][1].as_str()?.parse().ok()?;
        ((value - expected).abs() < 1e-9).then_some(())
    })
    .await;
    assert!(expected > 0.3, "{expected}");
}

/// The limit of the alert is a parameter.
#[tokio::test]
async fn the_retention_is_a_parameter() {
    let deployment = Deployment::of(&World::populated(), Spelling::Folded).await;
    let (_, rules) = of_pack(&deployment.config("    retention_days: 90\n"), "joip");
    assert!(rules.contains("> 90 * 86400") && rules.contains("the retention is 90 days"), "{rules}");
}
