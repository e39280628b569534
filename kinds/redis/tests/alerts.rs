//! The alerts that failures of real servers raise.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::alerting::drill::{Drills, beside};
use crate::alerting::on_servers;
use testkit::exporter::Exporter;
use testkit::proxy::{Mode, Proxy};
use testkit::redis::Redis;

const MINUTES: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const DEGRADED: (&str, &str) = ("PlatformSourceDegraded", "warning");

/// A server with a replica and a stream, a cluster, and a server behind a proxy.
struct Servers {
    cache: Redis,
    replica: Redis,
    cluster: Redis,
    far: Redis,
    proxy: Proxy,
}

impl Servers {
    async fn start() -> Self {
        let (cache, cluster, far) =
            tokio::join!(Redis::start(), Redis::options().cluster().start(), Redis::start());
        let replica = Redis::options().replica_of(&cache).start().await;
        cluster.take_all_slots().await;
        cache.run::<()>(&["XGROUP", "CREATE", "events", "mail", "$", "MKSTREAM"]).await;
        let proxy = Proxy::start(&far.address()).await;
        Self { cache, replica, cluster, far, proxy }
    }

    async fn exporter(&self) -> Exporter {
        let far = self.proxy.through(&self.far.url());
        let sources = [
            ("cache", self.cache.url(), "keys: [{name: events}]", 1),
            ("replica", self.replica.url(), "", 1),
            ("cluster", self.cluster.url(), "cluster: true", 1),
            // Its answers will be late, and are waited for.
            ("far", far, "", 3),
        ];
        let sources = sources.map(|(name, url, keys, interval)| {
            format!("  {name}: {{redis: {{url: '{url}', {keys}}}, interval: {interval}s}}\n")
        });
        let config = format!("sources:\n{}", sources.concat());
        Exporter::start(&config).await
    }
}

#[tokio::test]
async fn failures_raise_their_alerts_and_no_others() {
    let mut servers = Servers::start().await;
    let exporter = servers.exporter().await;
    let mut drills = Drills::of(&exporter);
    memory(&servers, &exporter, &mut drills).await;
    clients(&servers, &exporter, &mut drills).await;
    work(&servers, &exporter, &mut drills).await;
    persistence(&servers, &exporter, &mut drills).await;
    cluster(&servers, &exporter, &mut drills).await;
    replication(&servers, &exporter, &mut drills).await;
    outages(&mut servers, &exporter, &mut drills).await;
    drills.have_seen(&on_servers::REDIS);
}

async fn memory(Servers { cache, .. }: &Servers, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    cache.run::<()>(&["CONFIG", "SET", "maxmemory", "1mb", "maxmemory-policy", "noeviction"]).await;
    exporter.wait_for("redis_memory_max_bytes{source=\"cache\"}", 1024.0 * 1024.0, PATIENCE).await;
    let full = [DEGRADED, ("RedisMemoryHigh", "critical"), ("RedisMemoryHigh", "warning")];
    drills.fires(15 * MINUTES, &full).await;

    cache.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    drills.well().await;
    cache.run::<()>(&["CONFIG", "SET", "maxmemory", "3mb", "maxmemory-policy", "volatile-lru"]).await;
    let fill = async || {
        let mut pipe = redis::pipe();
        for _ in 0..100 {
            pipe.set_ex(format!("filling:{}", fastrand::u64(..)), "x".repeat(10_000), 600).ignore();
        }
        pipe.exec_async(&mut cache.connection().await).await.expect("what is old is evicted");
    };
    beside(fill, 1, async {
        exporter
            .wait_until("redis_evicted_keys_total{source=\"cache\"}", |value| value > 0.0, PATIENCE)
            .await;
        // It is full of keys with a time to live.
        drills.fires(30 * MINUTES, &[("RedisEvicting", "info"), ("RedisMemoryHigh", "warning")]).await;
    })
    .await;
    cache.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
}

async fn clients(Servers { cache, .. }: &Servers, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    cache.run::<()>(&["CONFIG", "SET", "maxclients", "100"]).await;
    let mut held = Vec::new();
    for _ in 0..92 {
        held.push(cache.connection().await);
    }
    exporter.wait_until("redis_connected_clients{source=\"cache\"}", |value| value > 91.5, PATIENCE).await;
    drills.fires(15 * MINUTES, &[("RedisClientsHigh", "warning")]).await;
    let mut config = redis::cmd("CONFIG");
    config.arg(&["SET", "maxclients", "50"]).exec_async(&mut held[0]).await.unwrap();
    exporter.wait_for("redis_max_clients{source=\"cache\"}", 50.0, PATIENCE).await;
    let knock = async || {
        assert!(cache.try_connection().await.is_err(), "all connections are taken");
    };
    beside(knock, 1, async {
        let all = [DEGRADED, ("RedisClientsHigh", "warning"), ("RedisConnectionsRejected", "critical")];
        drills.fires(15 * MINUTES, &all).await;
    })
    .await;
    drop(held.split_off(1));
    Redis::admit_others(held.remove(0)).await;
}

/// What clients ask for.
async fn work(servers: &Servers, exporter: &Exporter, drills: &mut Drills<'_>) {
    let Servers { cache, proxy, .. } = servers;
    drills.well().await;
    proxy.set(Mode::Delay(Duration::from_millis(200))).await;
    exporter.wait_until("redis_ping_duration_seconds{source=\"far\"}", |value| value > 0.15, PATIENCE).await;
    drills.fires(15 * MINUTES, &[("RedisLatencyHigh", "warning")]).await;
    proxy.set(Mode::Pass).await;

    drills.well().await;
    cache.run::<()>(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]).await;
    let miss = async || {
        let mut pipe = redis::pipe();
        for _ in 0..1000 {
            pipe.get("missing").ignore();
        }
        pipe.exec_async(&mut cache.connection().await).await.expect("it answers");
    };
    beside(miss, 1, async {
        exporter
            .wait_until("redis_keyspace_misses_total{source=\"cache\"}", |value| value > 0.0, PATIENCE)
            .await;
        // Every command counts as a slow one.
        drills.fires(HOUR, &[("RedisCommandsSlow", "warning"), ("RedisHitsLow", "info")]).await;
    })
    .await;
    cache.run::<()>(&["CONFIG", "SET", "slowlog-log-slower-than", "10000"]).await;

    drills.well().await;
    let mut pipe = redis::pipe();
    for _ in 0..1001 {
        pipe.cmd("XADD").arg(&["events", "*", "a", "b"]).ignore();
    }
    pipe.exec_async(&mut cache.connection().await).await.unwrap();
    exporter
        .wait_for(
            "redis_stream_group_lag{source=\"cache\",db=\"db0\",stream=\"events\",group=\"mail\"}",
            1001.0,
            PATIENCE,
        )
        .await;
    drills.fires(20 * MINUTES, &[("RedisStreamLagging", "warning")]).await;
    cache.run::<()>(&["XGROUP", "SETID", "events", "mail", "$"]).await;
}

async fn persistence(Servers { cache, .. }: &Servers, exporter: &Exporter, drills: &mut Drills<'_>) {
    cache.run::<()>(&["SAVE"]).await;
    exporter.wait_for("redis_rdb_changes_since_last_save{source=\"cache\"}", 0.0, PATIENCE).await;
    drills.well().await;
    cache.run::<()>(&["SET", "changed", "1"]).await;
    exporter
        .wait_until("redis_rdb_changes_since_last_save{source=\"cache\"}", |value| value > 0.0, PATIENCE)
        .await;
    drills.fires(50 * HOUR, &[("RedisSaveLate", "warning")]).await;

    drills.well().await;
    let (_, directory): (String, String) = cache.run(&["CONFIG", "GET", "dir"]).await;
    // A directory stands where the dump has to go.
    let dump = Path::new(&directory).join("dump.rdb");
    // The replica's full synchronisation may have written one.
    let _ = fs::remove_file(&dump);
    fs::create_dir(&dump).expect("the directory is the server's");
    cache.run::<()>(&["BGSAVE"]).await;
    exporter.wait_for("redis_rdb_last_bgsave_status{source=\"cache\"}", 0.0, PATIENCE).await;
    drills.fires(15 * MINUTES, &[DEGRADED, ("RedisSaveFailing", "critical")]).await;
    fs::remove_dir(&dump).expect("it is empty");
    cache.run::<()>(&["SAVE"]).await;
    cache.run::<()>(&["BGSAVE"]).await;
}

async fn cluster(Servers { cluster, .. }: &Servers, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    cluster.run::<()>(&["CLUSTER", "DELSLOTS", "0"]).await;
    exporter.wait_for("redis_cluster_state{source=\"cluster\"}", 0.0, PATIENCE).await;
    drills.fires(15 * MINUTES, &[DEGRADED, ("RedisClusterDown", "critical")]).await;
    cluster.run::<()>(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]).await;
    exporter.wait_for("redis_cluster_state{source=\"cluster\"}", 1.0, PATIENCE).await;
    drills.fires(15 * MINUTES, &[("RedisClusterSlotsFailing", "critical")]).await;
    cluster.run::<()>(&["CLUSTER", "ADDSLOTS", "0"]).await;
}

async fn replication(Servers { cache, replica, .. }: &Servers, exporter: &Exporter, drills: &mut Drills<'_>) {
    drills.well().await;
    replica.run::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    exporter.wait_for("redis_connected_slaves{source=\"cache\"}", 0.0, PATIENCE).await;
    let gone = [DEGRADED, ("RedisReplicaDisconnected", "critical"), ("RedisReplicaLost", "warning")];
    drills.fires(15 * MINUTES, &gone).await;
    let port = cache.address().rsplit(':').next().unwrap().to_owned();
    replica.run::<()>(&["REPLICAOF", "127.0.0.1", &port]).await;
}

async fn outages(Servers { far, .. }: &mut Servers, exporter: &Exporter, drills: &mut Drills<'_>) {
    let up = "platform_source_up{source=\"far\",kind=\"redis\"}";
    drills.well().await;
    far.kill();
    exporter.wait_for(up, 0.0, PATIENCE).await;
    drills.fires(15 * MINUTES, &[("PlatformSourceDown", "critical")]).await;
    far.restart().await;
    exporter.wait_for(up, 1.0, PATIENCE).await;
    drills.fires(15 * MINUTES, &[("RedisRestarted", "info")]).await;
}
