//! What goes wrong, in its own words, and the next run that goes well.

use std::process::Stdio;
use std::time::Duration;

use kind_postgres::DailyTable;
use platform_core::probe::{Problem, Reason};
use platform_exporter::schedule::{RollUpKeeper, check_roll_up};
use platform_exporter::snapshot::{RollUpEvent, RollUpRun, RollUpState};

use super::{DECLARED, SOON, at, decoded, roll_up, server};
use testkit::postgres::Postgres;
use testkit::process::write_secret;
use testkit::proxy::{Mode, Proxy};
use testkit::wait::eventually;

const NOW: &str = "2026-05-06T11:00:00Z";

fn impatient(url: &str) -> RollUpKeeper {
    RollUpKeeper::new(roll_up(DECLARED, &format!("{{write_url: '{url}', timeout: 5s, back_fill: 1d}}")))
}

async fn problem(keeper: &mut RollUpKeeper) -> Problem {
    let problem = keeper.run(at(NOW)).await.problem.expect("it fails");
    assert!(!problem.detail.contains("pencil") && !problem.detail.contains("writer:"), "{problem}");
    problem
}

async fn is_well(keeper: &mut RollUpKeeper) {
    assert_eq!(keeper.run(at(NOW)).await.problem, None);
}

/// What is not as it should be is reported by the run, and by the check, which never writes.
#[tokio::test]
async fn what_is_missing_is_reported() {
    let server = server().await;
    let url = server.url_as("writer", "pencil", "postgres");
    for (break_it, repair_it, reason, reported) in [
        (
            "ALTER TABLE visits_daily RENAME TO x",
            "ALTER TABLE x RENAME TO visits_daily",
            Reason::Query,
            "42P01: relation \"visits_daily\" does not exist",
        ),
        (
            "ALTER TABLE visits_daily RENAME avg_ms TO x",
            "ALTER TABLE visits_daily RENAME x TO avg_ms",
            Reason::Query,
            "42703: column \"avg_ms\" of relation \"visits_daily\" does not exist",
        ),
        (
            "ALTER TABLE visits RENAME ms TO x",
            "ALTER TABLE visits RENAME x TO ms",
            Reason::Query,
            "42703: column \"ms\" does not exist",
        ),
        (
            "ALTER TABLE visits_daily DROP CONSTRAINT visits_daily_pkey",
            "ALTER TABLE visits_daily ADD PRIMARY KEY (day)",
            Reason::Query,
            "42P10: there is no unique or exclusion constraint",
        ),
        (
            "REVOKE SELECT ON visits FROM writer",
            "GRANT SELECT ON visits TO writer",
            Reason::Permission,
            "42501: permission denied for table visits",
        ),
        (
            "REVOKE INSERT ON visits_daily FROM writer",
            "GRANT INSERT ON visits_daily TO writer",
            Reason::Permission,
            "42501: permission denied for table visits_daily",
        ),
        (
            "REVOKE UPDATE ON visits_daily FROM writer",
            "GRANT UPDATE ON visits_daily TO writer",
            Reason::Permission,
            "42501: permission denied for table visits_daily",
        ),
        (
            "REVOKE SELECT ON visits_daily FROM writer",
            "GRANT SELECT ON visits_daily TO writer",
            Reason::Permission,
            "42501: permission denied for table visits_daily",
        ),
        (
            "ALTER ROLE writer NOLOGIN",
            "ALTER ROLE writer LOGIN",
            Reason::Auth,
            "28000: role \"writer\" is not permitted to log in",
        ),
        (
            "ALTER ROLE writer PASSWORD 'crayon'",
            "ALTER ROLE writer PASSWORD 'pencil'",
            Reason::Auth,
            "28P01: password authentication failed",
        ),
    ] {
        server.sql(break_it).await;
        let mut keeper = impatient(&url);
        let found = problem(&mut keeper).await;
        assert_eq!(found.reason, reason, "{break_it}: {found}");
        assert!(found.detail.contains(reported), "{break_it}: {found}");
        let plan = roll_up(DECLARED, &format!("{{write_url: '{url}'}}"));
        let checked = check_roll_up(&plan).await.expect_err(break_it);
        assert_eq!(checked.reason, reason, "{break_it}: {checked}");
        assert!(checked.detail.contains(reported), "{break_it}: {checked}");
        server.sql(repair_it).await;
        assert_eq!(check_roll_up(&plan).await, Ok(()), "{repair_it}");
        assert_eq!(server.sql("SELECT count(*) FROM visits_daily").await, "0", "a check writes nothing");
        is_well(&mut keeper).await;
        server.sql("TRUNCATE visits_daily").await;
    }
}

/// A client that holds the table, until it is dropped.
async fn lock(server: &Postgres) -> tokio::process::Child {
    let mut psql = tokio::process::Command::new("psql");
    let script = "SET application_name = 'holder'; BEGIN; LOCK TABLE visits_daily; SELECT pg_sleep(600)";
    psql.args(["-X", "-q", "-d", &server.url(), "-c", script]).stdout(Stdio::null()).stderr(Stdio::null());
    let child = psql.kill_on_drop(true).spawn().expect("psql is not installed: run `make deps`");
    let sleeps = "SELECT count(*) FROM pg_stat_activity \
                  WHERE application_name = 'holder' AND wait_event = 'PgSleep'";
    eventually(SOON, "it holds the table", async || server.sql(sleeps).await == "1").await;
    child
}

#[tokio::test]
async fn a_locked_table_and_a_frozen_server_are_time_outs() {
    let server = server().await;
    let mut keeper = impatient(&server.url_as("writer", "pencil", "postgres"));
    let holder = lock(&server).await;
    let found = problem(&mut keeper).await;
    assert_eq!(found.reason, Reason::Timeout, "{found}");
    assert!(found.detail.contains("55P03"), "{found}");
    // Nothing of it goes on on the server.
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'writer'";
    eventually(SOON, "it has let go", async || server.sql(ours).await == "0").await;
    drop(holder);
    let held = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holder'";
    server
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'")
        .await;
    eventually(SOON, "the table is free", async || server.sql(held).await == "0").await;
    is_well(&mut keeper).await;

    server.stop();
    assert_eq!(problem(&mut keeper).await.reason, Reason::Timeout);
    server.resume();
    is_well(&mut keeper).await;
}

#[tokio::test]
async fn a_slow_answer_is_ended_on_the_server() {
    let server = server().await;
    let declared = DECLARED.replace("count(*) AS month_users", "(SELECT 1 FROM pg_sleep(60)) AS month_users");
    let url = server.url_as("writer", "pencil", "postgres");
    let plan = roll_up(&declared, &format!("{{write_url: '{url}', timeout: 5s}}"));
    let found = problem(&mut RollUpKeeper::new(plan)).await;
    assert_eq!(found.reason, Reason::Timeout, "{found}");
    assert!(found.detail.starts_with("2026-05-06: 57014"), "{found}");
}

#[tokio::test]
async fn a_bad_network_is_distinguished() {
    let server = server().await;
    let proxy = Proxy::start(&server.address()).await;
    let mut keeper = impatient(&proxy.through(&server.url_as("writer", "pencil", "postgres")));
    for (mode, reason) in [
        (Mode::Refuse, Reason::Connect),
        (Mode::Reset, Reason::Connect),
        (Mode::Blackhole, Reason::Timeout),
        (Mode::Cut(400), Reason::Connect),
        (Mode::Garbage, Reason::Protocol),
    ] {
        is_well(&mut keeper).await;
        proxy.set(mode).await;
        let found = problem(&mut keeper).await;
        assert_eq!(found.reason, reason, "{mode:?}: {found}");
        proxy.set(Mode::Pass).await;
    }
    is_well(&mut keeper).await;
}

/// Only the statement that makes a row may write, and only one statement is taken.
/// Where it shows in the text, no server is asked.
#[test]
fn a_second_statement_is_refused_at_once() {
    let sql = "SELECT 1 AS users, 1 AS month_users, 1 AS visits, 1 AS avg_ms) AS c ON true; DELETE FROM visits; SELECT (1";
    let declared = format!(
        "{{table: visits_daily, day: day, columns: [users, month_users, visits, avg_ms], sql: '{sql}'}}"
    );
    let faults = decoded::<DailyTable>(&declared).expect_err("it has three statements").to_string();
    assert!(faults.contains("a second statement"), "{faults}");
}

#[tokio::test]
async fn the_sql_of_a_pack_cannot_do_anything_else() {
    let server = server().await;
    server.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO writer").await;
    let url = server.url_as("writer", "pencil", "postgres");
    for sql in [
        "WITH gone AS (DELETE FROM visits RETURNING 1) SELECT 1 AS users, 1 AS month_users, 1 AS visits, 1 AS avg_ms FROM gone",
        "SELECT 1 AS users, 1 AS month_users, 1 AS visits, 1 AS avg_ms FROM generate_series(1, 2)",
    ] {
        let declared = format!(
            "{{table: visits_daily, day: day, columns: [users, month_users, visits, avg_ms], sql: '{sql}'}}"
        );
        let plan = roll_up(&declared, &format!("{{write_url: '{url}'}}"));
        let found = problem(&mut RollUpKeeper::new(plan)).await;
        assert_eq!(found.reason, Reason::Query, "{sql}: {found}");
        assert_eq!(server.sql("SELECT count(*) FROM visits_daily").await, "0", "{sql}");
    }
}

#[tokio::test]
async fn a_rotated_password_counts_with_the_next_run() {
    let server = server().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let url = server.url_as("writer", "", "postgres");
    let config = format!("{{write_url: '{url}', write_password_file: {}, back_fill: 1d}}", file.display());
    let mut keeper = RollUpKeeper::new(roll_up(DECLARED, &config));
    assert_eq!(problem(&mut keeper).await.reason, Reason::Auth);
    write_secret(&file, "pencil\n");
    is_well(&mut keeper).await;
}

/// A change is reported once, in the log; the counts are in the metrics.
#[test]
fn a_failure_is_reported_once() {
    let mut state = RollUpState::default();
    let mut ran = |problem: Option<Reason>| {
        let problem = problem.map(|reason| Problem::new(reason, "on purpose"));
        let run = RollUpRun { written: 0, problem, duration: Duration::from_secs(1) };
        state.ran(run, std::time::SystemTime::now())
    };
    let failed = |reason| Some(RollUpEvent::Failed(Problem::new(reason, "on purpose")));
    assert_eq!(ran(None), None);
    assert_eq!(ran(Some(Reason::Connect)), failed(Reason::Connect));
    assert_eq!(ran(Some(Reason::Connect)), None);
    assert_eq!(ran(Some(Reason::Auth)), failed(Reason::Auth));
    assert_eq!(ran(Some(Reason::Connect)), None);
    assert_eq!(ran(None), Some(RollUpEvent::Recovered));
    assert_eq!(ran(None), None);
}
