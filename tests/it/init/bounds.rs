//! Large databases: looking at them takes bounded time, and what is proposed is cheap.

use std::fs::OpenOptions;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use testkit::postgres::Postgres;

use super::{ORDERS, Project};

/// On a busy machine, in a build without optimization. It takes less than a tenth of that.
const LONGEST: Duration = Duration::from_secs(60);

#[tokio::test]
async fn five_thousand_tables() {
    let (server, project) = Project::with(ORDERS).await;
    let tables = "DO $$ BEGIN FOR i IN 1..5000 LOOP
        EXECUTE format('CREATE TABLE t%s (id int, status text, created_at timestamptz)', i);
      END LOOP; END $$;";
    // One transaction would take more locks than the server has.
    for part in ["1..1000", "1001..2000", "2001..3000", "3001..4000", "4001..5000"] {
        server.script("shop", &tables.replace("1..5000", part)).await;
    }
    let started = Instant::now();
    let printed = project.init(&[]);
    assert!(started.elapsed() < LONGEST, "{:?}", started.elapsed());
    assert!(printed.contains("4501 tables not looked at: only the largest are"), "{printed}");
    assert!(project.read("packs/shop.yml").contains("states(orders.status)"));
    project.passes();
}

/// The server keeps a table in files of this size.
const SEGMENT: u64 = 1 << 30;
const PAGE: u64 = 8192;

#[tokio::test]
async fn a_table_of_a_billion_rows_is_not_counted() {
    let schema = format!(
        "{ORDERS}
         CREATE TABLE events (id bigint, status text, created_at timestamptz) WITH (autovacuum_enabled = off);
         INSERT INTO events SELECT i, (ARRAY['new', 'failed'])[1 + i % 2], now() FROM generate_series(1, 1000) i;
         ANALYZE events;"
    );
    let (mut server, project) = Project::with(&schema).await;
    grow(&mut server, 10).await;
    let printed = project.init(&[]);
    assert!(
        printed.contains("states(events.status): not proposed: its query would take more than 30 s"),
        "{printed}"
    );
    let pack = project.read("packs/shop.yml");
    assert!(pack.contains("states(orders.status)") && !pack.contains("FROM events"), "{pack}");
    project.passes();
}

/// Makes `events` a table of a billion rows, as far as the server can see without reading it: of sparse files, and with
/// statistics that fit.
async fn grow(server: &mut Postgres, segments: u64) {
    let pages = segments * SEGMENT / PAGE;
    let sql = format!(
        "CHECKPOINT; UPDATE pg_class SET reltuples = 1e9, relpages = {pages} WHERE relname = 'events';
         COPY (SELECT pg_relation_filepath('events')) TO '{}/path'",
        server.data().display()
    );
    server.script("shop", &sql).await;
    let path = std::fs::read_to_string(server.data().join("path")).unwrap();
    let file = server.data().join(path.trim());
    server.kill();
    for segment in 0..segments {
        let name = if segment == 0 { file.clone() } else { file.with_extension(segment.to_string()) };
        let file = OpenOptions::new().append(true).create(true).open(&name).unwrap();
        file.set_len(SEGMENT).unwrap();
        let owner = std::fs::metadata(server.data()).unwrap();
        std::os::unix::fs::chown(&name, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    server.restart().await;
}
