//! What a user pays, from everything that he has subscribed to.

use std::collections::BTreeMap;

use super::{Deployment, SOON};
use testkit::exporter::Exporter;

/// A subscription: plan, status, and in how many days its trial ends and it was cancelled; negative for days ago.
type Row = (&'static str, &'static str, Option<i64>, Option<i64>);

/// The subscriptions of a user, what he pays if nothing is known of cancellations, and if their times are.
const USERS: [(&[Row], &str, &str); 11] = [
    (&[("pro", "canceled", Some(-30), Some(-31))], "trial_expired", "trial_expired"),
    (&[("pro", "canceled", Some(7), Some(-1))], "trial_expired", "trial_expired"),
    (&[("pro", "canceled", Some(-30), Some(-5))], "trial_expired", "free"),
    (&[("pro", "canceled", None, Some(-5))], "free", "free"),
    (&[("pro", "expired", Some(-60), None), ("pro", "canceled", None, Some(-5))], "free", "free"),
    (
        &[("pro", "expired", Some(-60), None), ("pro", "canceled", Some(-30), Some(-5))],
        "trial_expired",
        "free",
    ),
    (&[("pro", "canceled", Some(-30), Some(-31)), ("pro", "active", None, None)], "paid", "paid"),
    (&[("pro", "canceled", None, Some(-5)), ("pro", "trialing", Some(7), None)], "trial", "trial"),
    (&[("pro", "trialing", Some(-1), None)], "trial_expired", "trial_expired"),
    (&[("free", "canceled", None, Some(-5))], "free", "free"),
    (&[], "free", "free"),
];

#[tokio::test]
async fn cancelled_trials_are_expired_trials_and_former_customers_are_free() {
    let deployment = Deployment::bare().await;
    let mut script = "ALTER TABLE subscriptions ADD canceled_at timestamptz; \
                      GRANT SELECT (canceled_at) ON subscriptions TO platform_exporter;"
        .to_owned();
    for (id, (rows, ..)) in (1..).zip(&USERS) {
        script += &format!("INSERT INTO users (id, username, email) VALUES ({id}, '{id}', '{id}');");
        for (plan, status, trial_ends, canceled) in *rows {
            let at = |days: &Option<i64>| {
                days.map_or_else(|| "NULL".to_owned(), |days| format!("now() + interval '{days} days'"))
            };
            script += &format!(
                "INSERT INTO subscriptions (user_id, plan, status, trial_ends_at, canceled_at) \
                 VALUES ({id}, '{plan}', '{status}', {}, {});",
                at(trial_ends),
                at(canceled)
            );
        }
    }
    deployment.postgres.sql(&script).await;
    let without = USERS.map(|(_, state, _)| state);
    let with = USERS.map(|(.., state)| state);
    for (more, states) in [("", without), ("    canceled_at: canceled_at\n", with)] {
        let exporter = Exporter::start(&(deployment.config() + more)).await;
        let mut expected: BTreeMap<&str, f64> = BTreeMap::new();
        states.iter().for_each(|state| *expected.entry(state).or_default() += 1.0);
        for (state, count) in expected {
            let series = format!("hivesync_users{{source=\"app-db\",plan_state=\"{state}\"}}");
            exporter.wait_for(&series, count, SOON).await;
        }
    }
}
