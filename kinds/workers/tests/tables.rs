//! Workers in tables and collections, by the server's own clock.

use mongodb::bson::{DateTime, doc};
use platform_core::probe::{Observation, Reason};

use super::{labels, of_class, probe, reasons, seconds_ago, states};
use testkit::mongodb::Mongodb;
use testkit::postgres::Postgres;
use testkit::subject::{Subject, Surroundings, source, value};

fn class(server: &Postgres, keys: &str) -> Subject {
    Surroundings::default()
        .lane("db", source(&format!("postgres: {{url: '{}'}}", server.url())))
        .source(&format!("workers: {{classes: {{c: {{from: db, {keys}}}}}}}"))
}

fn heartbeat(observation: &Observation, worker: &str) -> f64 {
    let at = value(&observation.families, "worker_heartbeat_timestamp_seconds", &["c", worker]);
    at.unwrap_or_else(|| panic!("{worker} is there"))
}

#[tokio::test]
async fn a_select_of_workers() {
    let server = Postgres::start().await;
    server
        .sql(
            "CREATE TABLE beats (worker text, seen_at timestamptz, progress_at timestamptz, state text, spot bool);
             INSERT INTO beats VALUES
               ('a', now() - interval '5 s', now() - interval '60 s', 'active', true),
               ('a', now() - interval '50 s', NULL, 'active', true),
               ('b', now() - interval '300 s', now() - interval '10 s', 'idle', false),
               ('c', NULL, NULL, NULL, NULL)",
        )
        .await;
    let sql = "SELECT worker, extract(epoch FROM max(seen_at)) AS seen_at, max(progress_at) AS progress_at, \
               max(state) AS state, bool_or(spot) AS spot, count(*) AS lines FROM beats GROUP BY worker; ";
    let mut subject = class(&server, &format!("sql: \"{sql}\", expected: 2, interval: 20s"));
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(1.0));
    assert_eq!(reasons(&observation), [Reason::Stale]);
    assert!((heartbeat(&observation, "a") - seconds_ago(5.0)).abs() < 3.0);
    assert!((heartbeat(&observation, "b") - seconds_ago(300.0)).abs() < 3.0);
    assert!(of_class(&observation, "worker_clock_skew_seconds").unwrap().abs() < 0.1, "the same machine");
    let progress = of_class(&observation, "worker_last_progress_timestamp_seconds").unwrap();
    assert!((progress - seconds_ago(10.0)).abs() < 3.0, "{progress}");
    assert_eq!(
        labels(&observation.families, "worker_info"),
        [["a", "active", "", "spot"], ["b", "offline", "", "on-demand"]]
    );
    server.sql("TRUNCATE beats").await;
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(0.0), "all gone is 0 and not absent");
    assert!(of_class(&observation, "worker_clock_skew_seconds").is_some());
    assert_eq!(states(&observation), []);
}

#[tokio::test]
async fn a_select_without_its_columns_says_which() {
    let server = Postgres::start().await;
    for (sql, missing) in
        [("SELECT 'a' AS name, now() AS seen_at", "worker"), ("SELECT 'a' AS worker", "seen_at")]
    {
        let problem = class(&server, &format!("sql: \"{sql}\"")).probe().await.unwrap_err();
        assert_eq!(problem.reason, Reason::Query);
        assert!(problem.detail.contains(&format!("no column `{missing}`")), "{problem}");
    }
    let problem = class(&server, "sql: SELECT worker FROM missing").probe().await.unwrap_err();
    assert!(problem.detail.starts_with("class c: db: "), "{problem}");
}

#[tokio::test]
async fn solid_queue() {
    let server = Postgres::start().await;
    // The tables as the migration of Solid Queue makes them, without those that are of no interest.
    server
        .sql(
            r#"CREATE TABLE solid_queue_processes (id bigserial PRIMARY KEY, kind varchar NOT NULL,
               last_heartbeat_at timestamp(6) NOT NULL, supervisor_id bigint, pid integer NOT NULL, hostname varchar,
               metadata text, created_at timestamp(6) NOT NULL, name varchar NOT NULL);
             CREATE TABLE solid_queue_claimed_executions (id bigserial PRIMARY KEY, job_id bigint NOT NULL,
               process_id bigint, created_at timestamp(6) NOT NULL);
             SET timezone = 'UTC';
             INSERT INTO solid_queue_processes
               (kind, last_heartbeat_at, pid, hostname, metadata, created_at, name)
             VALUES
               ('Supervisor(fork)', now(), 1, 'web', NULL, now(), 'supervisor-5d0f'),
               ('Dispatcher', now(), 6, 'web', '{"polling_interval":1,"batch_size":500}', now(), 'dispatcher-11aa'),
               ('Worker', now() - interval '20 s', 7, 'web',
                 '{"polling_interval":0.1,"queues":"*","thread_pool_size":3}', now(), 'worker-9c2e'),
               ('Worker', now() - interval '299 s', 8, 'web',
                 '{"polling_interval":0.1,"queues":"mail","thread_pool_size":5}', now(), 'worker-0b4d'),
               ('Worker', now() - interval '310 s', 9, 'web', '', now(), 'worker-7f7f');
             INSERT INTO solid_queue_claimed_executions (job_id, process_id, created_at)
               VALUES (10, 3, now()), (11, 3, now()), (12, 4, now()), (13, 5, now())"#,
        )
        .await;
    // A server elsewhere: the times in the table have no zone, and are UTC.
    server.sql("ALTER DATABASE postgres SET timezone = 'Asia/Tokyo'").await;
    let mut subject = class(&server, "layout: solid_queue, expected: 2");
    let observation = probe(&mut subject).await;
    assert_eq!((of_class(&observation, "workers_alive"), reasons(&observation)), (Some(2.0), vec![]));
    assert_eq!(of_class(&observation, "workers_busy"), Some(3.0));
    assert_eq!(of_class(&observation, "worker_slots"), Some(8.0));
    assert!((heartbeat(&observation, "web:7") - seconds_ago(20.0)).abs() < 3.0);
    server.sql("TRUNCATE solid_queue_processes, solid_queue_claimed_executions").await;
    let observation = probe(&mut subject).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(0.0));
    assert_eq!(of_class(&observation, "workers_busy"), Some(0.0));
}

#[tokio::test]
async fn good_job() {
    use sqlx::{Connection, Executor};
    let server = Postgres::start().await;
    let id = |number: u32| format!("00000000-0000-0000-0000-00000000000{number}");
    server
        .sql(
            "CREATE TABLE good_job_processes (id uuid PRIMARY KEY, created_at timestamp(6) NOT NULL,
               updated_at timestamp(6) NOT NULL, state jsonb, lock_type smallint)",
        )
        .await;
    // Two hold or have lost their advisory lock, two take none.
    for (number, age, lock_type) in [(1, 400, "0"), (2, 10, "0"), (3, 40, "NULL"), (4, 400, "NULL")] {
        let state = format!(
            r#"{{"id":"{}","hostname":"web","pid":{number},"proctitle":"good_job","schedulers":[{{"name":"GoodJob::Scheduler(queues=* max_threads=5)","queues":"*","max_threads":5,"active_threads":2,"available_threads":3}}]}}"#,
            id(number)
        );
        server
            .sql(&format!(
                "INSERT INTO good_job_processes VALUES ('{}', now(),
                   (now() AT TIME ZONE 'UTC') - interval '{age} s', '{state}', {lock_type})",
                id(number)
            ))
            .await;
    }
    let mut worker = sqlx::PgConnection::connect(&server.url()).await.unwrap();
    // As GoodJob writes it.
    let lock = format!(
        "SELECT pg_try_advisory_lock(('x'||substr(md5('good_job_processes' || '-' || '{}'), 1, 16))::bit(64)::bigint)",
        id(1)
    );
    worker.execute(sqlx::AssertSqlSafe(lock)).await.unwrap();
    let mut subject = class(&server, "layout: good_job, expected: 2");
    let observation = probe(&mut subject).await;
    assert_eq!((of_class(&observation, "workers_alive"), reasons(&observation)), (Some(2.0), vec![]));
    assert_eq!(of_class(&observation, "workers_busy"), Some(4.0));
    assert_eq!(of_class(&observation, "worker_slots"), Some(10.0));
    assert!((heartbeat(&observation, "web:1") - seconds_ago(400.0)).abs() < 3.0);
    // It is killed: its lock goes with its session.
    drop(worker);
    testkit::wait::eventually(std::time::Duration::from_secs(5), "the lock is gone", async || {
        let observation = probe(&mut subject).await;
        of_class(&observation, "workers_alive") == Some(1.0) && reasons(&observation) == [Reason::Stale]
    })
    .await;
    // An older version, which always takes the lock, has no column for it.
    server.sql("ALTER TABLE good_job_processes DROP COLUMN lock_type").await;
    assert_eq!(of_class(&probe(&mut subject).await, "workers_alive"), Some(0.0));
}

#[tokio::test]
async fn a_collection_of_workers() {
    let server = Mongodb::start().await;
    let workers = server.client().await.database("shop").collection("workers");
    let at = |age: i64| DateTime::from_millis(DateTime::now().timestamp_millis() - age * 1000);
    workers
        .insert_many([
            doc! {"_id": "a", "at": at(5), "state": "active", "instance": {"type": "g5.xlarge"}, "spot": true},
            doc! {"_id": "b", "at": at(500), "state": "idle", "instance": {"type": "g5.xlarge"}},
        ])
        .await
        .unwrap();
    let lane = source(&format!("mongodb: {{url: '{}'}}", server.url()));
    let mut subject = Surroundings::default().lane("mongo", lane).source(
        "workers: {classes: {c: {from: mongo, expected: 2, mongo: {database: shop, collection: workers, pipeline: [
           {$project: {seen_at: '$at', state: 1, instance_type: '$instance.type', spot: 1}}]}}}}",
    );
    let observation = probe(&mut subject).await;
    assert_eq!(
        (of_class(&observation, "workers_alive"), reasons(&observation)),
        (Some(1.0), vec![Reason::Stale])
    );
    assert!((heartbeat(&observation, "b") - seconds_ago(500.0)).abs() < 3.0);
    assert!(of_class(&observation, "worker_clock_skew_seconds").unwrap().abs() < 0.1, "the same machine");
    assert_eq!(
        labels(&observation.families, "worker_info"),
        [["a", "active", "g5.xlarge", "spot"], ["b", "offline", "g5.xlarge", ""]]
    );
    workers.delete_many(doc! {}).await.unwrap();
    assert_eq!(of_class(&probe(&mut subject).await, "workers_alive"), Some(0.0));
}
