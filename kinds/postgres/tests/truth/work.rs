//! Work of a known size, in a database that nobody else uses.

use super::known::Work;
use super::session::{Session, settle};
use super::statistics::temporary;
use testkit::postgres::Postgres;

/// Makes the database, and the table that is worked on.
pub(super) async fn add_books(server: &Postgres) {
    server.add_database("books").await;
    server.script("books", "CREATE TABLE pages (id int); INSERT INTO pages VALUES (-1), (-2);").await;
}

/// Works, and gives what that adds to each counter, once the server has counted it. So many other clients are there.
pub(super) async fn work(server: &Postgres, others: usize) -> Work {
    let (files, bytes) = temporary(server).await;
    let mut session = Session::open(server, "books").await;
    let statements = [
        "INSERT INTO pages SELECT generate_series(1, 1000)",
        "UPDATE pages SET id = id + 10000 WHERE id BETWEEN 1 AND 300",
        "DELETE FROM pages WHERE id BETWEEN 301 AND 500",
        "SET work_mem = '64kB'",
        "SELECT id FROM generate_series(1, 20000) AS id ORDER BY id DESC",
    ];
    for statement in statements {
        session.rows(statement).await;
    }
    for _ in 0..3 {
        session.rows("BEGIN; INSERT INTO pages SELECT generate_series(1, 50); ROLLBACK").await;
    }
    let mut other = Session::open(server, "books").await;
    session.rows("BEGIN; UPDATE pages SET id = -1 WHERE id = -1").await;
    other.rows("BEGIN; UPDATE pages SET id = -2 WHERE id = -2").await;
    let (first, second) = tokio::join!(
        session.attempt("UPDATE pages SET id = -2 WHERE id = -2; COMMIT"),
        other.attempt("UPDATE pages SET id = -1 WHERE id = -1; COMMIT"),
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    for session in [session, other] {
        session.close().await;
    }
    settle(server, others).await;
    let (more_files, more_bytes) = temporary(server).await;
    // To log in is a transaction, too; and one of two that block each other commits.
    let commits = statements.len() + 2 + 1;
    Work::from([
        ("xact_commit", super::recount::number(commits)),
        ("xact_rollback", 3.0 + 1.0),
        ("tup_inserted", 1000.0 + 3.0 * 50.0),
        ("tup_updated", 300.0 + 3.0),
        ("tup_deleted", 200.0),
        ("temp_files", more_files - files),
        ("temp_bytes", more_bytes - bytes),
        ("deadlocks", 1.0),
    ])
}
