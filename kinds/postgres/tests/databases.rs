//! Several databases of one server as one source.

use std::collections::BTreeSet;
use std::time::Duration;

use platform_core::metric::Family;
use platform_core::probe::{Problem, Reason};
use platform_core::query::Question;

use super::pools::PgBouncer;
use super::truth::session::Session;
use super::{EVERY, SOON, Subject, ours, the, value, with, yaml};
use testkit::exporter::Exporter;
use testkit::postgres::Postgres;
use testkit::proxy::Proxy;
use testkit::subject::Surroundings;
use testkit::wait::eventually;

/// More than a busy machine needs for what does not hang.
const TIMEOUT: Duration = Duration::from_secs(6);

const LIVE: &str = "pg_stat_user_tables_n_live_tup";
const SEQ_READ: &str = "pg_stat_user_tables_seq_tup_read";

/// Families of tables, and what the owner of a table asks for the same.
const OF_TABLE: [(&str, &str); 7] = [
    ("pg_stat_user_tables_n_dead_tup", "SELECT 10"),
    ("pg_stat_user_tables_table_size_bytes", "SELECT pg_table_size('orders')"),
    ("pg_stat_user_tables_index_size_bytes", "SELECT pg_relation_size('orders_pkey')"),
    ("pg_stat_user_tables_n_tup_ins", "SELECT pg_stat_get_tuples_inserted('orders'::regclass)"),
    (SEQ_READ, "SELECT pg_stat_get_tuples_returned('orders'::regclass)"),
    ("pg_statio_user_tables_heap_blocks_hit", "SELECT pg_stat_get_blocks_hit('orders'::regclass)"),
    // Last, because it reads the table.
    (LIVE, "SELECT count(*) FROM orders"),
];

/// A server with databases that each have the table `orders`, with as many rows as are said and ten dead ones.
async fn server_with(databases: &[(&str, u32)]) -> Postgres {
    let server = Postgres::options().setting("autovacuum = off").start().await;
    for (database, rows) in databases {
        server.add_database(database).await;
        let last = rows + 10;
        let script = format!(
            "CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, {last}); \
             DELETE FROM orders WHERE id > {rows}"
        );
        server.script(database, &script).await;
        // What a session reports after an ANALYZE would be counted twice.
        are_gone(&server, database).await;
        server.script(database, "ANALYZE orders").await;
    }
    server
}

/// Waits until others have left a database, and so the server has counted what they did.
async fn are_gone(server: &Postgres, database: &str) {
    let others = format!(
        "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = '{database}' AND application_name <> 'platform_exporter'"
    );
    eventually(SOON, "others are gone", async || server.sql(&others).await == "0").await;
}

fn watching(url: &str, more: &str) -> Subject {
    Surroundings { timeout: TIMEOUT, ..Surroundings::default() }.source(&yaml(url, more))
}

/// Every series.
fn names(families: &[Family]) -> Vec<String> {
    let of = |family: &Family| {
        let name = family.desc.name.clone();
        family.samples.iter().map(move |sample| format!("{name} {:?}", sample.labels)).collect::<Vec<_>>()
    };
    families.iter().flat_map(of).collect()
}

async fn problems(subject: &mut Subject) -> Vec<String> {
    let observation = subject.probe().await.unwrap_or_else(|problem| panic!("{problem}"));
    observation.problems.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn give_the_values_of_their_tables_and_those_of_the_server_once() {
    let server = server_with(&[("shop", 300), ("billing", 40)]).await;
    server.sql("CREATE TABLE orders (id int PRIMARY KEY)").await;
    let collect = format!("collect: [{EVERY}], databases: [shop, billing]")
        .replace("stat_statements, ", "")
        .replace("buffercache_summary, ", "");
    let mut subject = watching(&server.url(), &collect);
    for _ in 0..2 {
        let observation = subject.probe().await.expect("it answers");
        assert_eq!(observation.problems, []);
        let families = observation.families;
        for database in ["shop", "billing"] {
            let mut owner = Session::open(&server, database).await;
            for (family, sql) in OF_TABLE {
                let expected = owner.rows(sql).await[0][0].as_deref().map(str::parse);
                let found = the(&families, family, &[database, "public", "orders"]);
                assert_eq!(Some(Ok(found)), expected, "{family} in {database}");
            }
            owner.close().await;
            are_gone(&server, database).await;
            let index = [database, "public", "orders", "orders_pkey"];
            assert!(value(&families, "pg_stat_user_indexes_idx_scan_total", &index).is_some(), "{database}");
        }
        assert_eq!(value(&families, LIVE, &["postgres", "public", "orders"]), Some(0.0));
        assert_eq!(with(&families, "pg_settings_max_connections", &[]), [40.0]);
        let names = names(&families);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a series is there twice");
        let distinct: BTreeSet<_> = families.iter().map(|family| &family.desc.name).collect();
        assert_eq!(distinct.len(), families.len(), "a family is there twice");
    }
}

#[tokio::test]
async fn that_fail_cost_only_their_own_values() {
    let server = server_with(&[("shop", 3), ("closed", 5)]).await;
    server.sql("CREATE ROLE watcher LOGIN IN ROLE pg_monitor").await;
    server.sql("REVOKE CONNECT ON DATABASE closed FROM PUBLIC").await;
    let mut subject =
        watching(&server.url_as("watcher", "", "postgres"), "databases: [missing, closed, shop]");
    let observation = subject.probe().await.expect("it answers");
    let found: Vec<_> = observation.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "not_found: database missing: 3D000: database \"missing\" does not exist",
            "permission: database closed: 42501: permission denied for database \"closed\"",
        ]
    );
    let live = |families: &[Family], database| value(families, LIVE, &[database, "public", "orders"]);
    assert_eq!(["shop", "closed"].map(|name| live(&observation.families, name)), [Some(3.0), None]);
    assert!(the(&observation.families, "pg_database_size_bytes", &["closed"]) > 0.0);
    // A session whose right is taken away ends with its connection; one that gets it is there with the next probe.
    server.sql("GRANT CONNECT ON DATABASE closed TO watcher").await;
    server.add_database("missing").await;
    let observation = subject.probe().await.expect("it answers");
    assert_eq!(observation.problems, []);
    assert_eq!(["shop", "closed"].map(|name| live(&observation.families, name)), [Some(3.0), Some(5.0)]);
}

#[tokio::test]
async fn that_are_slow_leave_time_for_the_others() {
    let server = server_with(&[("shop", 3), ("billing", 4)]).await;
    let mut subject = watching(&server.url(), "databases: [shop, billing]");
    assert_eq!(problems(&mut subject).await, [""; 0]);
    let mut holder = Session::open(&server, "shop").await;
    holder.rows("BEGIN; LOCK TABLE pg_catalog.pg_stat_user_tables").await;
    let observation = subject.probe().await.expect("it answers");
    let slow =
        |problem: &Problem| problem.reason == Reason::Slow && problem.detail.starts_with("database shop: ");
    let problems = &observation.problems;
    assert!(!problems.is_empty() && problems.iter().all(slow), "{problems:?}");
    let labels = ["billing", "public", "orders"];
    assert_eq!(value(&observation.families, LIVE, &labels), Some(4.0));
    assert_eq!(ours(&server).await.1, 0, "something is still running");
    holder.rows("ROLLBACK").await;
    let observation = subject.probe().await.expect("it answers");
    assert_eq!(observation.problems, []);
    assert_eq!(the(&observation.families, LIVE, &["shop", "public", "orders"]), 3.0);
}

#[tokio::test]
async fn take_one_connection_each_and_work_one_after_the_other() {
    let server = server_with(&[("shop", 3), ("billing", 4)]).await;
    // Which are the same throughout.
    let backends = "SELECT string_agg(datname || pid, ' ' ORDER BY datname) FROM pg_stat_activity \
                    WHERE application_name = 'platform_exporter'";
    let mut subject = watching(&server.url(), "databases: [shop, billing]");
    assert_eq!(problems(&mut subject).await, [""; 0]);
    assert_eq!(ours(&server).await, (3, 0));
    let kept = server.sql(backends).await;
    // Something for the probes to do, while others look.
    let script =
        "DO $$ BEGIN FOR n IN 1..300 LOOP EXECUTE format('CREATE TABLE t%s (id int)', n); END LOOP; END $$";
    for database in ["shop", "billing"] {
        server.script(database, script).await;
    }
    let sleep = Question::new("sql", "SELECT pg_sleep(1)");
    let mut most = (0, 0);
    let looking = async {
        loop {
            let (all, busy) = ours(&server).await;
            most = (most.0.max(all), most.1.max(busy));
        }
    };
    tokio::select! {
        () = looking => {}
        (probed, slept) = subject.probe_beside(&sleep) => {
            assert_eq!(probed.expect("it answers").problems, []);
            assert!(slept.is_ok(), "{slept:?}");
        }
    }
    assert!(most.0 <= 4 && (1..=2).contains(&most.1), "{most:?}");
    assert_eq!(ours(&server).await, (4, 0));
    let now = server.sql(backends).await;
    assert!(kept.split(' ').all(|backend| now.contains(backend)), "{kept}, then {now}");
    drop(subject);
    eventually(SOON, "all connections are closed", async || ours(&server).await == (0, 0)).await;
}

#[tokio::test]
async fn take_one_round_trip_each() {
    let server = server_with(&[("shop", 3), ("billing", 4)]).await;
    let proxy = Proxy::start(&server.address()).await;
    let mut subject = watching(&proxy.through(&server.url()), "databases: [shop, billing]");
    assert_eq!(problems(&mut subject).await, [""; 0]);
    let before = proxy.exchanges();
    assert_eq!(problems(&mut subject).await, [""; 0]);
    assert_eq!(proxy.exchanges() - before, 3);
}

/// A database that was away must not look like one that has just been created.
#[tokio::test]
async fn that_were_away_go_on_counting_where_they_were() {
    let server = server_with(&[("shop", 500), ("billing", 700)]).await;
    let scan = "SELECT count(*) FROM small";
    for database in ["shop", "billing"] {
        let tables = "CREATE TABLE small AS SELECT generate_series(1, 50) AS id; CREATE TABLE tiny (id int);";
        server.script(database, &format!("{tables} SELECT count(*) FROM orders; {scan}")).await;
    }
    let allow = async |allow: bool| {
        server.sql(&format!("ALTER DATABASE billing ALLOW_CONNECTIONS {allow}")).await;
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'billing'").await;
    };
    allow(false).await;
    let mut subject = watching(&server.url(), "top_tables: 1, databases: [billing, shop]");
    let mut others = async || {
        let families = subject.probe().await.expect("it answers").families;
        ["shop", "billing"].map(|database| value(&families, SEQ_READ, &[database, "other", "other"]))
    };
    assert_eq!(others().await, [Some(0.0), None]);
    allow(true).await;
    assert_eq!(others().await, [Some(0.0), Some(0.0)]);
    server.script("billing", scan).await;
    eventually(SOON, "it is counted", async || others().await == [Some(0.0), Some(50.0)]).await;
    server.script("billing", scan).await;
    allow(false).await;
    server.script("shop", scan).await;
    eventually(SOON, "it is away", async || others().await == [Some(50.0), None]).await;
    allow(true).await;
    eventually(SOON, "it is back", async || others().await == [Some(50.0), Some(100.0)]).await;
}

#[tokio::test]
async fn behind_pgbouncer_are_read_once_whatever_their_names_are() {
    let server = server_with(&[("shop", 3)]).await;
    let pool = PgBouncer::start(&server).await;
    let mut subject = watching(&pool.url(), "pgbouncer: true, databases: [shop, alias]");
    for _ in 0..2 {
        let observation = subject.probe().await.expect("it answers");
        let found: Vec<_> = observation.problems.iter().map(ToString::to_string).collect();
        let expected = "query: database alias: the name leads to the database shop, which is read already: \
                        remove it from `databases`";
        assert_eq!(found, [expected]);
        assert_eq!(with(&observation.families, LIVE, &[("datname", "shop")]), [3.0]);
    }
}

#[tokio::test]
async fn that_hang_leave_time_for_the_others() {
    let server = server_with(&[("shop", 3), ("billing", 4)]).await;
    let pool = PgBouncer::ignoring(&server, "options,extra_float_digits").await;
    let url = format!("{}shop", pool.url().trim_end_matches("postgres"));
    let mut holder = Session::at(&url).await.expect("it lets everyone in");
    // The pool has one connection to each database.
    holder.rows("BEGIN").await;
    let mut subject = watching(&pool.url(), "pgbouncer: true, databases: [shop, billing]");
    let observation = subject.probe().await.expect("it answers");
    let found: Vec<_> = observation.problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["slow: database shop: no answer in its share of `timeout`"]);
    let live = |families: &[Family]| {
        ["shop", "billing"].map(|database| value(families, LIVE, &[database, "public", "orders"]))
    };
    assert_eq!(live(&observation.families), [None, Some(4.0)]);
    holder.rows("ROLLBACK").await;
    let observation = subject.probe().await.expect("it answers");
    assert_eq!(observation.problems, []);
    assert_eq!(live(&observation.families), [Some(3.0), Some(4.0)]);
}

#[tokio::test]
async fn of_a_target_are_read_with_its_module() {
    let server = server_with(&[("shop", 3)]).await;
    let address = server.address();
    let exporter = Exporter::start(&format!(
        "modules:\n  servers: {{targets: ['{address}'], postgres: {{url: 'postgres://postgres@{{target}}/postgres', \
         databases: [shop]}}}}\n"
    ))
    .await;
    let page = exporter.get(&format!("/probe?module=servers&target={address}")).await;
    let live = "pg_stat_user_tables_n_live_tup{datname=\"shop\",schemaname=\"public\",relname=\"orders\"} 3";
    assert!(page.contains(live), "{page}");
}
