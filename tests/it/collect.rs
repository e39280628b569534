//! `collect[]` of `/probe`: only what is named is read.

use std::time::Duration;

use mongodb::bson::doc;
use testkit::exporter::{Exporter, value};
use testkit::http::client;
use testkit::mongodb::Mongodb;
use testkit::postgres::Postgres;
use testkit::proxy::Proxy;
use testkit::redis::Redis;

const PATIENCE: Duration = Duration::from_secs(30);

/// The status code and the text of `/probe` with these parameters, and these collectors.
async fn probe(exporter: &Exporter, parameters: &str, collect: &[&str]) -> (u16, String) {
    let collect: String = collect.iter().map(|name| format!("&collect[]={name}")).collect();
    let response = client().get(exporter.url(&format!("/probe?{parameters}{collect}"))).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Which of these families a page has.
fn families<'a>(page: &str, all: &[&'a str]) -> Vec<&'a str> {
    all.iter().copied().filter(|name| page.contains(&format!("# TYPE {name} "))).collect()
}

#[tokio::test]
async fn a_source_of_postgres_reads_what_is_named_on_its_own_connection() {
    let server = Postgres::start().await;
    server.sql("CREATE TABLE orders (id int)").await;
    let proxy = Proxy::start(&server.address()).await;
    let url = proxy.through(&server.url());
    let exporter = Exporter::start(&format!(
        "sources: {{db: {{postgres: {{url: '{url}', collect: [settings, table_sizes]}}, interval: 1h, timeout: 30s}}}}"
    ))
    .await;
    let all = [
        "pg_settings_allow_in_place_tablespaces",
        "pg_stat_user_tables_index_size_bytes",
        "pg_stat_database_xact_commit",
        "pg_up",
    ];
    exporter.wait_for("pg_up{source=\"db\"}", 1.0, PATIENCE).await;
    for (collect, expected) in [
        (&["settings"][..], &["pg_settings_allow_in_place_tablespaces", "pg_up"][..]),
        (&["table_sizes"], &["pg_stat_user_tables_index_size_bytes", "pg_up"]),
        (&["server"], &["pg_stat_database_xact_commit", "pg_up"]),
        (
            &["settings", "server"],
            &["pg_settings_allow_in_place_tablespaces", "pg_stat_database_xact_commit", "pg_up"],
        ),
    ] {
        let (status, page) = probe(&exporter, "source=db", collect).await;
        assert_eq!(status, 200, "{page}");
        assert_eq!(families(&page, &all), expected, "{collect:?}: {page}");
        assert_eq!(value(&page, "pg_up"), Some(1.0), "{page}");
        assert_eq!(value(&page, "platform_probes_total{kind=\"postgres\"}"), Some(1.0), "{page}");
        assert!(!page.contains("source="), "{page}");
    }
    assert_eq!(proxy.seen(), 1);
    // What clients choose is nothing to others.
    let (_, page) = probe(&exporter, "source=db", &[]).await;
    assert_eq!(families(&page, &all), all, "{page}");
    let probes = exporter.value("platform_probes_total{source=\"db\",kind=\"postgres\"}").await;
    assert!(probes.is_some_and(|probes| probes <= 2.0), "{probes:?}");
    assert_eq!(
        exporter
            .value(
                "pg_stat_user_tables_index_size_bytes{source=\"db\",datname=\"postgres\",\
        schemaname=\"public\",relname=\"orders\"}"
            )
            .await,
        Some(0.0)
    );
}

#[tokio::test]
async fn a_target_of_redis_is_sent_what_is_named() {
    let server = Redis::start().await;
    let proxy = Proxy::start(&server.address()).await;
    let target = proxy.address();
    let exporter = Exporter::start(&format!(
        "modules: {{caches: {{redis: {{url: 'redis://{{target}}', collect: [config], keys: [{{name: mail}}]}}, \
         targets: ['{target}']}}}}"
    ))
    .await;
    let all =
        ["redis_config_io_threads", "redis_memory_used_bytes", "redis_ping_duration_seconds", "redis_up"];
    let parameters = format!("module=caches&target={target}");
    for (collect, expected) in [
        (&["config"][..], &[all[0], all[3]][..]),
        (&["server"], &all[1..]),
        (&["server", "config"], &all),
        (&[], &all),
    ] {
        let (status, page) = probe(&exporter, &parameters, collect).await;
        assert_eq!((status, &families(&page, &all)[..]), (200, expected), "{collect:?}: {page}");
        assert_eq!(page.contains("redis_key_size"), collect != ["config"], "{page}");
    }
    let calls: String = server.run(&["INFO", "commandstats"]).await;
    assert!(calls.contains("cmdstat_config|get:calls=3,"), "{calls}");
    assert_eq!(proxy.seen(), 1);
}

#[tokio::test]
async fn a_target_of_mongodb_runs_the_commands_of_what_is_named() {
    let server = Mongodb::start().await;
    let target = server.address();
    let exporter = Exporter::start(&format!(
        "modules: {{documents: {{mongodb: {{url: 'mongodb://{{target}}/?directConnection=true', compatible: true, \
         collect: [dbstats, oplog]}}, targets: ['{target}']}}}}"
    ))
    .await;
    let all = [
        "mongodb_ss_uptime",
        "mongodb_mongod_storage_engine",
        "mongodb_dbstats_dataSize",
        "mongodb_oplog_stats_size",
        "mongodb_up",
    ];
    let parameters = format!("module=documents&target={target}");
    let counted = async |command: &str| {
        let status = server.run(doc! {"serverStatus": 1}).await;
        let commands = status.get_document("metrics").unwrap().get_document("commands").unwrap();
        commands.get_document(command).unwrap().get_i64("total").unwrap()
    };
    for (collect, expected, command) in [
        (&["oplog"][..], &[all[3], all[4]][..], "dbStats"),
        (&["server"], &[all[0], all[1], all[4]], "dbStats"),
        (&["dbstats"], &[all[2], all[4]], "replSetGetStatus"),
    ] {
        let before = counted(command).await;
        let (status, page) = probe(&exporter, &parameters, collect).await;
        assert_eq!((status, &families(&page, &all)[..]), (200, expected), "{collect:?}: {page}");
        assert_eq!(counted(command).await, before, "{collect:?}");
    }
    let (_, page) = probe(&exporter, &parameters, &[]).await;
    assert_eq!(families(&page, &all), all, "{page}");
}

#[tokio::test]
async fn what_cannot_be_chosen_is_refused() {
    let exporter = Exporter::start(
        "modules:
  caches: {redis: {url: 'redis://{target}'}, targets: ['127.0.0.1:1']}
sources:
  db: {postgres: {url: 'postgres://a@127.0.0.1:1/a'}, interval: 1h}
  website: {http: {url: 'http://127.0.0.1:1/'}, interval: 1h}
",
    )
    .await;
    let target = "module=caches&target=127.0.0.1:1";
    let cases = [
        ("source=db", "stat_io", "The collector \"stat_io\" is not turned on: add it to `collect`."),
        (
            "source=db",
            "nonsense",
            "There is no collector \"nonsense\": expected server, settings, statio_user_tables",
        ),
        (target, "config", "The collector \"config\" is not turned on"),
        (target, "", "There is no collector \"\": expected server, config."),
        ("source=website", "server", "a probe of the kind http has no parts to choose from"),
    ];
    for (parameters, collect, words) in cases {
        let (status, page) = probe(&exporter, parameters, &[collect]).await;
        assert_eq!(status, 400, "{parameters}: {page}");
        assert!(page.contains(words), "{parameters}: {page}");
    }
    let (status, _) = probe(&exporter, "source=nobody", &["server"]).await;
    assert_eq!(status, 404);
    // One that is down says so, however little is asked.
    let (status, page) = probe(&exporter, "source=db", &["settings"]).await;
    assert_eq!((status, value(&page, "pg_up")), (200, Some(0.0)), "{page}");
    assert!(exporter.log().contains("source=db[settings]"), "{}", exporter.log());
}
