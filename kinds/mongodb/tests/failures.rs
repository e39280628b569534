//! What goes wrong has its reason, and is over when it is fixed.

use std::time::Duration;

use mongodb::bson::doc;
use platform_core::probe::{Problem, Reason};

use super::{question, yaml};
use testkit::mongodb::Mongodb;
use testkit::process::write_secret;
use testkit::proxy::{Mode, Proxy};
use testkit::subject::{Subject, Surroundings, source, value};
use testkit::tls::{Ca, TlsFront};
use testkit::wait::until;

const PATIENCE: Duration = Duration::from_secs(15);

async fn failure(subject: &mut Subject) -> Problem {
    subject.probe().await.expect_err("the source is down")
}

async fn recovery(subject: &mut Subject) {
    until(PATIENCE, "the source is up", async || subject.probe().await.ok()).await;
}

#[tokio::test]
async fn a_frozen_server_is_a_timeout_until_it_thaws() {
    let server = Mongodb::start().await;
    for url in [server.url(), server.url_of_set()] {
        let mut subject = source(&yaml(&url, ""));
        subject.probe().await.unwrap();
        server.stop();
        for _ in 0..3 {
            let problem = failure(&mut subject).await;
            assert_eq!(problem.reason, Reason::Timeout, "{problem}");
        }
        server.resume();
        recovery(&mut subject).await;
    }
}

#[tokio::test]
async fn a_server_that_was_frozen_from_the_start_is_a_timeout() {
    let server = Mongodb::start().await;
    let mut subject = source(&yaml(&server.url(), ""));
    server.stop();
    let problem = failure(&mut subject).await;
    assert_eq!(problem.reason, Reason::Timeout, "{problem}");
    server.resume();
    recovery(&mut subject).await;
}

#[tokio::test]
async fn a_killed_server_cannot_be_connected_to_until_it_is_back() {
    let mut server = Mongodb::start().await;
    let mut direct = source(&yaml(&server.url(), ""));
    let mut set = source(&yaml(&server.url_of_set(), ""));
    let mut fresh = source(&yaml(&server.url(), ""));
    direct.probe().await.unwrap();
    set.probe().await.unwrap();
    server.kill();
    for _ in 0..2 {
        for subject in [&mut direct, &mut set, &mut fresh] {
            let problem = failure(subject).await;
            assert_eq!(problem.reason, Reason::Connect, "{problem}");
        }
    }
    server.restart().await;
    for subject in [&mut direct, &mut set, &mut fresh] {
        recovery(subject).await;
    }
}

#[tokio::test]
async fn connections_closed_while_nobody_asks_are_no_fault() {
    let server = Mongodb::start().await;
    let proxy = Proxy::start(&server.address()).await;
    for url in [server.url(), server.url_of_set()] {
        let mut subject = source(&yaml(&proxy.through(&url), ""));
        for _ in 0..3 {
            subject.probe().await.unwrap();
            proxy.end_connections().await;
            subject.rows(&question("{command: {listDatabases: 1}}")).await.unwrap();
            proxy.end_connections().await;
        }
    }
}

#[tokio::test]
async fn connections_that_break_are_replaced() {
    let server = Mongodb::start().await;
    let proxy = Proxy::start(&server.address()).await;
    let mut subject = source(&yaml(&proxy.through(&server.url()), ""));
    subject.probe().await.unwrap();
    for (mode, reason) in [
        (Mode::Refuse, Reason::Connect),
        (Mode::Reset, Reason::Connect),
        (Mode::Blackhole, Reason::Timeout),
        (Mode::Trickle, Reason::Timeout),
    ] {
        proxy.set(mode).await;
        let problem = failure(&mut subject).await;
        assert_eq!(problem.reason, reason, "{mode:?}: {problem}");
        proxy.set(Mode::Pass).await;
        recovery(&mut subject).await;
    }
}

#[tokio::test]
async fn an_unknown_host_is_a_dns_error() {
    for url in ["mongodb://no-such-host.invalid/", "mongodb+srv://no-such-host.invalid/"] {
        let surroundings = Surroundings { timeout: Duration::from_secs(8), ..Surroundings::default() };
        let problem = failure(&mut surroundings.source(&yaml(url, ""))).await;
        assert_eq!(problem.reason, Reason::Dns, "{url}: {problem}");
    }
}

#[tokio::test]
async fn a_set_of_another_name_is_not_found() {
    let server = Mongodb::start().await;
    let url = format!("mongodb://{}/?replicaSet=other", server.address());
    let problem = failure(&mut source(&yaml(&url, ""))).await;
    assert_eq!(problem.reason, Reason::NotFound, "{problem}");
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let server = Mongodb::options().login("admin", "right").start().await;
    let wrong = yaml(&server.url().replace("right", "wrong"), "");
    for yaml in [wrong, yaml(&server.url().replace("admin:right@", ""), "")] {
        let mut subject = source(&yaml);
        for _ in 0..2 {
            let problem = failure(&mut subject).await;
            assert_eq!(problem.reason, Reason::Auth, "{problem}");
        }
        let problem = subject.rows(&question("{command: {listDatabases: 1}}")).await.unwrap_err();
        assert_eq!(problem.reason, Reason::Auth, "{problem}");
    }
}

#[tokio::test]
async fn a_password_that_changes_in_its_file_counts_at_once() {
    let server = Mongodb::options().login("admin", "first").start().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    write_secret(&file, "first\n");
    // The file takes the place of what the URL says.
    let url = server.url().replace("first", "none");
    let mut subject = source(&yaml(&url, &format!(", password_file: '{}'", file.display())));
    subject.probe().await.unwrap();
    server.run(doc! {"updateUser": "admin", "pwd": "second"}).await;
    write_secret(&file, "wrong\n");
    assert_eq!(failure(&mut subject).await.reason, Reason::Auth);
    write_secret(&file, "second\n");
    subject.probe().await.unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(failure(&mut subject).await.reason, Reason::Auth);
}

#[tokio::test]
async fn a_missing_role_is_a_problem_beside_the_rest() {
    let server = Mongodb::options().login("admin", "right").start().await;
    let user =
        |name: &str, roles: mongodb::bson::Bson| doc! {"createUser": name, "pwd": "right", "roles": roles};
    let reads = doc! {"role": "read", "db": "shop"};
    let watches = doc! {"role": "clusterMonitor", "db": "admin"};
    server.run(user("reader", vec![reads].into())).await;
    server.run(user("watcher", vec![watches].into())).await;
    let as_user = |name: &str| yaml(&server.url().replace("admin:", &format!("{name}:")), "");

    let seen = source(&as_user("reader")).probe().await.unwrap();
    assert_eq!(value(&seen.families, "mongodb_version_info", &["6.0.5", "Community", "MongoDB"]), Some(1.0));
    assert!(seen.problems.len() >= 3, "{:?}", seen.problems);
    for problem in &seen.problems {
        assert_eq!(problem.reason, Reason::Permission, "{problem}");
        assert!(problem.detail.contains("grant the role `clusterMonitor` on `admin`"), "{problem}");
        assert!(!problem.detail.contains("signature"), "{problem}");
    }

    let mut watcher = source(&as_user("watcher"));
    assert_eq!(watcher.probe().await.unwrap().problems, []);
    let problem = watcher.rows(&question("{database: shop, collection: users}")).await.unwrap_err();
    assert_eq!(problem.reason, Reason::Permission);
    assert!(problem.detail.contains("grant the role `read` on `shop`"), "{problem}");
}

#[tokio::test]
async fn tls_is_verified() {
    let server = Mongodb::start().await;
    let ca = Ca::generate();
    let front = TlsFront::start(&server.address(), &ca.issue(&["127.0.0.1"])).await;
    let url = format!("mongodb://{}/?directConnection=true", front.address());
    let trusting = |ca: &Ca| yaml(&url, &format!(", tls: {{ca_file: '{}'}}", ca.certificate().display()));
    source(&trusting(&ca)).probe().await.unwrap();
    let other = Ca::generate();
    let in_url = yaml(&format!("{url}&tls=true"), "");
    let no_file = yaml(&url, ", tls: {ca_file: /nonexistent/ca.pem}");
    for yaml in [trusting(&other), in_url, no_file] {
        let problem = failure(&mut source(&yaml)).await;
        assert_eq!(problem.reason, Reason::Tls, "{problem}");
    }
    let misnamed = TlsFront::start(&server.address(), &ca.issue(&["example.com"])).await;
    let yaml = trusting(&ca).replace(front.address(), misnamed.address());
    let problem = failure(&mut source(&yaml)).await;
    assert_eq!(problem.reason, Reason::Tls, "{problem}");
    source(&yaml.replace("tls: {", "tls: {server_name: example.com, ")).probe().await.unwrap();
}
