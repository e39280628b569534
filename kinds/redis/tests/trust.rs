//! Where a password goes when another server says where to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use platform_core::probe::Reason;

use super::{failure, probe, source};
use testkit::redis::Redis;
use testkit::redis_stand_in::StandIn;
use testkit::subject::{self, Subject, config};

const SECRET: &str = "pl4nted-s3cret";

fn behind(sentinels: &[&str], keys: &str) -> Subject {
    let urls = sentinels.join(", ");
    subject::source(&format!("redis: {{sentinel: {{master: main, urls: [{urls}]}}, {keys}}}"))
}

/// A sentinel that names this address as the master's.
async fn naming(host: &str, port: &str) -> StandIn {
    let answer = format!("*2\r\n${}\r\n{host}\r\n${}\r\n{port}\r\n", host.len(), port.len());
    StandIn::answering("SENTINEL", answer.into()).await
}

/// The metadata of a cloud is at a link-local address.
#[tokio::test]
async fn no_sentinel_and_no_node_leads_to_link_local_addresses() {
    for host in ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"] {
        let sentinel = naming(host, "80").await;
        let problem = failure(&mut behind(&[&sentinel.url()], &format!("password: {SECRET}"))).await;
        assert_eq!(problem.reason, Reason::Connect, "{problem}");
        assert!(problem.detail.contains("another server redirected to this address"), "{problem}");
        assert!(!problem.detail.contains(SECRET), "{problem}");
    }
    let node = StandIn::answering("TYPE", b"-MOVED 1 169.254.169.254:80\r\n".to_vec()).await;
    let problem = failure(&mut source(&node.url(), "cluster: true, keys: [{name: a}]")).await;
    assert!(problem.detail.contains("another server redirected to this address"), "{problem}");
}

#[tokio::test]
async fn a_sentinel_on_this_machine_may_name_a_server_on_it() {
    let server = Redis::options().password("right").start().await;
    let (host, port) =
        server.address().split_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).expect("both");
    let sentinel = naming(&host, &port).await;
    assert_eq!(probe(&mut behind(&[&sentinel.url()], "password: right")).await.problems, []);
}

/// Where one sentinel has TLS, the password goes to the master in TLS or not at all, whichever of them answers.
#[tokio::test]
async fn no_password_goes_in_the_clear_where_a_sentinel_has_tls() {
    let asked = Arc::new(AtomicUsize::new(0));
    let master = {
        let asked = Arc::clone(&asked);
        StandIn::start(move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            b"+OK\r\n".to_vec()
        })
        .await
    };
    let (host, port) = master.address().split_once(':').expect("host and port");
    let plain = naming(host, port).await;
    let mut subject = behind(&["rediss://127.0.0.1:1", &plain.url()], &format!("password: {SECRET}"));
    let problem = failure(&mut subject).await;
    assert!(matches!(problem.reason, Reason::Timeout | Reason::Tls), "{problem}");
    assert_eq!(asked.load(Ordering::Relaxed), 0, "not one command was sent");
}

#[tokio::test]
async fn a_plus_in_a_password_is_a_plus() {
    let server = Redis::options().password("a+b").user("re+ader on >a+b ~* +@all").start().await;
    let (_, socket): (String, String) = server.run(&["CONFIG", "GET", "unixsocket"]).await;
    for url in [
        format!("redis://re+ader:a+b@{}", server.address()),
        format!("redis+unix://{socket}?user=re+ader&pass=a+b"),
        format!("redis+unix://{socket}?user=re%2Bader&pass=a%2Bb"),
        format!("redis+unix://{socket}?pass=a+b"),
    ] {
        assert_eq!(probe(&mut source(&url, "")).await.problems, [], "{url}");
    }
}

#[test]
fn a_login_in_the_query_of_a_host_is_refused_instead_of_ignored() {
    for query in ["password=s3cret", "a=b&pass=s3cret", "username=s3cret", "db=3"] {
        let faults =
            config(&format!("redis: {{url: 'redis://localhost?{query}'}}")).expect_err(query).to_string();
        assert!(faults.contains("the host, as in redis://") && !faults.contains("s3cret"), "{faults}");
    }
}
