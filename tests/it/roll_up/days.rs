//! What is written, and when.

use std::time::Duration;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{
    BERLIN, Expected, Visit, at, depth, expected, insert, keeper, roll_up, rows, server, table, written,
};
use testkit::wait::until;

/// In this data, Berlin is an hour before UTC until 29 March at 01:00 UTC, and two hours from then on.
const SUMMER: &str = "2026-03-29T01:00:00Z";

/// The first moment of a day in Berlin, by the rule above and not by a library.
fn midnight(day: jiff::civil::Date) -> Timestamp {
    let utc = day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let winter = utc - SignedDuration::from_hours(1);
    if winter < at(SUMMER) { winter } else { utc - SignedDuration::from_hours(2) }
}

/// Visits of 400 users in 60 days around the change to summer time, the same with every run.
fn generated() -> Vec<Visit> {
    let mut random = fastrand::Rng::with_seed(17);
    let first = at("2026-02-20T00:00:00Z");
    let visit = |random: &mut fastrand::Rng| Visit {
        // A few users come often, many seldom.
        user: random.u32(0..20) * random.u32(0..20),
        at: first + SignedDuration::from_micros(random.i64(0..60 * 86_400_000_000)),
        ms: random.u32(1..5000),
    };
    (0..4000).map(|_| visit(&mut random)).collect()
}

#[tokio::test]
async fn every_value_is_what_the_rows_say() {
    let server = server().await;
    let visits = generated();
    insert(&server, &visits).await;
    let mut keeper = keeper(&server, BERLIN);
    keeper.see(0, 7.0, at("2026-04-09T22:00:00Z"));
    let now = at("2026-04-10T09:30:00Z");
    assert_eq!(written(&mut keeper, "2026-04-10T09:30:00Z").await, 32);
    let table = table(&server).await;
    let today = date(2026, 4, 10);
    let days: Vec<_> = (0..=31).rev().map(|back: i64| today - back.days()).collect();
    assert_eq!(table.keys().copied().collect::<Vec<_>>(), days);
    for day in days {
        let (start, end) = (midnight(day), midnight(day.tomorrow().unwrap()));
        let month = midnight(day.tomorrow().unwrap() - 30.days());
        let (row, depth) = &table[&day];
        assert_eq!(*row, expected(&visits, month, start, end), "{day}");
        assert!(row.users > 5 && row.month_users > 50 && row.visits > 10, "{row:?}");
        // 22:00 UTC is midnight in Berlin's summer.
        assert_eq!(*depth, (day == today).then_some(7), "{day}");
    }
    assert!(now > midnight(today));
}

#[tokio::test]
async fn to_write_again_changes_nothing() {
    let server = server().await;
    insert(&server, &generated()).await;
    let now = "2026-04-10T09:30:00Z";
    assert_eq!(written(&mut keeper(&server, BERLIN), now).await, 32);
    let before = rows(&server).await;
    let mut again = keeper(&server, BERLIN);
    assert_eq!(written(&mut again, now).await, 0);
    assert_eq!(written(&mut again, now).await, 0);
    assert_eq!(rows(&server).await, before);
    // Two at once do no harm either.
    server.sql("DELETE FROM visits_daily WHERE day > '2026-04-01'").await;
    let (mut one, mut other) = (keeper(&server, BERLIN), keeper(&server, BERLIN));
    let (one, other) = tokio::join!(written(&mut one, now), written(&mut other, now));
    assert_eq!(one + other, 9);
    let values =
        |rows: &str| rows.lines().map(|row| row.rsplitn(3, '|').last().unwrap().to_owned()).collect();
    let (before, after): (Vec<String>, Vec<String>) = (values(&before), values(&rows(&server).await));
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_day_is_partial_until_it_is_over_and_then_waits_for_late_rows() {
    let server = server().await;
    let mut keeper = keeper(&server, ", back_fill: 1d");
    let visits =
        async |day: &str| server.sql(&format!("SELECT visits FROM visits_daily WHERE day = '{day}'")).await;
    insert(&server, &[Visit::new(1, "2026-05-05T08:00:00Z", 100)]).await;
    written(&mut keeper, "2026-05-05T09:00:00Z").await;
    assert_eq!(visits("2026-05-05").await, "1");
    insert(&server, &[Visit::new(1, "2026-05-05T23:59:59Z", 100)]).await;
    written(&mut keeper, "2026-05-06T00:00:10Z").await;
    assert_eq!(visits("2026-05-05").await, "2");
    // Its transaction took a while.
    insert(&server, &[Visit::new(2, "2026-05-05T23:59:58Z", 100)]).await;
    written(&mut keeper, "2026-05-06T01:00:00Z").await;
    assert_eq!(visits("2026-05-05").await, "3");
    // From now on the day costs nothing more.
    insert(&server, &[Visit::new(3, "2026-05-05T23:59:57Z", 100)]).await;
    written(&mut keeper, "2026-05-06T01:05:00Z").await;
    assert_eq!(visits("2026-05-05").await, "3");
    // A new process looks once more, for it cannot know.
    written(&mut super::keeper(&server, ""), "2026-05-06T01:10:00Z").await;
    assert_eq!(visits("2026-05-05").await, "4");
}

#[tokio::test]
async fn a_gap_is_filled_and_the_day_before_it_made_whole() {
    let server = server().await;
    insert(&server, &generated()).await;
    let whole = async || {
        let row = "SELECT day, users, month_users, visits, avg_ms FROM visits_daily ORDER BY day";
        server.sql(row).await
    };
    written(&mut keeper(&server, ""), "2026-04-15T12:00:00Z").await;
    let expected = whole().await;
    // As it would be after a crash at noon of the 6th, days ago; the 2nd was lost in another way.
    server
        .sql(
            "DELETE FROM visits_daily WHERE day > '2026-04-06' OR day = '2026-04-02';
             UPDATE visits_daily SET visits = 3, users = 2 WHERE day = '2026-04-06'",
        )
        .await;
    assert_eq!(written(&mut keeper(&server, ""), "2026-04-15T12:00:00Z").await, 11);
    assert_eq!(whole().await, expected);
    // A run that ends in the middle leaves what the next one needs to know.
    server.sql("DELETE FROM visits_daily WHERE day > '2026-04-06'; UPDATE visits_daily SET visits = 3 WHERE day = '2026-04-06'").await;
    server.sql("ALTER TABLE visits_daily ADD CONSTRAINT c CHECK (day <> '2026-04-09')").await;
    let mut interrupted = keeper(&server, "");
    let run = interrupted.run(at("2026-04-15T12:00:00Z")).await;
    assert!(run.problem.is_some_and(|problem| problem.detail.starts_with("2026-04-09: 23514")));
    assert_eq!(run.written, 3);
    server.sql("ALTER TABLE visits_daily DROP CONSTRAINT c").await;
    assert_eq!(written(&mut interrupted, "2026-04-15T12:00:00Z").await, 7);
    assert_eq!(whole().await, expected);
    // Further back than it may, nothing is touched.
    server.sql("DELETE FROM visits_daily WHERE day < '2026-04-12'").await;
    assert_eq!(written(&mut keeper(&server, ", back_fill: 5d"), "2026-04-15T12:00:00Z").await, 2);
    assert_eq!(server.sql("SELECT min(day) FROM visits_daily").await, "2026-04-10");
}

/// The clocks change: 23 hours in March, 25 in October. Visits stand at the very edges.
#[tokio::test]
async fn a_day_is_as_long_as_it_is() {
    let server = server().await;
    let edges = [
        // 29 March 2026, 23 hours.
        ("2026-03-28T22:59:59.999999Z", "2026-03-28"),
        ("2026-03-28T23:00:00Z", "2026-03-29"),
        ("2026-03-29T21:59:59.999999Z", "2026-03-29"),
        ("2026-03-29T22:00:00Z", "2026-03-30"),
        // 25 October 2026, 25 hours.
        ("2026-10-24T21:59:59.999999Z", "2026-10-24"),
        ("2026-10-24T22:00:00Z", "2026-10-25"),
        ("2026-10-25T00:30:00Z", "2026-10-25"),
        ("2026-10-25T01:30:00Z", "2026-10-25"),
        ("2026-10-25T22:59:59.999999Z", "2026-10-25"),
        ("2026-10-25T23:00:00Z", "2026-10-26"),
    ];
    let visits: Vec<_> = edges.iter().zip(1..).map(|((at, _), user)| Visit::new(user, at, 1)).collect();
    insert(&server, &visits).await;
    for now in ["2026-03-31T10:00:00Z", "2026-10-27T10:00:00Z"] {
        written(&mut keeper(&server, &format!("{BERLIN}, back_fill: 4d")), now).await;
    }
    let table = table(&server).await;
    for day in ["2026-03-28", "2026-03-29", "2026-03-30", "2026-10-24", "2026-10-25", "2026-10-26"] {
        let count = edges.iter().filter(|(_, of)| *of == day).count();
        let Expected { users, visits, .. } = table[&day.parse().unwrap()].0;
        assert_eq!((users, visits), (count, count), "{day}");
    }
    // 30 days are 30 midnights back: the 30 days that end with 27 March … 25 April count the visit of 30 March.
    let mut keeper = keeper(&server, &format!("{BERLIN}, back_fill: 1d"));
    insert(&server, &[Visit::new(99, "2026-03-26T23:00:00Z", 1)]).await;
    written(&mut keeper, "2026-04-25T10:00:00Z").await;
    written(&mut keeper, "2026-04-26T10:00:00Z").await;
    let months = server
        .sql("SELECT month_users FROM visits_daily WHERE day IN ('2026-04-25', '2026-04-26') ORDER BY day")
        .await;
    assert_eq!(months, "5\n4");
}

#[tokio::test]
async fn what_was_seen_never_falls_and_survives_restarts() {
    let server = server().await;
    insert(&server, &[Visit::new(1, "2026-05-05T08:00:00Z", 100)]).await;
    let first = async |value: Option<f64>, now: &str| {
        let mut keeper = keeper(&server, "");
        value.into_iter().for_each(|value| keeper.see(0, value, at("2026-05-05T10:00:00Z")));
        written(&mut keeper, now).await;
        depth(&server, "2026-05-05").await
    };
    let day = "2026-05-05T11:00:00Z";
    assert_eq!(first(None, day).await, "");
    assert_eq!(first(Some(0.0), day).await, "0");
    assert_eq!(first(Some(12.0), day).await, "12");
    assert_eq!(first(Some(5.0), day).await, "12");
    assert_eq!(first(None, day).await, "12");
    assert_eq!(first(Some(13.0), "2026-05-06T11:00:00Z").await, "13");
    // The others are as nobody saw them.
    assert_eq!(depth(&server, "2026-05-06").await, "");
    assert_eq!(depth(&server, "2026-05-04").await, "");

    let mut keeper = keeper(&server, BERLIN);
    keeper.see(0, 3.0, at("2026-05-07T21:59:59Z"));
    keeper.see(0, 8.0, at("2026-05-07T22:00:00Z"));
    keeper.see(0, 2.0, at("2026-05-07T22:00:01Z"));
    // Nothing could be written meanwhile.
    written(&mut keeper, "2026-05-10T12:00:00Z").await;
    assert_eq!(depth(&server, "2026-05-07").await, "3");
    assert_eq!(depth(&server, "2026-05-08").await, "8");
    assert_eq!(depth(&server, "2026-05-09").await, "");
}

/// A column that others fill stays theirs, and a row of theirs is taken over.
#[tokio::test]
async fn columns_that_are_not_named_are_left_alone() {
    let server = server().await;
    insert(&server, &[Visit::new(1, "2026-05-05T08:00:00Z", 100)]).await;
    server.sql("INSERT INTO visits_daily VALUES ('2026-05-05', 0, 0, 0, 0, 9, 'holiday')").await;
    server.sql("INSERT INTO visits_daily VALUES ('2099-01-01', 0, 0, 0, 0, 0, 'plan')").await;
    let mut keeper = keeper(&server, "");
    keeper.see(0, 4.0, at("2026-05-05T10:00:00Z"));
    written(&mut keeper, "2026-05-05T11:00:00Z").await;
    let row = server.sql("SELECT * FROM visits_daily WHERE day = '2026-05-05'").await;
    assert_eq!(row, "2026-05-05|1|1|1|100|9|holiday");
    assert_eq!(server.sql("SELECT note FROM visits_daily WHERE day = '2099-01-01'").await, "plan");
}

/// Nothing is open between two runs, and roles with odd defaults and quoted names work too.
#[tokio::test]
async fn a_connection_is_there_only_while_it_is_used() {
    let server = server().await;
    server
        .sql(
            "CREATE SCHEMA app; ALTER TABLE visits_daily SET SCHEMA app; GRANT USAGE ON SCHEMA app TO writer;
             ALTER TABLE app.visits_daily RENAME COLUMN users TO \"dailyUsers\";
             ALTER ROLE writer SET DateStyle = 'German'; ALTER ROLE writer SET TimeZone = 'Asia/Tokyo';
             ALTER ROLE writer SET default_transaction_isolation = 'serializable'",
        )
        .await;
    let declared = super::DECLARED
        .replace("table: visits_daily", "table: app.visits_daily")
        .replace("[users,", "['\"dailyUsers\"',")
        .replace("AS users", "AS \"dailyUsers\"");
    let url = server.url_as("writer", "pencil", "postgres");
    let roll_up = roll_up(&declared, &format!("{{write_url: '{url}', pgbouncer: true}}"));
    let mut keeper = platform_exporter::schedule::RollUpKeeper::new(roll_up);
    insert(&server, &[Visit::new(1, "2026-05-05T23:30:00Z", 100)]).await;
    assert_eq!(written(&mut keeper, "2026-05-06T11:00:00Z").await, 32);
    let row = server.sql("SELECT \"dailyUsers\" FROM app.visits_daily WHERE day = '2026-05-05'").await;
    assert_eq!(row, "1");
    until(super::SOON, "nobody is connected", async || {
        let count = server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'writer'").await;
        (count == "0").then_some(())
    })
    .await;
}

#[test]
fn the_pause_ends_soon_after_midnight() {
    let config = "{write_url: 'postgres://db', every: 6h, time_zone: Europe/Berlin}";
    let keeper = platform_exporter::schedule::RollUpKeeper::new(roll_up(super::DECLARED, config));
    let pause = |now: &str| keeper.pause(at(now), Duration::from_secs(6 * 3600)).as_secs();
    assert_eq!(pause("2026-05-05T10:00:00Z"), 6 * 3600);
    // Midnight is at 22:00 UTC; on 29 March the day had 23 hours.
    assert_eq!(pause("2026-05-05T21:00:00Z"), 3600 + 10);
    assert_eq!(pause("2026-05-05T22:00:00Z"), 6 * 3600);
    assert_eq!(pause("2026-03-28T22:59:50Z"), 20);
}
