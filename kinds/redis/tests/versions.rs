//! Servers of other versions than the one that tests have, by what they answer.

use std::collections::BTreeMap;

use super::{plain, probe, source};
use testkit::redis_stand_in::StandIn;
use testkit::subject::value;

/// INFO of Valkey 8.1, with the databases of Redis 8 and fields that only other versions have.
const EVERY_FIELD: &str = include_str!("every_field.info");

/// The types of messages on the cluster bus.
const MESSAGES: &str = "ping pong meet fail publish publishshard auth-req auth-ack update mfstart module";

fn bulk(text: &str) -> Vec<u8> {
    format!("${}\r\n{text}\r\n", text.len()).into_bytes()
}

fn list(texts: &[&str]) -> Vec<u8> {
    let elements = texts.iter().flat_map(|text| bulk(text));
    format!("*{}\r\n", texts.len()).into_bytes().into_iter().chain(elements).collect()
}

/// CLUSTER INFO of a node that has exchanged every type of message.
fn cluster_info() -> String {
    let counted = MESSAGES.split(' ').flat_map(|kind| {
        ["sent", "received"].map(|way| format!("cluster_stats_messages_{kind}_{way}:7\r\n"))
    });
    let state = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16380\r\n\
                 cluster_slots_pfail:3\r\ncluster_slots_fail:1\r\ncluster_known_nodes:6\r\ncluster_size:3\r\n\
                 cluster_current_epoch:9\r\ncluster_my_epoch:8\r\ncluster_stats_messages_sent:154\r\n\
                 cluster_stats_messages_received:77\r\n";
    std::iter::once(state.to_owned()).chain(counted).collect()
}

/// A server that has every field of INFO, as a Valkey 8.1 in a cluster.
pub(super) async fn with_every_field() -> StandIn {
    StandIn::start(|words| match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["INFO", ..] => bulk(&EVERY_FIELD.replace('\n', "\r\n")),
        ["CLUSTER", "INFO"] => bulk(&cluster_info()),
        ["COMMANDLOG", "LEN", "slow"] => b":4\r\n".to_vec(),
        ["COMMANDLOG", "LEN", "large-request"] => b":5\r\n".to_vec(),
        ["COMMANDLOG", "LEN", "large-reply"] => b":6\r\n".to_vec(),
        ["CONFIG", "GET", ..] => list(&[
            "io-threads",
            "4",
            "repl-backlog-size",
            "1048576",
            "client-output-buffer-limit",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
            "commandlog-execution-slower-than",
            "10000",
            "commandlog-slow-execution-max-len",
            "128",
            "commandlog-request-larger-than",
            "1048576",
            "commandlog-large-request-max-len",
            "129",
            "commandlog-reply-larger-than",
            "1048577",
            "commandlog-large-reply-max-len",
            "130",
        ]),
        ["PING"] => b"+PONG\r\n".to_vec(),
        ["SLOWLOG" | "LATENCY", ..] => b"*0\r\n".to_vec(),
        _ => b"-ERR unknown command\r\n".to_vec(),
    })
    .await
}

#[tokio::test]
async fn newer_servers_are_read_without_a_complaint() {
    let server = with_every_field().await;
    let observation = probe(&mut source(&server.url(), "collect: [config]")).await;
    assert_eq!(observation.problems, []);
    let families = &observation.families;
    assert_eq!(value(families, "redis_db_keys", &["db0"]), Some(1.0));
    let databases = families.iter().filter(|family| family.desc.name == "redis_db_keys");
    assert_eq!(databases.map(|family| family.samples.len()).sum::<usize>(), 1, "sizes are no database");
    let info = families.iter().find(|family| family.desc.name == "redis_instance_info").expect("it is known");
    let labels: BTreeMap<&str, &str> =
        info.desc.labels.iter().zip(info.samples[0].labels.iter().map(String::as_str)).collect();
    let named = ["redis_version", "valkey_version", "valkey_release_stage", "redis_mode"];
    assert_eq!(named.map(|label| labels[label]), ["7.2.4", "8.1.1", "ga", "standalone"]);
    assert_eq!(plain(families, "redis_commandlog_large_reply_length").to_string(), "6");
    assert_eq!(plain(families, "redis_cluster_stats_messages_auth_req_sent").to_string(), "7");
    let limit =
        |class, limit| value(families, "redis_config_client_output_buffer_limit_bytes", &[class, limit]);
    assert_eq!((limit("slave", "hard"), limit("pubsub", "soft")), (Some(268_435_456.0), Some(8_388_608.0)));
}

#[tokio::test]
async fn what_a_server_lacks_is_not_asked_for() {
    let server = StandIn::start(|words| match words[0].as_str() {
        "INFO" => b"$21\r\nredis_version:6.2.0\r\n\r\n".to_vec(),
        "PING" | "SLOWLOG" | "LATENCY" if words.last().is_none_or(|word| word != "HISTOGRAM") => {
            b"*0\r\n".to_vec()
        }
        _ => b"-NOPERM this would degrade the source\r\n".to_vec(),
    })
    .await;
    let observation = probe(&mut source(&server.url(), "collect: [config]")).await;
    assert_eq!(observation.problems, []);
}
