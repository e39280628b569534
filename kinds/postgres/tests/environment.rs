//! What stands in the environment belongs to whoever starts the exporter, and not to a source.

use std::process::Output;

use testkit::exporter::binary;

/// Runs another test of this binary with variables set: a process cannot safely change its own.
async fn run(test: &str, variables: &[(&str, &str)]) -> Output {
    let binary = std::env::current_exe().expect("we run");
    let mut command = tokio::process::Command::new(binary);
    command.args(["--exact", &format!("kinds::postgres::{test}")]);
    command.envs(variables.iter().copied()).kill_on_drop(true);
    command.output().await.expect("it starts")
}

#[tokio::test]
async fn changes_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let passwords = directory.path().join("pgpass");
    testkit::process::write_secret(&passwords, "*:*:*:*:hunter2\n");
    let passwords = passwords.to_str().expect("a plain path");
    // With any of these, the driver would come in where it is expected to be refused, or the other way round.
    for variables in [
        &[("PGPASSWORD", "hunter2")][..],
        &[("PGPASSFILE", passwords)],
        &[("PGHOST", "/nowhere"), ("PGPORT", "1"), ("PGUSER", "nobody"), ("PGDATABASE", "nowhere")],
        &[("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", "/nowhere"), ("PGAPPNAME", "somebody")],
        &[("PGSSLCERT", "/nowhere"), ("PGSSLKEY", "/nowhere")],
    ] {
        let output = run("failures::an_unknown_host_database_or_account_is_distinguished", variables).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{variables:?}: {text}");
    }
}

#[test]
fn is_refused_where_the_driver_cannot_leave_it() {
    let output = std::process::Command::new(binary())
        .args(["probe", "postgres"])
        .env("DATABASE_URL", "postgres://127.0.0.1:1")
        .env("PGOPTIONS", "x")
        .output()
        .expect("it starts");
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(shown.contains("postgres: internal: ") && shown.contains("PGOPTIONS"), "{shown}");
}
