use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{ask, command, connections, failure, plain, probe, reasons, source, source_of};
use testkit::ports::Port;
use testkit::proxy::{Mode, Proxy};
use testkit::redis::Redis;
use testkit::subject::{self, Surroundings};
use testkit::tls::Ca;
use testkit::wait::eventually;

const PATIENCE: Duration = Duration::from_secs(10);
const SECRET: &str = "pl4nted-s3cret";

#[tokio::test]
async fn a_frozen_server_is_a_timeout_and_recovers() {
    let server = Redis::start().await;
    let mut subject = source_of(&server);
    probe(&mut subject).await;
    ask(&mut subject, &["PING"]).await;
    server.stop();
    for _ in 0..2 {
        assert_eq!(failure(&mut subject).await.reason, Reason::Timeout);
    }
    let problem = subject.rows(&command(&["DBSIZE"])).await.expect_err("it is frozen");
    assert_eq!(problem.reason, Reason::Timeout);
    server.resume();
    probe(&mut subject).await;
    ask(&mut subject, &["PING"]).await;
    eventually(PATIENCE, "only the new connections are left", async || connections(&server).await == 2).await;
}

#[tokio::test]
async fn a_killed_server_is_refused_and_recovers() {
    let mut server = Redis::start().await;
    let mut subject = source_of(&server);
    probe(&mut subject).await;
    server.kill();
    for _ in 0..2 {
        assert_eq!(failure(&mut subject).await.reason, Reason::Connect);
    }
    server.restart().await;
    probe(&mut subject).await;
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_replaced_at_once() {
    let mut server = Redis::start().await;
    let mut subject = source_of(&server);
    for _ in 0..3 {
        probe(&mut subject).await;
        ask(&mut subject, &["PING"]).await;
        server.run::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    }
    probe(&mut subject).await;
    server.restart().await;
    probe(&mut subject).await;
    ask(&mut subject, &["PING"]).await;
}

#[tokio::test]
async fn one_connection_for_probes_and_one_for_questions() {
    let server = Redis::start().await;
    let mut subject = source(&server.url(), "keys: [{name: queue}]");
    assert_eq!(connections(&server).await, 0, "building does not connect");
    for _ in 0..3 {
        probe(&mut subject).await;
        assert_eq!(connections(&server).await, 1, "the lane connects when it is asked");
    }
    for _ in 0..3 {
        ask(&mut subject, &["PING"]).await;
        assert_eq!(connections(&server).await, 2);
    }
    drop(subject);
    eventually(PATIENCE, "both are closed", async || connections(&server).await == 0).await;
}

#[tokio::test]
async fn a_cancelled_probe_takes_its_connection_along() {
    let server = Redis::start().await;
    let proxy = Proxy::start(&server.address()).await;
    let url = format!("redis://{}", proxy.address());
    let mut subject = Surroundings { timeout: Duration::from_millis(300), ..Surroundings::default() }
        .source(&format!("redis: {{url: '{url}'}}"));
    probe(&mut subject).await;
    proxy.set(Mode::Blackhole).await;
    for _ in 0..3 {
        assert_eq!(failure(&mut subject).await.reason, Reason::Timeout);
        eventually(PATIENCE, "nothing is left open", async || proxy.open() == 0).await;
    }
    proxy.set(Mode::Pass).await;
    probe(&mut subject).await;
    eventually(PATIENCE, "one connection", async || connections(&server).await == 1).await;
}

#[tokio::test]
async fn what_the_network_does_has_its_reason() {
    let server = Redis::start().await;
    let proxy = Proxy::start(&server.address()).await;
    let mut subject = source(&format!("redis://{}", proxy.address()), "");
    for (mode, reason) in [
        (Mode::Refuse, Reason::Connect),
        (Mode::Reset, Reason::Connect),
        (Mode::Cut(3), Reason::Connect),
        (Mode::Garbage, Reason::Protocol),
        (Mode::Unreachable, Reason::Timeout),
        (Mode::Trickle, Reason::Timeout),
    ] {
        proxy.set(mode).await;
        let problem = failure(&mut subject).await;
        assert_eq!(problem.reason, reason, "{mode:?}: {problem}");
        proxy.set(Mode::Pass).await;
        probe(&mut subject).await;
    }
}

#[tokio::test]
async fn an_answer_may_take_longer_than_the_driver_would_wait() {
    let server = Redis::start().await;
    let proxy = Proxy::start(&server.address()).await;
    let yaml = format!("redis: {{url: 'redis://{}'}}", proxy.address());
    let mut subject =
        Surroundings { timeout: Duration::from_secs(10), ..Surroundings::default() }.source(&yaml);
    proxy.set(Mode::Delay(Duration::from_millis(700))).await;
    let observation = probe(&mut subject).await;
    assert!(plain(&observation.families, "redis_ping_duration_seconds") >= 0.7);
}

#[tokio::test]
async fn an_unknown_host_is_dns_and_a_missing_socket_connect() {
    let problem = failure(&mut source("redis://no-such-host.invalid", "")).await;
    assert_eq!(problem.reason, Reason::Dns, "{problem}");
    let problem = failure(&mut source("redis+unix:///nowhere/redis.sock", "")).await;
    assert_eq!(problem.reason, Reason::Connect, "{problem}");
    let problem = failure(&mut source(&format!("redis://127.0.0.1:{}", Port::free()), "")).await;
    assert_eq!(problem.reason, Reason::Connect, "{problem}");
}

#[tokio::test]
async fn a_unix_socket_will_do() {
    let server = Redis::start().await;
    let (_, socket): (String, String) = server.run(&["CONFIG", "GET", "unixsocket"]).await;
    assert_eq!(probe(&mut source(&format!("redis+unix://{socket}"), "")).await.problems, []);
}

#[tokio::test]
async fn wrong_and_missing_passwords_are_auth_and_never_reported() {
    let server = Redis::options().password("right").user("reader on >read ~* +@all").start().await;
    let host = server.address();
    for (url, keys) in [
        (format!("redis://:{SECRET}@{host}"), String::new()),
        (format!("redis://reader:{SECRET}@{host}"), String::new()),
        (format!("redis://nobody:{SECRET}@{host}"), String::new()),
        (format!("redis://{host}"), format!("username: reader, password: {SECRET}")),
        (format!("redis://{host}"), String::new()),
    ] {
        let yaml = format!("redis: {{url: '{url}', {keys}}}");
        let config = subject::config(&yaml).expect("it is well formed");
        assert!(!format!("{config:?}").contains(SECRET), "{config:?}");
        assert_eq!(config.definition().target(), format!("redis://{host}"));
        let mut subject = subject::source(&yaml);
        let problem = failure(&mut subject).await;
        assert_eq!(problem.reason, Reason::Auth, "{problem}");
        assert!(!format!("{problem:?}").contains(SECRET), "{problem}");
        let problem = subject.rows(&command(&["PING"])).await.expect_err("the password is wrong");
        assert_eq!(problem.reason, Reason::Auth, "{problem}");
        assert!(!format!("{problem:?}").contains(SECRET), "{problem}");
    }
    let open = Redis::start().await;
    let problem = failure(&mut source(&open.url(), "password: unneeded")).await;
    assert_eq!(problem.reason, Reason::Auth, "{problem}");
}

/// Servers without AUTH repeat its arguments; Redis does when the command was renamed.
#[tokio::test]
async fn a_password_that_the_server_repeats_is_not_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = format!("-ERR unknown command 'AUTH', with args beginning with: '{SECRET}' \r\n");
            let mut request = [0; 64];
            if stream.read(&mut request).await.is_ok() {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    let problem = failure(&mut source(&format!("redis://:{SECRET}@{address}"), "")).await;
    assert_eq!(problem.reason, Reason::Auth, "{problem}");
    assert!(problem.detail.contains("unknown command"), "{problem}");
    assert!(!format!("{problem:?}").contains(SECRET), "{problem}");
}

#[tokio::test]
async fn a_password_beside_the_url_wins() {
    let server = Redis::options().password("right").user("reader on >read ~* +@all").start().await;
    let host = server.address();
    for (url, keys) in [
        (format!("redis://:wrong@{host}"), "password: right"),
        (format!("redis://reader:wrong@{host}"), "password: read"),
        (format!("redis://wrong:wrong@{host}"), "username: reader, password: read"),
        (format!("redis://default:right@{host}"), ""),
    ] {
        assert_eq!(probe(&mut source(&url, keys)).await.problems, [], "{url} {keys}");
    }
}

#[tokio::test]
async fn a_rotated_password_counts_from_the_next_connection_on() {
    let server = Redis::options().password("old").start().await;
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "old\n").expect("it is writable");
    let url = format!("redis://{}", server.address());
    let mut subject = source(&url, &format!("password_file: {}", file.path().display()));
    probe(&mut subject).await;
    server.run::<()>(&["CONFIG", "SET", "requirepass", "new"]).await;
    server.run::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    assert_eq!(failure(&mut subject).await.reason, Reason::Auth);
    std::fs::write(file.path(), "new\n").expect("it is writable");
    probe(&mut subject).await;
    std::fs::remove_file(file.path()).expect("it is there");
    server.run::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    let problem = failure(&mut subject).await;
    assert_eq!(problem.reason, Reason::Auth);
    assert!(problem.detail.contains("cannot read"), "{problem}");
}

#[tokio::test]
async fn a_missing_grant_is_a_permission_problem_beside_the_rest() {
    let grants = |grants: &str| format!("limited on >pw ~* -@all {grants}");
    let server = Redis::options().user(&grants("+info +ping +type +llen")).start().await;
    let mut subject = source(&server.url_as("limited", "pw"), "keys: [{name: queue}]");
    let observation = probe(&mut subject).await;
    assert!(!observation.problems.is_empty());
    assert!(reasons(&observation).iter().all(|reason| *reason == Reason::Permission));
    let is_named =
        |problem: &Problem| ["SLOWLOG", "LATENCY"].iter().any(|word| problem.detail.contains(word));
    assert!(observation.problems.iter().all(is_named), "{:?}", observation.problems);
    assert!(plain(&observation.families, "redis_connected_clients") > 0.5);
    assert_eq!(super::value(&observation.families, "redis_key_size", &["db0", "queue"]), Some(0.0));
    let problem = subject.rows(&command(&["GET", "queue"])).await.expect_err("it may not");
    assert_eq!(problem.reason, Reason::Permission, "{problem}");

    server.run::<()>(&["ACL", "SETUSER", "limited", "-info", "-ping", "+slowlog", "+latency"]).await;
    let observation = probe(&mut subject).await;
    assert_eq!(reasons(&observation), [Reason::Permission, Reason::Permission]);
    assert_eq!(super::value(&observation.families, "redis_key_size", &["db0", "queue"]), Some(0.0));
    assert!(observation.families.iter().any(|family| family.desc.name == "redis_slowlog_length"));
}

#[tokio::test]
async fn a_command_that_the_server_does_not_have_is_no_problem() {
    let server =
        Redis::options().setting("rename-command SLOWLOG \"\"").setting("rename-command CONFIG \"\"");
    let server = server.start().await;
    let observation = probe(&mut source_of(&server)).await;
    assert_eq!(observation.problems, []);
    assert!(!observation.families.iter().any(|family| family.desc.name == "redis_slowlog_length"));
    assert_eq!(plain(&observation.families, "redis_max_clients").to_string(), "10000");
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_not_found() {
    let server = Redis::start().await;
    let problem = failure(&mut source(&format!("{}/99", server.url()), "")).await;
    assert_eq!(problem.reason, Reason::NotFound, "{problem}");
}

#[tokio::test]
async fn tls_wants_the_right_authority() {
    let (ca, other) = (Ca::generate(), Ca::generate());
    let server = Redis::options().tls(&ca, &ca.issue(&["127.0.0.1"])).start().await;
    let with = |ca: &Ca| format!("tls: {{ca_file: '{}'}}", ca.certificate().display());
    assert_eq!(probe(&mut source(&server.url(), &with(&ca))).await.problems, []);
    for keys in [String::new(), with(&other)] {
        let problem = failure(&mut source(&server.url(), &keys)).await;
        assert_eq!(problem.reason, Reason::Tls, "{problem}");
        assert!(problem.detail.contains("UnknownIssuer"), "{problem}");
    }
    let misnamed = Redis::options().tls(&ca, &ca.issue(&["elsewhere.test"])).start().await;
    assert_eq!(failure(&mut source(&misnamed.url(), &with(&ca))).await.reason, Reason::Tls);
    let plain = Redis::start().await;
    // A server without TLS waits for the end of a line that never comes.
    let problem = failure(&mut source(&format!("rediss://{}", plain.address()), &with(&ca))).await;
    assert!(problem.reason == Reason::Timeout && problem.detail.contains("TLS"), "{problem}");
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let ca = Ca::generate();
    let identity = ca.issue(&["127.0.0.1"]);
    let server = Redis::options().tls(&ca, &identity).setting("tls-auth-clients yes").start().await;
    let ca_file = format!("ca_file: '{}'", ca.certificate().display());
    let (cert, key) = (identity.certificate().display(), identity.key().display());
    let keys = format!("tls: {{{ca_file}, cert_file: '{cert}', key_file: '{key}'}}");
    assert_eq!(probe(&mut source(&server.url(), &keys)).await.problems, []);
    let problem = failure(&mut source(&server.url(), &format!("tls: {{{ca_file}}}"))).await;
    assert_eq!(problem.reason, Reason::Tls, "{problem}");
}
