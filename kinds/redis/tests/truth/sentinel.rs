//! What a sentinel knows, by another client.

use std::collections::BTreeMap;

use testkit::recount::{Series, series};
use testkit::redis::Redis;

type Fields = BTreeMap<String, String>;

pub(super) async fn of_masters(sentinel: &Redis) -> Series {
    let mut all = Series::new();
    let masters: Vec<Fields> = sentinel.run(&["SENTINEL", "MASTERS"]).await;
    for master in masters {
        let (name, address) = (master["name"].as_str(), format!("{}:{}", master["ip"], master["port"]));
        let labels = [name, &address];
        let number = |field: &str| master[field].parse::<f64>().expect("a number");
        let sentinels: Vec<Fields> = sentinel.run(&["SENTINEL", "SENTINELS", name]).await;
        let replicas: Vec<Fields> = sentinel.run(&["SENTINEL", "REPLICAS", name]).await;
        let status = match master["flags"].as_str() {
            flags if flags.contains("o_down") => "odown",
            flags if flags.contains("s_down") => "sdown",
            _ => "ok",
        };
        all.insert(
            series("redis_sentinel_master_status", &[name, &address, status]),
            f64::from(status == "ok"),
        );
        // There is one sentinel, and it is up.
        all.insert(series("redis_sentinel_master_ckquorum_status", &[name]), 1.0);
        for (metric, value) in [
            ("slaves", number("num-slaves")),
            ("sentinels", number("num-other-sentinels") + 1.0),
            ("ok_slaves", well(&replicas)),
            ("ok_sentinels", well(&sentinels) + 1.0),
            ("setting_ckquorum", number("quorum")),
            ("setting_failover_timeout", number("failover-timeout")),
            ("setting_parallel_syncs", number("parallel-syncs")),
            ("setting_down_after_milliseconds", number("down-after-milliseconds")),
            ("config_epoch", number("config-epoch")),
            ("last_ok_ping_reply_seconds", number("last-ok-ping-reply") / 1e3),
        ] {
            all.insert(series(&format!("redis_sentinel_master_{metric}"), &labels), value);
        }
    }
    all
}

#[expect(clippy::cast_precision_loss, reason = "there are a few")]
fn well(instances: &[Fields]) -> f64 {
    instances.iter().filter(|instance| !instance["flags"].contains("_down")).count() as f64
}
