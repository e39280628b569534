//! What stands in the environment belongs to whoever starts the exporter, and not to a source.

use std::process::Output;

use platform_exporter::probe::Reason;

use super::postgres;

/// Runs another test of this binary with variables set: a process cannot safely change its own.
async fn run(test: &str, variables: &[(&str, &str)]) -> Output {
    let binary = std::env::current_exe().expect("we run");
    let mut command = tokio::process::Command::new(binary);
    command.args(["--include-ignored", "--exact", &format!("source::postgres::{test}")]);
    command.envs(variables.iter().copied()).kill_on_drop(true);
    command.output().await.expect("it starts")
}

#[tokio::test]
async fn changes_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let passwords = directory.path().join("pgpass");
    crate::support::process::write_secret(&passwords, "*:*:*:*:hunter2\n");
    let passwords = passwords.to_str().expect("a plain path");
    // With any of these, the driver would come in where it is expected to be refused, or the other way round.
    for variables in [
        &[("PGPASSWORD", "hunter2")][..],
        &[("PGPASSFILE", passwords)],
        &[("PGHOST", "/nowhere"), ("PGPORT", "1"), ("PGUSER", "nobody"), ("PGDATABASE", "nowhere")],
        &[("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", "/nowhere"), ("PGAPPNAME", "somebody")],
    ] {
        let output = run("failures::an_unknown_host_database_or_account_is_told_apart", variables).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{variables:?}: {text}");
    }
}

#[tokio::test]
async fn is_refused_where_the_driver_cannot_leave_it() {
    for variable in ["PGOPTIONS", "PGSSLCERT", "PGSSLKEY"] {
        let output =
            run("environment::names_what_it_refuses", &[(variable, "x"), ("REFUSED", variable)]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{variable}: {text}");
    }
}

#[tokio::test]
#[ignore = "needs an environment of its own: run by the test before"]
async fn names_what_it_refuses() {
    let problem = postgres("postgres://127.0.0.1:1").probe().await.expect_err("it cannot be asked");
    let refused = std::env::var("REFUSED").unwrap_or_default();
    assert_eq!(problem.reason, Reason::Internal);
    assert!(!refused.is_empty() && problem.detail.contains(&refused), "{problem}");
}
