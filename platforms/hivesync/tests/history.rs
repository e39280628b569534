//! What the restricted dashboard draws from the first minute on.

use std::collections::BTreeSet;

use super::Deployment;
use super::panels::{restricted, rows};
use crate::bundle::{targets, text};
use testkit::exporter::Exporter;
use testkit::hivesync::ROLL_UP;
use testkit::hivesync::world::World;
use testkit::wait::eventually;

const DAY: i64 = 86_400;

/// The users who were active from one moment to another.
fn active(world: &World, from: i64, until: i64) -> usize {
    let sessions = world.sessions.iter().filter(|row| ["login", "live_view"].contains(&row.kind));
    let sessions = sessions.map(|row| (row.user, row.age));
    let jobs = world.requests.iter().chain(&world.previews).map(|job| (job.user, job.age));
    let then = sessions.chain(jobs).filter(|(_, age)| (from..until).contains(&world.at(*age)));
    then.map(|(user, _)| user).collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn charts_over_many_days_have_them_as_soon_as_the_roll_up_runs() {
    let mut world = World::populated();
    // On every day of the last two months, so that all days differ.
    let ages = (1..).step_by(5000).take(1000);
    world.requests.iter_mut().zip(ages).for_each(|(job, age)| (job.age, job.took) = (age, None));
    let deployment = Deployment::of(&world).await;
    deployment.postgres.script("postgres", ROLL_UP).await;
    let url = deployment.postgres.url_as("platform_roll_up", "", "postgres");
    let config = format!("{}    roll_up: {{write_url: '{url}', every: 2s}}\n", deployment.config());
    let dashboard = restricted(&config);
    let select = |title: &str| {
        let panel = dashboard.panels().into_iter().find(|panel| panel["title"] == title).unwrap();
        text(&targets(panel)[0]["rawSql"]).to_owned()
    };
    let _exporter = Exporter::start(&config).await;
    let today = jiff::Timestamp::now().as_second() / DAY * DAY;
    for (title, days, length) in [
        ("Daily active users (14 days)", 14, DAY),
        ("Daily active users (30 days)", 30, DAY),
        ("Monthly active users (30 days)", 30, 30 * DAY),
    ] {
        let starts = (1..=days).rev().map(|day| today - day * DAY);
        let expected: Vec<_> = starts
            .map(|start| format!("{}|{}", start + DAY / 2, active(&world, start + DAY - length, start + DAY)))
            .collect();
        assert!(expected.iter().all(|row| !row.ends_with("|0")), "{expected:?}");
        let sql = format!("SELECT extract(epoch FROM time)::bigint, users FROM ({}) AS chart", select(title));
        eventually(super::SOON, title, async || rows(&deployment, &sql) == expected).await;
    }
    for title in [
        "Requests per day (30 days)",
        "Average AI latency (30 days)",
        "Maximum queue depth per day (30 days)",
    ] {
        assert_eq!(rows(&deployment, &select(title)).len(), 30, "{title}");
    }
}
