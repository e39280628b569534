//! A server that knows its clients by their certificates, alone or beside a password.

use platform_core::probe::Reason;

use super::failures::{is_sick, is_well};
use super::yaml;
use testkit::postgres::{Options, Postgres};
use testkit::subject::source;
use testkit::tls::Ca;

fn options(ca: &Ca) -> Options {
    Postgres::options()
        .tls(&ca.issue(&["127.0.0.1"]))
        .setting(&format!("ssl_ca_file = '{}'", ca.certificate().display()))
}

fn tls(ca: &Ca, name: &str) -> String {
    format!("tls: {{ca_file: '{}', {}}}", ca.certificate().display(), ca.issue(&[name]).keys())
}

#[tokio::test]
async fn a_certificate_is_enough() {
    let ca = Ca::generate();
    let server = options(&ca).method("cert").start().await;
    server.sql("CREATE ROLE watcher LOGIN IN ROLE pg_monitor").await;
    let url = server.url_as("watcher", "", "postgres");
    is_well(&mut source(&yaml(&url, &tls(&ca, "watcher")))).await;
    is_sick(&mut source(&yaml(&url, &tls(&ca, "somebody"))), Reason::Auth).await;
    let none = format!("tls: {{ca_file: '{}'}}", ca.certificate().display());
    is_sick(&mut source(&yaml(&url, &none)), Reason::Auth).await;
}

#[tokio::test]
async fn a_certificate_is_asked_for_beside_the_password() {
    let ca = Ca::generate();
    let server =
        options(&ca).password("hunter2").method("scram-sha-256 clientcert=verify-full").start().await;
    server.sql("CREATE ROLE watcher LOGIN PASSWORD 'geheim' IN ROLE pg_monitor").await;
    let stored = server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'watcher'").await;
    assert!(stored.starts_with("SCRAM-SHA-256$"), "{stored}");
    let url = |password: &str| server.url_as("watcher", password, "postgres");
    is_well(&mut source(&yaml(&url("geheim"), &tls(&ca, "watcher")))).await;
    is_sick(&mut source(&yaml(&url("falsch"), &tls(&ca, "watcher"))), Reason::Auth).await;
    is_sick(&mut source(&yaml(&url("geheim"), &tls(&ca, "somebody"))), Reason::Auth).await;
}

/// As libpq reads it; in an HTML form it would be a blank.
#[tokio::test]
async fn a_plus_in_a_parameter_is_a_plus() {
    let server = Postgres::options().password("hunter2").start().await;
    server.sql("CREATE ROLE watcher LOGIN PASSWORD 'a+b' IN ROLE pg_monitor").await;
    let url = format!("{}?password=a+b", server.url_as("watcher", "", "postgres"));
    is_well(&mut source(&yaml(&url, ""))).await;
}
