//! HiveSync's table, by the pack's own roll-up, scripts and role.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use platform_exporter::config::{self, Surroundings};
use platform_exporter::schedule::{RollUpKeeper, check_roll_up};

use super::{at, written};
use testkit::hivesync::{ROLL_UP as SCRIPT, SCHEMA};
use testkit::postgres::Postgres;

const USERS: u32 = 300;

/// Something that a user did.
struct Act {
    user: u32,
    at: Timestamp,
    what: What,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Login,
    LiveView,
    /// Another kind of session, which makes nobody active.
    Sync,
    /// An AI request that was completed after this many milliseconds, or was not.
    Ai(Option<i64>),
    Preview,
}

impl Act {
    fn row(&self) -> String {
        let Self { user, at, what } = self;
        let user = if *user == NOBODY { "NULL".to_owned() } else { user.to_string() };
        match what {
            What::Login => {
                format!("INSERT INTO sessions (user_id, kind, created_at) VALUES ({user}, 'login', '{at}');")
            }
            What::LiveView => format!(
                "INSERT INTO sessions (user_id, kind, created_at) VALUES ({user}, 'live_view', '{at}');"
            ),
            What::Sync => {
                format!("INSERT INTO sessions (user_id, kind, created_at) VALUES ({user}, 'sync', '{at}');")
            }
            What::Ai(None) => format!(
                "INSERT INTO ai_usage_events (user_id, status, created_at, completed_at) VALUES ({user}, 'failed', '{at}', '{at}'::timestamptz + interval '9 s');"
            ),
            What::Ai(Some(ms)) => format!(
                "INSERT INTO ai_usage_events (user_id, status, created_at, completed_at) VALUES ({user}, 'completed', '{at}', '{at}'::timestamptz + interval '{ms} ms');"
            ),
            What::Preview => format!(
                "INSERT INTO preview_jobs (user_id, project_id, status, created_at) VALUES ({user}, 1, 'queued', '{at}');"
            ),
        }
    }

    fn ended(&self) -> Option<(Timestamp, i64)> {
        match self.what {
            What::Ai(Some(ms)) => Some((self.at + SignedDuration::from_millis(ms), ms)),
            _ => None,
        }
    }
}

fn acts() -> Vec<Act> {
    let mut random = fastrand::Rng::with_seed(23);
    let first = at("2026-06-01T00:00:00Z");
    let act = |random: &mut fastrand::Rng| {
        let what = match random.u32(0..8) {
            0 => What::Login,
            1 => What::LiveView,
            2 => What::Sync,
            3 => What::Ai(None),
            // Some take an hour: those that begin in the evening end on the next day.
            4..=6 => What::Ai(Some(random.i64(100..3_600_000))),
            _ => What::Preview,
        };
        let at = first + SignedDuration::from_millis(random.i64(0..45 * 86_400_000));
        // Many have no user.
        let user = if random.u32(..4) == 0 { NOBODY } else { random.u32(1..=USERS) };
        Act { user, at, what }
    };
    (0..2500).map(|_| act(&mut random)).collect()
}

/// Accounts that are no users: two by their ids, one by a mark, one that is deleted.
const LEFT_OUT: &str = "excluded_users: ['1', '2'], test_account: is_test, deleted_at: deleted_at";

/// The ids of those accounts, and that of rows without one.
const NO_USERS: [u32; 5] = [NOBODY, 1, 2, 3, 4];

const NOBODY: u32 = 0;

const COLUMNS: &str = "
    ALTER TABLE users ADD is_test boolean, ADD deleted_at timestamptz;
    GRANT SELECT (is_test, deleted_at) ON users TO platform_roll_up;
    ALTER TABLE sessions ALTER user_id DROP NOT NULL;
    ALTER TABLE ai_usage_events ALTER user_id DROP NOT NULL;
    ALTER TABLE preview_jobs ALTER user_id DROP NOT NULL;";

fn load(table: &str, url: &str, timestamps: &str, more: &str) -> config::Config {
    testkit::install_ring();
    let text = format!(
        "sources: {{app: {{postgres: {{url: 'postgres://db/app'}}}}, store: {{redis: {{url: 'redis://cache'}}}}}}\n\
         packs: {{hivesync: {{db: app, cache: store, roll_up_table: '{table}', {LEFT_OUT}, timestamp_type: {timestamps}, \
         roll_up: {{write_url: '{url}'{more}}}}}}}"
    );
    let surroundings = Surroundings {
        variable: &|_| None,
        file: &|_| Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    config::load(&text, "platform.yml", surroundings).unwrap_or_else(|faults| panic!("{faults}"))
}

#[tokio::test]
async fn the_table_holds_what_the_rows_say() {
    table_of("timestamptz").await;
}

/// Neither the zone of the server nor that of the days is that of the columns.
#[tokio::test]
async fn times_without_a_zone_are_utc() {
    table_of("timestamp").await;
}

async fn table_of(timestamps: &str) {
    let server = Postgres::options().setting("timezone = 'Asia/Tokyo'").start().await;
    server.sql(SCHEMA).await;
    for _ in 0..2 {
        server.sql(SCRIPT).await;
    }
    server
        .sql(&format!(
            "INSERT INTO users (id, username, email) SELECT id, id, id FROM generate_series(1, {USERS}) AS id"
        ))
        .await;
    server.sql("INSERT INTO projects (id, user_id, name) VALUES (1, 1, 'one')").await;
    server.sql(COLUMNS).await;
    server.sql("UPDATE users SET is_test = id = 3, deleted_at = CASE WHEN id = 4 THEN now() END").await;
    let acts = acts();
    let rows: Vec<_> = acts.iter().map(Act::row).collect();
    for rows in rows.chunks(500) {
        server.sql(&rows.concat()).await;
    }
    for (table, column) in [
        ("sessions", "created_at"),
        ("ai_usage_events", "created_at"),
        ("ai_usage_events", "completed_at"),
        ("preview_jobs", "created_at"),
    ] {
        let using = if timestamps == "timestamp" { "AT TIME ZONE 'UTC'" } else { "" };
        let change = format!(
            "ALTER TABLE {table} ALTER {column} DROP DEFAULT, \
             ALTER {column} TYPE {timestamps} USING {column} {using}"
        );
        server.sql(&change).await;
    }
    let url = server.url_as("platform_roll_up", "", "postgres");
    let config =
        load("usage_analytics_daily", &url, timestamps, ", time_zone: America/New_York, back_fill: 5d");
    let roll_up = &config.roll_ups()[0];
    assert_eq!(check_roll_up(roll_up).await, Ok(()));
    let mut keeper = RollUpKeeper::new(roll_up.clone());
    keeper.see(0, 41.0, at("2026-07-12T03:59:59Z"));
    keeper.see(0, 17.0, at("2026-07-12T04:00:00Z"));
    assert_eq!(written(&mut keeper, "2026-07-13T20:00:00Z").await, 6);
    assert_eq!(written(&mut keeper, "2026-07-13T20:00:00Z").await, 0);
    let table = server.sql("SELECT * FROM usage_analytics_daily ORDER BY date").await;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('|').collect()).collect();
    assert_eq!(rows.len(), 6, "{table}");
    // In that summer, New York's midnight is at 04:00 UTC.
    let mut start = at("2026-07-08T04:00:00Z");
    for row in rows {
        let end = start + SignedDuration::from_hours(24);
        let users = |from: Timestamp| {
            let active = acts.iter().filter(|act| act.what != What::Sync && act.at >= from && act.at < end);
            let active = active.map(|act| act.user).filter(|user| !NO_USERS.contains(user));
            active.collect::<BTreeSet<_>>().len()
        };
        let of_day = |is: fn(What) -> bool| {
            acts.iter().filter(|act| is(act.what) && act.at >= start && act.at < end).count()
        };
        let latencies: Vec<_> = acts
            .iter()
            .filter_map(Act::ended)
            .filter(|(at, _)| *at >= start && *at < end)
            .map(|(_, ms)| ms)
            .collect();
        let average = latencies.iter().sum::<i64>() as f64 / latencies.len() as f64;
        let counts = [
            users(start),
            users(end - SignedDuration::from_hours(30 * 24)),
            of_day(|what| matches!(what, What::Ai(_))),
            of_day(|what| what == What::Preview),
        ];
        assert_eq!(row[1..5], counts.map(|count| count.to_string()), "{row:?}");
        assert!(counts[0] > 10 && counts[1] > 200 && counts[2] > 10 && counts[3] > 0, "{counts:?}");
        // PostgreSQL has averages to the microsecond.
        assert!((row[5].parse::<f64>().unwrap() - average).abs() < 0.001, "{row:?} {average}");
        assert_eq!(
            row[6],
            if row[0] == "2026-07-11" {
                "41"
            } else if row[0] == "2026-07-12" {
                "17"
            } else {
                ""
            }
        );
        start = end;
    }
    // The table may have another name.
    server.sql("ALTER TABLE usage_analytics_daily RENAME TO \"Days\"").await;
    let config = load("public.\"Days\"", &url, timestamps, ", time_zone: America/New_York, back_fill: 5d");
    assert_eq!(
        written(&mut RollUpKeeper::new(config.roll_ups()[0].clone()), "2026-07-13T20:00:00Z").await,
        0
    );
}

/// The role reads nothing that the rows are not made of, and deletes nothing.
#[tokio::test]
async fn the_role_has_no_other_rights() {
    let server = Postgres::start().await;
    server.sql(SCHEMA).await;
    server.sql(SCRIPT).await;
    for (sql, is_allowed) in [
        ("SELECT * FROM usage_analytics_daily", true),
        ("SELECT email FROM users", false),
        ("SELECT name FROM projects", false),
        ("SELECT device_id FROM sessions", false),
        ("DELETE FROM usage_analytics_daily", false),
        ("INSERT INTO sessions (user_id, kind) VALUES (1, 'login')", false),
        ("CREATE TABLE mine ()", false),
    ] {
        let answer = server.try_sql(&format!("SET ROLE platform_roll_up; {sql}")).await;
        assert_eq!(answer.is_ok(), is_allowed, "{sql}: {answer:?}");
    }
}
