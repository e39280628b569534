//! One connection: with server-side limits, used in read-only transactions.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::TryStreamExt;
use platform_core::deadline::Deadline;
use platform_core::large::Pace;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Columns, Rows};
use platform_core::setting::Secret;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, PgConnection};

use super::answer::{MOST_ROWS, RowCollector};
use super::batch::{Batch, OwnQuery, Prepared, name};
use super::config::Config;
use super::connect_options::connect_options;
use super::failure::{SqlFailure, failure, problem};
use super::relay::Relay;
use super::transaction::{BEGIN, limits};

/// How the server parses and plans a text, whatever is set for the account: standard strings, plans for all rows, no
/// parallel workers.
const READING: &str = "SET LOCAL standard_conforming_strings = on; SET LOCAL cursor_tuple_fraction = 1; \
                       SET LOCAL max_parallel_workers_per_gather = 0";
/// Session-level advisory locks outlive transactions. Returns no rows, but has to be executed for that: the planner
/// cannot know the number of a row.
const RELEASE: &str = "; SELECT FROM pg_catalog.pg_advisory_unlock_all() WITH ORDINALITY AS released(nothing, number) \
                       WHERE number OPERATOR(pg_catalog.<) 0";

/// No such prepared statement, and one that there is already: between two transactions a pool has given the session
/// another connection.
const OTHERS_PREPARE: [&str; 2] = ["26000", "42P05"];
/// Among other things: the columns of a prepared statement are not those that it was prepared with.
const FEATURE_NOT_SUPPORTED: &str = "0A000";

/// The first version whose backends notice a lost client while they run a query.
const NOTICES_GONE_CLIENTS: u32 = 14;

/// What is wanted of a declared SELECT.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// These columns of its rows.
    Rows(&'a Columns),
    /// Its plan, by this statement before it.
    Plan(&'static str),
}

/// An open connection.
pub(super) struct PgSession {
    pub(super) connection: PgConnection,
    pub(super) relay: Relay,
    /// The declared texts that the server has accepted as one SELECT.
    proven: HashSet<String>,
    prepared: Prepared,
    /// Whether other clients use it between transactions.
    is_shared: bool,
    /// Whether it was kept, and the server has run nothing since.
    was_kept: bool,
    /// How many statements of the last script the server has run.
    ended: usize,
}

impl PgSession {
    pub(super) async fn open(config: &Config, deadline: Deadline) -> Result<Self, Problem> {
        let options = connect_options(config, deadline).await?;
        let mut relay = Relay::open(config).await?;
        let options = options.socket(relay.socket());
        let counts = relay.counts();
        let connection = relay.with(options.connect()).await;
        let connection = connection.map_err(|error| {
            let problem = counts.end(&error).unwrap_or_else(|| problem(&error));
            problem.with_origin("password", config.password.as_ref().map(Secret::origin))
        })?;
        let prepared = (!config.pgbouncer).then(HashSet::new);
        let mut session = Self {
            connection,
            relay,
            proven: HashSet::new(),
            prepared,
            is_shared: config.pgbouncer,
            was_kept: false,
            ended: 0,
        };
        if !config.pgbouncer && session.version()? >= NOTICES_GONE_CLIENTS {
            // Not every server platform supports it; the limits apply anyway.
            match session.run("SET client_connection_check_interval = '500ms'").await {
                Err(SqlFailure::Lost(problem)) => return Err(problem),
                Ok(()) | Err(SqlFailure::Refused { .. }) => {}
            }
        }
        Ok(session)
    }

    /// The server's major version.
    pub(super) fn version(&self) -> Result<u32, Problem> {
        let version = self.connection.server_version_num().map(|number| number / 10_000);
        version.ok_or_else(|| Problem::new(Reason::Protocol, "the server does not report its version"))
    }

    /// The session for the next exchange, unless it has reached its limit.
    pub(super) fn kept(self) -> Option<Self> {
        (!self.relay.is_worn()).then_some(Self { was_kept: true, ..self })
    }

    /// Whether it had died before the server ran anything that it was sent. The same can then be sent in a new session.
    pub(super) fn had_died(&self) -> bool {
        self.was_kept
    }

    /// Runs built-in SELECTs in one round trip, up to the first that fails, and hands over the answers of those before
    /// it. Returns why it failed. Neither all answers nor a failure: what is left has to be run again.
    pub(super) async fn select_own(
        &mut self,
        queries: &[OwnQuery<'_>],
        left: Duration,
        take: &mut (dyn FnMut(Rows) + Send),
    ) -> Option<SqlFailure> {
        let (script, batch) = Batch::new(queries, left, &self.prepared);
        let mut failure = self.read(script, batch, take).await.err();
        if let Some(SqlFailure::Refused { .. }) = failure
            && let Err(lost) = self.run("ROLLBACK").await
        {
            failure = Some(lost);
        }
        failure.filter(|failure| !self.is_of_pool(failure))
    }

    async fn read(
        &mut self,
        script: String,
        mut batch: Batch<'_>,
        take: &mut (dyn FnMut(Rows) + Send),
    ) -> Result<(), SqlFailure> {
        let Self { connection, relay, prepared, was_kept, .. } = self;
        let counts = relay.counts();
        counts.begin();
        let failed = |error| counts.end(&error).map_or_else(|| failure(error), SqlFailure::Lost);
        let mut stream = sqlx::raw_sql(AssertSqlSafe(script)).fetch_many(connection);
        let reading = async {
            let mut pace = Pace::default();
            while let Some(part) = stream.try_next().await.map_err(failed)? {
                match part {
                    Either::Left(_) => {
                        *was_kept = false;
                        batch.ended(prepared).into_iter().for_each(&mut *take);
                    }
                    Either::Right(row) => pace.read(batch.row(&row)?).await,
                }
            }
            Ok(())
        };
        relay.with(reading).await
    }

    /// Runs a declared SELECT.
    pub(super) async fn select_declared(
        &mut self,
        sql: &str,
        wanted: Wanted<'_>,
        deadline: Deadline,
    ) -> Result<Rows, SqlFailure> {
        let rows = self.try_declared(sql, wanted, deadline).await;
        match rows {
            Err(failure) if self.is_of_pool(&failure) || self.has_changed(sql, &failure).await? => {
                self.try_declared(sql, wanted, deadline).await
            }
            rows => rows,
        }
    }

    async fn try_declared(
        &mut self,
        sql: &str,
        wanted: Wanted<'_>,
        deadline: Deadline,
    ) -> Result<Rows, SqlFailure> {
        let release = self.release(sql);
        let undo = format!("ROLLBACK TO SAVEPOINT declared{release}; COMMIT");
        let rows = match wanted {
            Wanted::Plan(explain) => self.explain(explain, sql, &undo, deadline).await,
            Wanted::Rows(columns) if self.is_prepared(sql) => {
                let execute = execute(sql);
                self.rows(format!("{}; {execute}; {undo}", begin(deadline)), columns).await
            }
            Wanted::Rows(columns) => self.by_text(sql, &undo, columns, deadline).await,
        };
        if let Err(SqlFailure::Refused { .. }) = rows {
            self.run(format!("ROLLBACK{release}")).await?;
        }
        rows
    }

    async fn explain(
        &mut self,
        explain: &str,
        sql: &str,
        undo: &str,
        deadline: Deadline,
    ) -> Result<Rows, SqlFailure> {
        self.run(begin(deadline)).await?;
        self.prove(sql).await?;
        self.rows(format!("{explain} {sql}\n; {undo}"), &Columns::All).await
    }

    /// Sends the text. It is not sent with the beginning of the transaction: the server reads a whole message before it
    /// acts on it, and settings of the transaction determine where a statement ends.
    async fn by_text(
        &mut self,
        sql: &str,
        undo: &str,
        wanted: &Columns,
        deadline: Deadline,
    ) -> Result<Rows, SqlFailure> {
        self.run(begin(deadline)).await?;
        if !self.proven.contains(sql) {
            return self.through_cursor(sql, undo, wanted, deadline).await;
        }
        // Still one SELECT: where it ends depends only on the text and on settings of this transaction. The line feed
        // ends a comment at the end of the text.
        if self.prepared.is_none() {
            return self.rows(format!("{sql}\n; {undo}"), wanted).await;
        }
        let (name, execute) = (name(sql), execute(sql));
        let script = format!("PREPARE platform_exporter_{name:x} AS {sql}\n; {execute}; {undo}");
        let rows = self.rows(script, wanted).await;
        // It stays prepared even if running it has failed.
        if self.ended > 0 {
            self.prepared.iter_mut().for_each(|prepared| _ = prepared.insert(name));
        }
        rows
    }

    fn is_prepared(&self, sql: &str) -> bool {
        self.prepared.as_ref().is_some_and(|prepared| prepared.contains(&name(sql)))
    }

    /// Whether a pool has given the session another connection. From then on, nothing is prepared.
    fn is_of_pool(&mut self, failure: &SqlFailure) -> bool {
        let is_of_pool =
            matches!(failure, SqlFailure::Refused { code, .. } if OTHERS_PREPARE.contains(&code.as_str()));
        is_of_pool && self.prepared.take().is_some()
    }

    /// Whether the columns of a text may have changed since it was prepared. It can then be prepared again.
    async fn has_changed(&mut self, sql: &str, failure: &SqlFailure) -> Result<bool, SqlFailure> {
        let may_be = matches!(failure, SqlFailure::Refused { code, .. } if code == FEATURE_NOT_SUPPORTED);
        let name = name(sql);
        let has_changed = may_be && self.prepared.as_mut().is_some_and(|prepared| prepared.remove(&name));
        if has_changed {
            self.run(format!("DEALLOCATE platform_exporter_{name:x}")).await?;
        }
        Ok(has_changed)
    }

    /// The statement that releases the advisory locks of a SELECT. In a pool the session is shared, so locks are only
    /// released if the text itself takes some.
    fn release(&self, sql: &str) -> &'static str {
        if self.is_shared && !sql.to_ascii_lowercase().contains("advisory") { "" } else { RELEASE }
    }

    /// PostgreSQL itself sees to it that this is one SELECT and nothing else: the extended protocol takes one
    /// statement, a cursor takes only a query, and the transaction is read-only. The rows come by the simple
    /// protocol, which has every type as text.
    async fn through_cursor(
        &mut self,
        sql: &str,
        undo: &str,
        wanted: &Columns,
        deadline: Deadline,
    ) -> Result<Rows, SqlFailure> {
        self.prove(sql).await?;
        let (limits, most, about) = (limits(deadline.server_limit()), MOST_ROWS + 1, about(sql));
        let fetch = format!("{limits}; FETCH FORWARD {most} FROM platform_exporter {about}; {undo}");
        let rows = self.rows(fetch, wanted).await?;
        self.proven.insert(sql.to_owned());
        Ok(rows)
    }

    /// Declares a cursor for a text: it is one SELECT if the server accepts that.
    async fn prove(&mut self, sql: &str) -> Result<(), SqlFailure> {
        let declare = format!("DECLARE platform_exporter NO SCROLL CURSOR FOR {sql}");
        let declare = sqlx::query(AssertSqlSafe(declare)).persistent(false);
        self.relay.with(declare.execute(&mut self.connection)).await.map_err(failure)?;
        Ok(())
    }

    pub(super) async fn run(&mut self, sql: impl Into<String>) -> Result<(), SqlFailure> {
        self.rows(sql.into(), &Columns::All).await.map(drop)
    }

    /// Sends Terminate, so that the server does not log a lost client.
    pub(super) async fn close(self) {
        // Everything is committed: errors no longer matter.
        let Self { connection, mut relay, .. } = self;
        let _ = relay.with(connection.close()).await;
        relay.ended().await;
    }

    async fn rows(&mut self, script: String, wanted: &Columns) -> Result<Rows, SqlFailure> {
        let Self { connection, relay, was_kept, ended, .. } = self;
        *ended = 0;
        let counts = relay.counts();
        counts.begin();
        let failed = |error| counts.end(&error).map_or_else(|| failure(error), SqlFailure::Lost);
        let mut stream = sqlx::raw_sql(AssertSqlSafe(script)).fetch_many(connection);
        let reading = async {
            let (mut answer, mut pace): (Option<RowCollector>, _) = (None, Pace::default());
            while let Some(part) = stream.try_next().await.map_err(failed)? {
                let Either::Right(row) = part else {
                    (*was_kept, *ended) = (false, *ended + 1);
                    continue;
                };
                let answer = match &mut answer {
                    Some(answer) => answer,
                    none => none.insert(RowCollector::new(&row, wanted)?),
                };
                pace.read(answer.push(&row)?).await;
            }
            Ok(answer.map(RowCollector::finish).unwrap_or_default())
        };
        relay.with(reading).await
    }
}

/// Begins a transaction for a declared SELECT. The savepoint reverts side effects of the SELECT's functions, such as
/// changed settings.
fn begin(deadline: Deadline) -> String {
    let limits = limits(deadline.server_limit());
    format!("{BEGIN}; {limits}; {READING}; SAVEPOINT declared")
}

/// Runs a text that is prepared.
fn execute(sql: &str) -> String {
    format!("EXECUTE platform_exporter_{:x} {}", name(sql), about(sql))
}

/// Shows in pg_stat_activity what a statement is about. Without a slash nothing can end the comment.
fn about(sql: &str) -> String {
    format!("/* {} */", sql.replace('/', " "))
}
