//! Workers in the rows of a query: a row per worker, a column per attribute.

use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Columns, Rows};
use platform_core::time::now;
use serde_json::Value;

use super::cell_value::time;
use super::store::{self, Clock, HeartbeatStore, hello};
use super::worker::{Seen, Worker, WorkerList};

/// Solid Queue: the processes that perform jobs, not their supervisors and dispatchers.
pub(super) const SOLID_QUEUE: &str = "\
SELECT concat_ws(':', p.hostname, p.pid) AS worker,
       extract(epoch FROM p.last_heartbeat_at)::float8 AS seen_at,
       (SELECT count(*) FROM solid_queue_claimed_executions c WHERE c.process_id = p.id) AS busy,
       (nullif(p.metadata, '')::jsonb ->> 'thread_pool_size')::float8 AS slots
FROM solid_queue_processes p
WHERE p.kind = 'Worker'";

/// GoodJob: its processes. One that takes an advisory lock is alive for as long as it holds it. Older versions always
/// take one, and have no column that says so.
pub(super) const GOOD_JOB: &str = "\
SELECT concat_ws(':', p.state ->> 'hostname', p.state ->> 'pid') AS worker,
       extract(epoch FROM p.updated_at)::float8 AS seen_at,
       CASE WHEN to_jsonb(p) ? 'lock_type' AND to_jsonb(p) ->> 'lock_type' IS NULL THEN NULL
            ELSE EXISTS (
              SELECT FROM pg_locks l
              WHERE l.locktype = 'advisory' AND l.objsubid = 1
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND l.classid = ('x' || substr(k.hash, 1, 8))::bit(32)::int::oid
                AND l.objid = ('x' || substr(k.hash, 9, 8))::bit(32)::int::oid)
       END AS alive,
       (SELECT sum((s ->> 'active_threads')::float8)
        FROM jsonb_array_elements(p.state -> 'schedulers') s) AS busy,
       (SELECT sum((s ->> 'max_threads')::float8)
        FROM jsonb_array_elements(p.state -> 'schedulers') s) AS slots
FROM good_job_processes p
CROSS JOIN LATERAL (SELECT md5('good_job_processes-' || p.id::text) AS hash) k";

/// A SELECT with the server's time in its first column, which returns a row even without workers.
fn with_clock(sql: &str) -> String {
    let sql = sql.trim().trim_end_matches(';');
    // The line break ends a comment.
    format!(
        "SELECT extract(epoch FROM clock_timestamp())::float8 AS store_now, workers.* \
         FROM (SELECT 1) AS always LEFT JOIN (\n{sql}\n) AS workers ON true"
    )
}

/// Queries PostgreSQL.
pub(super) async fn sql(store: &HeartbeatStore, sql: &str) -> Result<WorkerList, Problem> {
    let before = now();
    let rows = store.read(&store::sql(&with_clock(sql)), &columns(&["store_now"])).await?;
    let store_now = rows.rows.first().and_then(|row| time(row.first()?));
    let store_now =
        store_now.ok_or_else(|| Problem::new(Reason::Protocol, "the server does not report its time"))?;
    let clock = Clock::read(store_now, before, now());
    Ok(WorkerList { workers: workers(rows, &["worker"])?, now: clock.now, skew: Some(clock.skew) })
}

/// Queries MongoDB.
pub(super) async fn mongo(store: &HeartbeatStore, query: &Value) -> Result<WorkerList, Problem> {
    let clock = store.clock(&hello()).await?;
    let rows = store.read(&store::mongo(query.clone()), &columns(&["_id"])).await?;
    Ok(WorkerList { workers: workers(rows, &["worker", "_id"])?, now: clock.now, skew: Some(clock.skew) })
}

/// The columns read of a worker, and more.
fn columns(more: &[&str]) -> Columns {
    Columns::named(Worker::NAMES.iter().chain(more).copied())
}

/// Reads the rows. The worker is named by the first existing column of `ids`.
fn workers(rows: Rows, ids: &[&str]) -> Result<Vec<Worker>, Problem> {
    large::in_place(rows.size(), move || read(&rows, ids))
}

fn read(rows: &Rows, ids: &[&str]) -> Result<Vec<Worker>, Problem> {
    if rows.rows.is_empty() {
        return Ok(Vec::new());
    }
    let missing = |column: &str| {
        Problem::new(Reason::Query, format!("there is no column `{column}` in the result{}", rows.listed()))
    };
    let id = ids.iter().find_map(|id| rows.column(id)).ok_or_else(|| missing("worker"))?;
    rows.column("seen_at").ok_or_else(|| missing("seen_at"))?;
    let worker = |row: &Vec<_>| {
        let mut worker = Worker::default();
        for (column, cell) in rows.columns.iter().zip(row) {
            worker.set(column, cell);
        }
        worker.set("worker", &row[id]);
        worker
    };
    // The row that exists only for the clock has neither.
    let is_worker = |worker: &Worker| worker.id.is_some() || worker.seen != Seen::Never;
    Ok(rows.rows.iter().map(worker).filter(is_worker).collect())
}
