//! What a SELECT may leave behind in its session beside settings.

use platform_core::query::Cell;

use super::pools::PgBouncer;
use super::questions::{RUNS, ask, cells};
use super::{postgres, source, yaml};
use testkit::postgres::Postgres;

const HELD: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
const OURS: &str = "SELECT 1 AS value FROM (SELECT pg_advisory_lock(7), pg_advisory_lock_shared(8)) AS locks";

#[tokio::test]
async fn advisory_locks_are_released() {
    let server = Postgres::start().await;
    server.sql("CREATE FUNCTION locking() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM (SELECT pg_advisory_lock(9)) AS l'").await;
    // What somebody puts into the way is not what is called.
    server
        .sql("CREATE FUNCTION pg_advisory_unlock_all() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(60)'")
        .await;
    server.sql("ALTER ROLE postgres SET search_path = public, pg_catalog").await;
    let mut subject = postgres(&server.url());
    for _ in 0..RUNS {
        for sql in [OURS, "SELECT locking()", "SELECT pg_advisory_lock(7) WHERE false"] {
            ask(&mut subject, sql).await.unwrap_or_else(|problem| panic!("{sql}: {problem}"));
            assert_eq!(server.sql(HELD).await, "0", "{sql}");
        }
        ask(&mut subject, "SELECT 1 / (locking() - 1)").await.expect_err("it fails with the lock held");
        assert_eq!(server.sql(HELD).await, "0");
        // What releases them gives no row of its own.
        assert_eq!(ask(&mut subject, "SELECT 1 AS n WHERE false").await.expect("it answers").rows.len(), 0);
        assert_eq!(cells(&mut subject, "SELECT 1").await, [Cell::Number(1.0)]);
    }
}

/// In a pool, the session is also that of others.
#[tokio::test]
async fn in_a_pool_those_of_others_are_kept() {
    let server = Postgres::start().await;
    let pool = PgBouncer::start(&server).await;
    let mut subject = source(&yaml(&pool.url(), "pgbouncer: true"));
    for _ in 0..RUNS {
        ask(&mut subject, OURS).await.expect("it answers");
        assert_eq!(server.sql(HELD).await, "0");
    }
    pool.psql("SELECT pg_advisory_lock(1)").await;
    for _ in 0..RUNS {
        assert_eq!(cells(&mut subject, "SELECT 1").await, [Cell::Number(1.0)]);
        assert_eq!(server.sql(HELD).await, "1");
    }
}
