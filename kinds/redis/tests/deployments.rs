//! Sentinels and clusters.

use std::time::Duration;

use platform_core::probe::Reason;
use platform_core::query::Cell;

use super::{ask, connections, failure, plain, probe, reached, reasons, scan, single, source};
use testkit::ports::Port;
use testkit::redis::Redis;
use testkit::subject::{self, Subject, value};
use testkit::wait::{eventually, until};

const PATIENCE: Duration = Duration::from_secs(20);

fn behind(sentinels: &[&str], keys: &str) -> Subject {
    let urls = sentinels.join(", ");
    subject::source(&format!("redis: {{sentinel: {{master: main, urls: [{urls}]}}, {keys}}}"))
}

#[tokio::test]
async fn a_master_is_found_through_its_sentinels() {
    let primary = Redis::start().await;
    primary.run::<()>(&["RPUSH", "queue", "a", "b"]).await;
    let sentinel = Redis::options().sentinel_of(&primary).start().await;
    let gone = format!("redis://127.0.0.1:{}", Port::free());
    let mut subject = behind(&[&gone, &sentinel.url()], "keys: [{name: queue}]");
    let observation = probe(&mut subject).await;
    assert_eq!(value(&observation.families, "redis_key_size", &["db0", "queue"]), Some(2.0));
    assert_eq!(single(&ask(&mut subject, &["LLEN", "queue"]).await, "value"), &Cell::Number(2.0));
    assert_eq!(connections(&primary).await, 2);
    assert_eq!(connections(&sentinel).await, 0, "a sentinel is asked and left");
}

#[tokio::test]
async fn sentinels_that_are_gone_or_know_nothing_are_distinguished() {
    let primary = Redis::start().await;
    let sentinel = Redis::options().sentinel_of(&primary).start().await;
    let gone = format!("redis://127.0.0.1:{}", Port::free());
    assert_eq!(failure(&mut behind(&[&gone], "")).await.reason, Reason::Connect);
    let yaml = format!("redis: {{sentinel: {{master: other, urls: ['{}']}}}}", sentinel.url());
    let problem = failure(&mut subject::source(&yaml)).await;
    assert_eq!(problem.reason, Reason::NotFound, "{problem}");
    sentinel.stop();
    assert_eq!(failure(&mut behind(&[&sentinel.url()], "")).await.reason, Reason::Timeout);
}

#[tokio::test]
async fn a_failover_is_followed() {
    let [mut primary, replica, sentinel] = Redis::start_set().await;
    let mut subject = behind(&[&sentinel.url()], "");
    let role = |families: &[platform_core::metric::Family]| {
        let info = families.iter().find(|family| family.desc.name == "redis_instance_info");
        info.map(|info| info.samples[0].labels[0].clone())
    };
    // Each counter says whose it is: the next master's would look like work that was never done.
    let commands = |families: &[platform_core::metric::Family]| {
        let commands = families.iter().find(|family| family.desc.name == "redis_commands_processed_total");
        commands.map(|commands| commands.samples[0].labels.concat())
    };
    let families = probe(&mut subject).await.families;
    assert_eq!(role(&families).as_deref(), Some("master"));
    assert_eq!(commands(&families), Some(primary.address()));
    primary.kill();
    until(PATIENCE, "the replica is the master", async || {
        let observation = subject.probe().await.ok()?;
        let is_new =
            observation.problems.is_empty() && role(&observation.families).as_deref() == Some("master");
        assert_eq!(commands(&observation.families), Some(replica.address()));
        is_new.then_some(())
    })
    .await;
    assert_eq!(connections(&replica).await, 1);
}

#[tokio::test]
async fn a_master_that_was_demoted_is_left() {
    let (old, new) = (Redis::start().await, Redis::start().await);
    let sentinel = Redis::options().sentinel_of(&old).start().await;
    let mut subject = behind(&[&sentinel.url()], "");
    assert_eq!(probe(&mut subject).await.problems, []);
    let port = new.address().replace("127.0.0.1:", "");
    old.run::<()>(&["REPLICAOF", "127.0.0.1", &port]).await;
    let observation = probe(&mut subject).await;
    assert!(reasons(&observation).contains(&Reason::Alarm), "{:?}", observation.problems);
    assert!(observation.problems.iter().any(|problem| problem.detail.contains("is a slave")));
    // Its connections are closed at once; the server notices a little later.
    eventually(PATIENCE, "no connection is kept", async || connections(&old).await == 0).await;
}

/// Two nodes, each with half of the slots.
async fn cluster() -> [Redis; 2] {
    let nodes = [Redis::options().cluster().start().await, Redis::options().cluster().start().await];
    nodes[0].run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]).await;
    nodes[1].run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]).await;
    nodes[1].run::<()>(&["CONFIG", "SET", "cluster-announce-ip", "127.0.0.1"]).await;
    let (_, bus): (String, String) = nodes[1].run(&["CONFIG", "GET", "cluster-port"]).await;
    let port = nodes[1].address().replace("127.0.0.1:", "");
    // So that neither takes the other's epoch for its own.
    nodes[0].run::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", "1"]).await;
    nodes[1].run::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", "2"]).await;
    nodes[0].run::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await;
    for node in &nodes {
        eventually(PATIENCE, "the cluster is ready", async || {
            let info: String = node.run(&["CLUSTER", "INFO"]).await;
            info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
        })
        .await;
    }
    nodes
}

/// A key of a node: `foo` lies in slot 12182, `bar` in slot 5061.
const KEYS: [&str; 2] = ["bar", "foo"];

#[tokio::test]
async fn keys_of_a_cluster_are_asked_where_they_are() {
    let nodes = cluster().await;
    for (index, node) in nodes.iter().enumerate() {
        for element in 0..=index {
            node.run::<()>(&["RPUSH", KEYS[index], &element.to_string()]).await;
        }
    }
    for entry in &nodes {
        let mut subject =
            source(&entry.url(), "cluster: true, keys: [{name: foo}, {name: bar}, {name: gone}]");
        for _ in 0..2 {
            let observation = probe(&mut subject).await;
            assert_eq!(observation.problems, []);
            let size = |key| value(&observation.families, "redis_key_size", &["db0", key]);
            assert_eq!(["bar", "foo", "gone"].map(size), [1.0, 2.0, 0.0].map(Some));
            assert_eq!(plain(&observation.families, "redis_cluster_state").to_string(), "1");
        }
        assert_eq!(single(&ask(&mut subject, &["LLEN", "bar"]).await, "value"), &Cell::Number(1.0));
        assert_eq!(single(&ask(&mut subject, &["LLEN", "foo"]).await, "value"), &Cell::Number(2.0));
        for node in &nodes {
            assert_eq!(connections(node).await, 2, "one for the probe, one for the lane");
        }
        drop(subject);
        for node in &nodes {
            eventually(PATIENCE, "they are closed", async || connections(node).await == 0).await;
        }
    }
}

#[tokio::test]
async fn a_scan_of_a_cluster_covers_every_node() {
    let nodes = cluster().await;
    for index in 0..50 {
        // The part in braces decides on the node.
        nodes[0].run::<()>(&["SET", &format!("session:{{bar}}:{index}"), "1"]).await;
        nodes[1].run::<()>(&["SET", &format!("session:{{foo}}:{index}"), "1"]).await;
    }
    let mut subject = source(&nodes[0].url(), "cluster: true");
    let rows = subject.rows(&scan("session:*", None)).await.expect("it scans");
    assert_eq!(single(&rows, "count"), &Cell::Number(100.0));
    let mut of_node = source(&nodes[0].url(), "");
    let problem = of_node.rows(&scan("session:*", None)).await.expect_err("half a count would be wrong");
    assert!(problem.reason == Reason::Query && problem.detail.contains("cluster: true"), "{problem}");
    let problem = of_node.rows(&super::command(&["GET", "foo"])).await.expect_err("it lies elsewhere");
    assert!(problem.reason == Reason::Query && problem.detail.contains("cluster: true"), "{problem}");
}

#[tokio::test]
async fn counters_of_a_cluster_are_read_where_they_are() {
    let nodes = cluster().await;
    for (node, tag) in nodes.iter().zip(KEYS) {
        for client in 0..10 {
            let key = format!("ratelimit:login:{{{tag}}}:{client}");
            node.run::<()>(&["SET", &key, &client.to_string()]).await;
        }
    }
    let mut subject = source(&nodes[0].url(), "cluster: true");
    let rows = subject.rows(&reached("^ratelimit:([^:]+):", &[("login", 7.0)])).await.expect("it scans");
    assert_eq!(rows.rows, [[Cell::Text("login".to_owned()), Cell::Number(20.0), Cell::Number(6.0)]]);
}

#[tokio::test]
async fn a_cluster_without_all_slots_is_an_alarm() {
    let node = Redis::options().cluster().start().await;
    let observation = probe(&mut source(&node.url(), "cluster: true")).await;
    assert_eq!(reasons(&observation), [Reason::Alarm]);
    assert_eq!(plain(&observation.families, "redis_cluster_state").to_string(), "0");
}
