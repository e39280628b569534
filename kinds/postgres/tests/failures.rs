//! Sick servers: each in its own words, and well again with the next probe.

use std::time::{Duration, Instant};

use platform_core::probe::Reason;
use platform_core::query::Question;

use super::{OpenTransaction, SOON, Subject, ours, patient, postgres, source, the, value, yaml};
use testkit::postgres::Postgres;
use testkit::process::write_secret;
use testkit::proxy::{Mode, Proxy};
use testkit::tls::Ca;
use testkit::wait::eventually;

pub(super) async fn is_well(subject: &mut Subject) {
    let observation = subject.probe().await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(observation.problems, []);
    let rows = subject.rows(&Question::new("sql", "SELECT 1")).await;
    assert_eq!(rows.expect("it answers").rows.len(), 1);
}

/// The probe and the lane fail for the same reason.
pub(super) async fn is_sick(subject: &mut Subject, reason: Reason) -> String {
    let problem = subject.probe().await.expect_err("it is sick");
    assert_eq!(problem.reason, reason, "{problem}");
    let answer = subject.rows(&Question::new("sql", "SELECT 1")).await.expect_err("it is sick");
    assert_eq!(answer.reason, reason, "{answer}");
    problem.detail
}

#[tokio::test]
async fn a_frozen_server_is_a_timeout_until_it_thaws() {
    let server = Postgres::start().await;
    let mut subject = postgres(&server.url());
    is_well(&mut subject).await;
    server.stop();
    // The first probe has its old connection, the second cannot get a new one.
    is_sick(&mut subject, Reason::Timeout).await;
    is_sick(&mut subject, Reason::Timeout).await;
    server.resume();
    is_well(&mut subject).await;
    eventually(SOON, "only ours are left", async || ours(&server).await == (2, 0)).await;
}

#[tokio::test]
async fn a_killed_server_is_a_failed_connection_until_it_is_back() {
    let mut server = Postgres::start().await;
    let mut subject = postgres(&server.url());
    is_well(&mut subject).await;
    server.kill();
    is_sick(&mut subject, Reason::Connect).await;
    server.restart().await;
    is_well(&mut subject).await;
    // A restart between two probes is none of them's failure.
    server.restart().await;
    is_well(&mut subject).await;
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()").await;
    is_well(&mut subject).await;
}

#[tokio::test]
async fn a_bad_network_is_distinguished() {
    let server = Postgres::start().await;
    let proxy = Proxy::start(&server.address()).await;
    let mut subject = postgres(&proxy.through(&server.url()));
    for (mode, reason) in [
        (Mode::Refuse, Reason::Connect),
        (Mode::Reset, Reason::Connect),
        (Mode::Unreachable, Reason::Timeout),
        (Mode::Blackhole, Reason::Timeout),
        (Mode::Cut(20), Reason::Connect),
        (Mode::Garbage, Reason::Protocol),
    ] {
        is_well(&mut subject).await;
        proxy.set(mode).await;
        is_sick(&mut subject, reason).await;
        proxy.set(Mode::Pass).await;
    }
    is_well(&mut subject).await;
}

#[tokio::test]
async fn an_unknown_host_database_or_account_is_distinguished() {
    let server = Postgres::options().password("hunter2").start().await;
    is_sick(&mut postgres("postgres://u:hunter2@db.invalid/shop"), Reason::Dns).await;
    let url = server.url_as("postgres", "hunter2", "nowhere");
    assert_eq!(
        is_sick(&mut postgres(&url), Reason::NotFound).await,
        "3D000: database \"nowhere\" does not exist"
    );
    for url in [
        server.url_as("postgres", "hunter3", "postgres"),
        server.url_as("postgres", "", "postgres"),
        server.url_as("nobody", "hunter2", "postgres"),
    ] {
        let detail = is_sick(&mut postgres(&url), Reason::Auth).await;
        assert!(detail.starts_with("28P01") && !detail.contains("hunter"), "{detail}");
    }
    is_well(&mut postgres(&server.url())).await;
}

#[tokio::test]
async fn a_full_server_is_a_failed_connection() {
    let server = Postgres::options().setting("max_connections = 4").start().await;
    server.sql("CREATE ROLE watcher LOGIN").await;
    let _one = OpenTransaction::asleep(&server, "SELECT 1").await;
    // Three places are the superuser's.
    let detail = is_sick(&mut postgres(&server.url_as("watcher", "", "postgres")), Reason::Connect).await;
    assert!(detail.starts_with("53300"), "{detail}");
}

#[tokio::test]
async fn a_rotated_password_counts_with_the_next_connection() {
    let server = Postgres::options().password("hunter2").start().await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("password");
    let url = server.url_as("postgres", "overridden", "postgres");
    let mut subject = source(&yaml(&url, &format!("password_file: {}", file.display())));
    is_sick(&mut subject, Reason::Auth).await;
    write_secret(&file, "hunter2\n");
    is_well(&mut subject).await;
    server.sql("ALTER ROLE postgres PASSWORD 'p@ss/w#rd'").await;
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()").await;
    is_sick(&mut subject, Reason::Auth).await;
    write_secret(&file, "p@ss/w#rd");
    is_well(&mut subject).await;
    is_well(&mut postgres(&server.url_as("postgres", "p%40ss%2Fw%23rd", "postgres"))).await;
}

#[tokio::test]
async fn a_certificate_by_somebody_else_is_refused() {
    let (ca, stranger) = (Ca::generate(), Ca::generate());
    let server = Postgres::options().tls(&ca.issue(&["localhost"])).start().await;
    let with_ca = |host: &str, mode: &str, ca: &Ca| {
        let url = server.url().replace("127.0.0.1", host);
        source(&yaml(&format!("{url}{mode}"), &format!("tls: {{ca_file: {}}}", ca.certificate().display())))
    };
    is_well(&mut with_ca("localhost", "", &ca)).await;
    is_well(&mut with_ca("127.0.0.1", "?sslmode=verify-ca", &ca)).await;
    is_well(&mut with_ca("127.0.0.1", "?sslmode=require", &ca)).await;
    is_well(&mut postgres(&server.url())).await;
    is_sick(&mut with_ca("127.0.0.1", "", &ca), Reason::Tls).await;
    is_sick(&mut with_ca("localhost", "", &stranger), Reason::Tls).await;
    is_sick(&mut with_ca("localhost", "?sslmode=require", &stranger), Reason::Tls).await;
    is_sick(&mut postgres(&format!("{}?sslmode=verify-full", server.url())), Reason::Tls).await;
    let named = |name: &str| {
        let keys = format!("tls: {{ca_file: {}, server_name: {name}}}", ca.certificate().display());
        source(&yaml(&server.url(), &keys))
    };
    is_well(&mut named("localhost")).await;
    is_sick(&mut named("elsewhere.example"), Reason::Tls).await;
    let missing = source(&yaml(&server.url(), "tls: {ca_file: /nowhere/ca.pem}"));
    is_sick(&mut { missing }, Reason::Tls).await;
    let plain = Postgres::start().await;
    is_sick(&mut postgres(&format!("{}?sslmode=require", plain.url())), Reason::Tls).await;
    // The server takes nothing but TLS.
    is_sick(&mut postgres(&format!("{}?sslmode=disable", server.url())), Reason::Auth).await;
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let ca = Ca::generate();
    let server = Postgres::options()
        .tls(&ca.issue(&["localhost", "127.0.0.1"]))
        .setting(&format!("ssl_ca_file = '{}'", ca.certificate().display()))
        .start()
        .await;
    server.sql("CREATE VIEW seen AS SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await;
    let client = ca.issue(&["watcher"]);
    let keys = format!(
        "tls: {{cert_file: {}, key_file: {}}}",
        client.certificate().display(),
        client.key().display()
    );
    let mut subject = source(&yaml(&server.url(), &keys));
    let rows = subject.rows(&Question::new("sql", "SELECT client_dn FROM seen")).await.expect("it answers");
    assert_eq!(rows.rows[0][0].text().as_deref(), Some("/CN=watcher"));
}

#[tokio::test]
async fn a_view_that_is_locked_costs_only_its_own_values() {
    let server = Postgres::start().await;
    let _holder = OpenTransaction::asleep(&server, "LOCK TABLE pg_catalog.pg_stat_archiver").await;
    let mut subject = postgres(&server.url());
    let observation = subject.probe().await.expect("it answers");
    assert_eq!(observation.problems.len(), 1);
    let problem = &observation.problems[0];
    assert_eq!(problem.reason, Reason::Slow);
    assert!(problem.detail.starts_with("archiver: 55P03"), "{problem}");
    assert_eq!(value(&observation.families, "pg_stat_archiver_failed_count", &[]), None);
    assert!(the(&observation.families, "pg_database_size_bytes", &["postgres"]) > 0.0);
    assert_eq!(ours(&server).await, (1, 0));
}

#[tokio::test]
async fn a_probe_that_is_given_up_leaves_nothing_running() {
    let server = Postgres::start().await;
    let _holder = OpenTransaction::asleep(&server, "LOCK TABLE pg_catalog.pg_stat_archiver").await;
    let mut subject = patient(&server.url(), Duration::from_secs(60));
    let start = Instant::now();
    tokio::select! {
        answer = subject.probe() => panic!("{answer:?}"),
        () = eventually(SOON, "it waits", async || ours(&server).await == (1, 1)) => {}
    }
    eventually(SOON, "the server noticed", async || ours(&server).await == (0, 0)).await;
    assert!(start.elapsed() < SOON, "by then, its own limit has not come");
}

#[tokio::test]
async fn pools_and_sockets_are_ways_too() {
    let server = Postgres::start().await;
    let settings = "SELECT current_setting('unix_socket_directories') || '&port=' || current_setting('port')";
    let socket = server.sql(settings).await;
    is_well(&mut postgres(&format!("postgres://postgres@/postgres?host={socket}"))).await;
    // Without a pool the server takes the same words.
    let mut subject = source(&yaml(&server.url(), "pgbouncer: true"));
    is_well(&mut subject).await;
    let sleep = subject.rows(&Question::new("sql", "SELECT pg_sleep(60)")).await;
    let problem = sleep.expect_err("it takes too long");
    assert!(problem.detail.starts_with("57014: canceling statement due to statement timeout"), "{problem}");
}
