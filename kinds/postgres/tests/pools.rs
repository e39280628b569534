//! Through a real PgBouncer that shares one server connection among its clients, transaction by transaction.

use std::fs;

use platform_core::probe::Reason;
use platform_core::query::{Cell, Question};
use tempfile::TempDir;

use super::questions::{RUNS, cells};
use super::{postgres, source, yaml};
use testkit::ports::Port;
use testkit::postgres::Postgres;
use testkit::process::{Process, command_as, give_to};

pub(super) struct PgBouncer {
    _process: Process,
    port: Port,
    _directory: TempDir,
}

impl PgBouncer {
    pub(super) async fn start(server: &Postgres) -> Self {
        Self::ignoring(server, "").await
    }

    /// One that ignores these parameters of a login.
    pub(super) async fn ignoring(server: &Postgres, ignored: &str) -> Self {
        let directory = TempDir::with_prefix("pgbouncer-").expect("a temporary directory");
        let (path, port) = (directory.path().display(), Port::free());
        let address = server.address();
        let (host, server_port) = address.rsplit_once(':').expect("a host and a port");
        let settings = format!(
            "[databases]\n* = host={host} port={server_port}\n\
             alias = host={host} port={server_port} dbname=shop\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {path}/users\n\
             pool_mode = transaction\ndefault_pool_size = 1\n\
             ignore_startup_parameters = {ignored}\n"
        );
        fs::write(directory.path().join("users"), "\"postgres\" \"\"\n").expect("the directory is writable");
        fs::write(directory.path().join("pgbouncer.ini"), settings).expect("the directory is writable");
        give_to("postgres", directory.path());
        let mut command = command_as("postgres", "/usr/sbin/pgbouncer");
        command.arg("-q").arg(directory.path().join("pgbouncer.ini")).current_dir(directory.path());
        let mut process = Process::spawn("pgbouncer", command, directory.path());
        let address = format!("127.0.0.1:{port}");
        let answers = async || tokio::net::TcpStream::connect(&address).await.is_ok();
        process.ready(answers).await;
        Self { _process: process, port, _directory: directory }
    }

    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// What another client of the pool sees.
    pub(super) async fn psql(&self, sql: &str) -> String {
        let mut psql = tokio::process::Command::new("psql");
        psql.args(["-X", "-q", "-A", "-t", "-d", &self.url(), "-c", sql]);
        let output = psql.output().await.expect("psql is not installed: run `make deps`");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

#[tokio::test]
async fn are_used_without_a_trace_in_the_shared_connection() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int)").await;
    let pool = PgBouncer::start(&server).await;
    let mut subject = source(&yaml(&pool.url(), "pgbouncer: true"));
    let count = Question::new("sql", "SELECT count(*) FROM orders");
    let sleep = Question::new("sql", "SELECT pg_sleep(60)");
    for expected in [0.0, 1.0] {
        let observation = subject.probe().await.unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(observation.problems, []);
        assert_eq!(subject.rows(&count).await.expect("it answers").rows, [[Cell::Number(expected)]]);
        let problem = subject.rows(&sleep).await.expect_err("it takes too long");
        let expected = "57014: canceling statement due to statement timeout (its `timeout` is ";
        assert!(problem.detail.starts_with(expected), "{problem}");
        // The same backend, writable and unlimited for whoever comes next.
        pool.psql("INSERT INTO orders VALUES (1)").await;
        assert_eq!(pool.psql("SHOW statement_timeout").await, "0");
        assert_eq!(pool.psql("SELECT count(*) FROM pg_prepared_statements").await, "0");
    }
    // What another client sets is not what a text is read with.
    let backslash = Question::new("sql", r"SELECT 'a\' AS first, '; COMMIT; DELETE FROM orders; --' AS last");
    for _ in 0..3 {
        pool.psql("SET standard_conforming_strings = off").await;
        let [first, last] = ["a\\", "; COMMIT; DELETE FROM orders; --"].map(str::to_owned).map(Cell::Text);
        assert_eq!(subject.rows(&backslash).await.expect("it answers").rows, [[first, last]]);
    }
    assert_eq!(server.sql("SELECT count(*) FROM orders").await, "2");
    // Prisma's parameter says the same as the key.
    assert!(postgres(&format!("{}?pgbouncer=true", pool.url())).probe().await.is_ok());
}

#[tokio::test]
async fn that_are_not_declared_are_recognised() {
    let server = Postgres::start().await;
    let pool = PgBouncer::start(&server).await;
    let problem = postgres(&pool.url()).probe().await.expect_err("it refuses our startup parameters");
    assert_eq!(problem.reason, Reason::Protocol);
    assert!(problem.detail.ends_with("for PgBouncer, set `pgbouncer: true`"), "{problem}");
}

/// As poolers do that cannot be recognised: what one client has prepared is there for another, or gone.
#[tokio::test]
async fn that_are_not_configured_as_such_cost_no_values() {
    let server = Postgres::start().await;
    let pool = PgBouncer::ignoring(&server, "options,extra_float_digits").await;
    let mut subjects = [postgres(&pool.url()), postgres(&pool.url())];
    for what in ["another has prepared it", "it is gone", "it is not prepared any more"] {
        for subject in &mut subjects {
            let observation = subject.probe().await.unwrap_or_else(|problem| panic!("{what}: {problem}"));
            assert_eq!(observation.problems, [], "{what}");
            assert!(observation.families.iter().any(|family| family.desc.name == "pg_database_size_bytes"));
            for _ in 0..RUNS {
                assert_eq!(cells(subject, "SELECT 7").await, [Cell::Number(7.0)], "{what}");
            }
        }
        pool.psql("DEALLOCATE ALL").await;
    }
}
