//! What an account may not see is a problem with its remedy, beside everything that it may see.

use platform_core::probe::Reason;
use platform_core::query::Question;

use super::{OpenTransaction, postgres, reasons, sessions, the, value, with};
use testkit::postgres::Postgres;

#[tokio::test]
async fn without_pg_monitor_name_the_grant_and_give_the_rest() {
    let server = Postgres::start().await;
    server.sql("CREATE ROLE \"We Watch\" LOGIN").await;
    server.sql("CREATE DATABASE closed").await;
    server.sql("REVOKE CONNECT ON DATABASE closed FROM PUBLIC").await;
    let _other = OpenTransaction::asleep(&server, "SELECT 1").await;
    let mut subject = postgres(&server.url_as("We%20Watch", "", "postgres"));
    let observation = subject.probe().await.expect("it answers");
    assert_eq!(reasons(&observation), [Reason::Permission; 3], "{:?}", observation.problems);
    let details: String = observation.problems.iter().map(ToString::to_string).collect();
    for problem in &observation.problems {
        assert_eq!(problem.remedy.as_deref(), Some("GRANT pg_monitor TO \"We Watch\";"), "{problem}");
    }
    assert!(details.contains("42501: permission denied for function pg_ls_waldir"), "{details}");
    let families = observation.families;
    // Ourselves, and somebody who does something.
    assert_eq!(sessions(&families, "postgres", "active"), Some(1.0));
    assert_eq!(sessions(&families, "postgres", "unknown"), Some(1.0));
    assert_eq!(the(&families, "pg_settings_max_connections", &[]), 40.0);
    assert!(the(&families, "pg_database_size_bytes", &["postgres"]) > 0.0);
    assert_eq!(value(&families, "pg_database_size_bytes", &["closed"]), None);
    assert_eq!(value(&families, "pg_wal_segments", &[]), None);
    // How long the hidden transaction has been open is not known, nor whether that is long.
    assert_eq!(with(&families, "pg_stat_activity_max_tx_duration", &[("datname", "postgres")]), [0.0; 0]);
    assert_eq!(value(&families, "pg_long_running_transactions", &[]), None);

    server.sql("GRANT pg_monitor TO \"We Watch\"").await;
    let observation = subject.probe().await.expect("it answers");
    assert_eq!(observation.problems, []);
    assert_eq!(sessions(&observation.families, "postgres", "active"), Some(2.0));
    assert_eq!(sessions(&observation.families, "postgres", "unknown"), None);
    assert!(the(&observation.families, "pg_database_size_bytes", &["closed"]) > 0.0);
    let active = [("datname", "postgres"), ("state", "active")];
    let open = with(&observation.families, "pg_stat_activity_max_tx_duration", &active);
    assert!(open.len() == 2 && open.iter().all(|age| *age > 0.0), "{open:?}");
    assert_eq!(the(&observation.families, "pg_long_running_transactions", &[]), 1.0);
}

#[tokio::test]
async fn a_table_that_may_not_be_read_is_a_permission_problem() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE payroll (salary int)").await;
    server.sql("CREATE ROLE watcher LOGIN").await;
    let mut subject = postgres(&server.url_as("watcher", "", "postgres"));
    let question = Question::new("sql", "SELECT sum(salary) FROM payroll");
    let problem = subject.rows(&question).await.expect_err("it is not ours");
    assert_eq!(problem.to_string(), "permission: 42501: permission denied for table payroll");
}
