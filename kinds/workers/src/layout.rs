//! The ways in which applications and job systems keep the heartbeats of their workers.

use platform_core::probe::{Problem, Reason};
use platform_core::query::Question;
use serde_json::Value;

use super::store::{self, HeartbeatStore};
use super::worker::{Worker, WorkerList};
use super::{job_queues, plain, table};

/// Where and how the heartbeats of a class are stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Layout {
    /// Redis: a sorted set of workers, the score is the time.
    Zset { key: String },
    /// Redis: a hash from workers to times, or to JSON.
    Hash { key: String },
    /// Redis: a key for each worker, with a time, JSON or anything else, that expires.
    Keys { pattern: String },
    /// Redis: Sidekiq.
    Sidekiq { namespace: String },
    /// Redis: RQ, one queue or all.
    Rq { queue: Option<String> },
    /// Redis: Resque.
    Resque { namespace: String },
    /// Redis: BullMQ, by the names of its connections.
    Bullmq { queue: String, prefix: String },
    /// PostgreSQL: a SELECT of workers.
    Sql(String),
    /// PostgreSQL: Solid Queue.
    SolidQueue,
    /// PostgreSQL: GoodJob.
    GoodJob,
    /// MongoDB: a document for each worker.
    Mongo(Value),
}

impl Layout {
    /// The possible states of a worker, if the job system has a closed list.
    pub(super) fn states(&self) -> &'static [&'static str] {
        match self {
            Self::Sidekiq { .. } => &["busy", "idle", "quiet"],
            Self::Rq { .. } => &["busy", "idle", "started", "suspended"],
            Self::Resque { .. } => &["busy", "idle"],
            _ => &[],
        }
    }

    /// Whether every worker reports its busy slots.
    pub(super) fn reports_busy(&self) -> bool {
        matches!(self, Self::Sidekiq { .. } | Self::Rq { .. } | Self::Resque { .. } | Self::SolidQueue)
    }

    /// What it runs, as far as a configuration can get it wrong: the query that is written there, or one in the language
    /// of its own queries.
    pub(super) fn question(&self) -> Question {
        match self {
            Self::Sql(sql) => store::sql(sql),
            Self::SolidQueue => store::sql(table::SOLID_QUEUE),
            Self::GoodJob => store::sql(table::GOOD_JOB),
            Self::Mongo(query) => store::mongo(query.clone()),
            _ => store::command(&["TIME"]),
        }
    }

    /// The Redis commands that it runs. `{id}` is a part of a worker's name.
    pub(super) fn reads(&self) -> Vec<Question> {
        let commands = |commands: &[&[&str]]| {
            let all = std::iter::once(&["TIME"][..]).chain(commands.iter().copied());
            all.map(store::command).collect()
        };
        match self {
            Self::Zset { key } => commands(&[&["ZRANGE", key]]),
            Self::Hash { key } => commands(&[&["HLEN", key], &["HGETALL", key]]),
            Self::Keys { pattern } => vec![store::command(&["TIME"]), store::values(pattern)],
            Self::Sidekiq { namespace } => commands(&[
                &["SMEMBERS", &format!("{namespace}processes")],
                // Host, process id, and a random part.
                &["HMGET", &format!("{namespace}{{id}}:{{id}}:{{id}}")],
            ]),
            Self::Rq { queue } => commands(&[
                &["SMEMBERS", &job_queues::rq_set(queue.as_deref())],
                &["HMGET", "rq:worker:{id}"],
            ]),
            Self::Resque { namespace } => commands(&[
                &["SMEMBERS", &format!("{namespace}workers")],
                &["HGETALL", &format!("{namespace}workers:heartbeat")],
                &["MGET", &format!("{namespace}worker:{{id}}")],
            ]),
            Self::Bullmq { .. } => commands(&[&["CLIENT", "LIST"]]),
            Self::Sql(_) | Self::SolidQueue | Self::GoodJob | Self::Mongo(_) => Vec::new(),
        }
    }

    /// The key of a class that it is configured with.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Sql(_) => store::SQL,
            Self::Mongo(_) => store::MONGO,
            _ => "layout",
        }
    }

    /// Reads all workers.
    pub(super) async fn read(&self, store: &HeartbeatStore) -> Result<WorkerList, Problem> {
        match self {
            Self::Sql(sql) => return table::sql(store, sql).await,
            Self::SolidQueue => return table::sql(store, table::SOLID_QUEUE).await,
            Self::GoodJob => return table::sql(store, table::GOOD_JOB).await,
            Self::Mongo(query) => return table::mongo(store, query).await,
            _ => {}
        }
        // The clock first: a heartbeat that arrives meanwhile is not old.
        let clock = store.clock(&store::command(&["TIME"])).await;
        match clock {
            Ok(clock) => {
                let workers = self.workers(store).await?;
                Ok(WorkerList { workers, now: clock.now, skew: Some(clock.skew) })
            }
            // What else the account lacks would be known only when this is allowed.
            Err(problem) if problem.reason == Reason::Permission => {
                let more = self.workers(store).await.err().and_then(|more| more.remedy);
                let remedies: Vec<_> = problem.remedy.clone().into_iter().chain(more).collect();
                Err(problem.fixed_by((!remedies.is_empty()).then(|| remedies.join("\n"))))
            }
            Err(problem) => Err(problem),
        }
    }

    /// The workers that a Redis server knows.
    async fn workers(&self, store: &HeartbeatStore) -> Result<Vec<Worker>, Problem> {
        match self {
            Self::Zset { key } => plain::zset(store, key).await,
            Self::Hash { key } => plain::hash(store, key).await,
            Self::Keys { pattern } => plain::keys(store, pattern).await,
            Self::Sidekiq { namespace } => job_queues::sidekiq(store, namespace).await,
            Self::Rq { queue } => job_queues::rq(store, queue.as_deref()).await,
            Self::Resque { namespace } => job_queues::resque(store, namespace).await,
            Self::Bullmq { queue, prefix } => job_queues::bullmq(store, queue, prefix).await,
            Self::Sql(_) | Self::SolidQueue | Self::GoodJob | Self::Mongo(_) => Ok(Vec::new()),
        }
    }
}
