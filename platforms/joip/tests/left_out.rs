//! Accounts that do not count: those of staff, of tests, and deleted ones.

use std::collections::BTreeSet;

use super::viewer::{Viewer, text};
use super::{COUNTED, DOCUMENT, Deployment, Spelling, Values, answers, shows};
use testkit::exporter::Exporter;
use testkit::joip::world::{World, email, id};

/// The world without what these accounts have done.
fn without(world: World, left_out: &BTreeSet<usize>) -> World {
    let counts = |user: Option<usize>| user.is_none_or(|user| !left_out.contains(&user));
    World {
        // Nobody is known by the position among users in what is exported.
        users: world
            .users
            .into_iter()
            .enumerate()
            .filter(|(user, _)| counts(Some(*user)))
            .map(|(_, user)| user)
            .collect(),
        events: world.events.into_iter().filter(|row| counts(row.user)).collect(),
        sessions: world.sessions.into_iter().filter(|(user, _)| counts(*user)).collect(),
        media: world.media.into_iter().filter(|(user, _)| counts(*user)).collect(),
        referrals: world.referrals.into_iter().filter(|row| counts(Some(row.referee))).collect(),
        transactions: world.transactions.into_iter().filter(|row| counts(Some(row.user))).collect(),
        shares: world.shares.into_iter().filter(|row| counts(row.user)).collect(),
        ..world
    }
}

/// The documented parameters.
fn parameters() -> &'static str {
    let (_, rest) = DOCUMENT.split_once("# accounts left out\n").unwrap();
    rest.split_once("```").unwrap().0
}

#[tokio::test]
async fn accounts_are_left_out_of_every_number() {
    let world = World::populated();
    for spelling in [Spelling::Folded, Spelling::Quoted, Spelling::Snake] {
        let deployment = Deployment::of(&world, spelling).await;
        deployment.run("ALTER TABLE users ADD COLUMN deletedAt TIMESTAMP").await;
        deployment.run("UPDATE users SET deletedAt = now() WHERE id LIKE 'user-%7'").await;
        let is_left_out = |user: usize| {
            user == 5
                || user == 2100
                || email(user).ends_with("@Staff.example.com")
                || id(user).ends_with('7')
        };
        let left_out: BTreeSet<_> = (0..world.users.len()).filter(|user| is_left_out(*user)).collect();
        let condition = spelling.of("condition=deletedAt IS NOT NULL");
        let variables = ["accounts=user-5,user-2100", "domains=staff.example.com,example.org", &condition];
        // It may be run again.
        for _ in 0..2 {
            deployment.psql("postgres", COUNTED, &variables);
        }
        let config = deployment.config(parameters());
        let exporter = Exporter::start(&config).await;
        let expected = answers(&without(World::populated_at(world.end), &left_out));
        every_family_differs(&answers(&world), &expected);
        shows(&exporter, &expected).await;
        let (is_good, said) = deployment.check_live(&config);
        assert!(is_good, "{said}");

        // The tables and the export leave them out, too.
        let viewer = Viewer::of(&deployment, &world, parameters());
        let left_out: BTreeSet<_> = left_out.into_iter().map(id).collect();
        for (title, rows) in viewer.all() {
            let ids = rows.iter().filter(|row| row.contains_key("id")).map(|row| text(row, "id"));
            assert!(ids.clone().all(|id| !left_out.contains(&id)), "{title}");
        }
    }
}

/// Each number of users, and what is derived from them, is another one; community likes are all by one account.
fn every_family_differs(before: &Values, after: &Values) {
    let family = |series: &str| series.split('{').next().unwrap().to_owned();
    let all: BTreeSet<_> = before.keys().map(|series| family(series)).collect();
    let changed = before
        .iter()
        .filter(|(series, value)| after.get(*series) != Some(*value))
        .map(|(series, _)| family(series));
    let same: Vec<_> = all.difference(&changed.collect()).cloned().collect();
    let may_be_the_same =
        |name: &String| name.starts_with("joip_community_likes") || name.ends_with("_timestamp_seconds");
    assert!(same.iter().all(may_be_the_same), "{same:?}");
}
