//! One connection: with server-side limits, used in read-only transactions.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::TryStreamExt;
use platform_core::deadline::Deadline;
use platform_core::large::Pace;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Columns, Rows};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, PgConnection};

use super::answer::{MOST_ROWS, RowCollector};
use super::batch::{Batch, OwnQuery, Prepared};
use super::config::Config;
use super::failure::{SqlFailure, failure, problem};
use super::relay::Relay;
use super::transaction::{BEGIN, limits, milliseconds};

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

/// The first version whose backends notice a lost client while they run a query.
const NOTICES_GONE_CLIENTS: u32 = 14;

/// Opens a session, and keeps it between exchanges.
///
/// A caller takes the session and puts it back when the exchange is complete: a dropped future drops it.
pub(super) struct SessionSlot {
    config: Config,
    idle: Option<PgSession>,
}

impl SessionSlot {
    pub(super) fn new(config: &Config) -> Self {
        Self { config: config.clone(), idle: None }
    }

    /// The session of the last exchange if it is still alive, or a new one.
    pub(super) async fn take(&mut self, deadline: Deadline) -> Result<PgSession, Problem> {
        if let Some(mut session) = self.idle.take()
            && session.relay.with(session.connection.ping()).await.is_ok()
        {
            return Ok(session);
        }
        PgSession::open(&self.config, deadline).await
    }

    /// Runs a declared SELECT.
    pub(super) async fn select_declared(
        &mut self,
        sql: &str,
        wanted: &Columns,
        deadline: Deadline,
    ) -> Result<Rows, SqlFailure> {
        let mut session = self.begin(deadline).await.map_err(SqlFailure::Lost)?;
        let rows = session.select_begun(sql, wanted, deadline).await;
        if !matches!(rows, Err(SqlFailure::Lost(_))) {
            self.put_back(session);
        }
        rows
    }

    /// A session with an open transaction, which also shows whether it is still alive.
    async fn begin(&mut self, deadline: Deadline) -> Result<PgSession, Problem> {
        if let Some(mut session) = self.idle.take()
            && session.begin(deadline).await.is_ok()
        {
            return Ok(session);
        }
        let mut session = PgSession::open(&self.config, deadline).await?;
        session.begin(deadline).await?;
        Ok(session)
    }

    /// Keeps a session for the next exchange, unless it has reached its limit.
    pub(super) fn put_back(&mut self, session: PgSession) {
        self.idle = Some(session).filter(|session| !session.relay.is_worn());
    }
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
}

impl PgSession {
    pub(super) async fn open(config: &Config, deadline: Deadline) -> Result<Self, Problem> {
        let options = options(config, deadline).await?;
        let mut relay = Relay::open(config).await?;
        let options = options.socket(relay.socket());
        let counts = relay.counts();
        let connection = relay.with(options.connect()).await;
        let connection = connection.map_err(|error| counts.end(&error).unwrap_or_else(|| problem(&error)))?;
        let prepared = (!config.pgbouncer).then(HashSet::new);
        let mut session =
            Self { connection, relay, proven: HashSet::new(), prepared, is_shared: config.pgbouncer };
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
        if let Some(SqlFailure::Refused { code, .. }) = &failure
            && OTHERS_PREPARE.contains(&code.as_str())
            && self.prepared.take().is_some()
        {
            failure = None;
        }
        failure
    }

    async fn read(
        &mut self,
        script: String,
        mut batch: Batch<'_>,
        take: &mut (dyn FnMut(Rows) + Send),
    ) -> Result<(), SqlFailure> {
        let Self { connection, relay, prepared, .. } = self;
        let counts = relay.counts();
        counts.begin();
        let failed = |error| counts.end(&error).map_or_else(|| failure(error), SqlFailure::Lost);
        let mut stream = sqlx::raw_sql(AssertSqlSafe(script)).fetch_many(connection);
        let reading = async {
            let mut pace = Pace::default();
            while let Some(part) = stream.try_next().await.map_err(failed)? {
                match part {
                    Either::Left(_) => batch.ended(prepared).into_iter().for_each(&mut *take),
                    Either::Right(row) => pace.read(batch.row(&row)?).await,
                }
            }
            Ok(())
        };
        relay.with(reading).await
    }

    /// Runs a declared SELECT, and reads all of its columns.
    pub(super) async fn select_declared(
        &mut self,
        sql: &str,
        deadline: Deadline,
    ) -> Result<Rows, SqlFailure> {
        self.begin(deadline).await?;
        self.select_begun(sql, &Columns::All, deadline).await
    }

    /// Begins a transaction for a declared SELECT.
    async fn begin(&mut self, deadline: Deadline) -> Result<(), SqlFailure> {
        let limits = limits(deadline.server_limit());
        // The savepoint reverts side effects of the SELECT's functions, such as changed settings.
        self.run(format!("{BEGIN}; {limits}; {READING}; SAVEPOINT declared")).await
    }

    /// Runs a declared SELECT in its open transaction, and ends it.
    async fn select_begun(
        &mut self,
        sql: &str,
        wanted: &Columns,
        deadline: Deadline,
    ) -> Result<Rows, SqlFailure> {
        let release = self.release(sql);
        let undo = format!("ROLLBACK TO SAVEPOINT declared{release}; COMMIT");
        let rows = if self.proven.contains(sql) {
            // Still one SELECT: where it ends depends only on the text and on settings of this transaction. The line
            // feed ends a comment at the end of the text.
            self.rows(format!("{sql}\n; {undo}"), wanted).await
        } else {
            self.through_cursor(sql, &undo, wanted, deadline).await
        };
        if let Err(SqlFailure::Refused { .. }) = rows {
            self.run(format!("ROLLBACK{release}")).await?;
        }
        rows
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
        let declare = format!("DECLARE platform_exporter NO SCROLL CURSOR FOR {sql}");
        let declare = sqlx::query(AssertSqlSafe(declare)).persistent(false);
        self.relay.with(declare.execute(&mut self.connection)).await.map_err(failure)?;
        // Shows in pg_stat_activity what it is about. Without a slash nothing can end the comment.
        let (limits, most, about) = (limits(deadline.server_limit()), MOST_ROWS + 1, sql.replace('/', " "));
        let fetch = format!("{limits}; FETCH FORWARD {most} FROM platform_exporter /* {about} */; {undo}");
        let rows = self.rows(fetch, wanted).await?;
        self.proven.insert(sql.to_owned());
        Ok(rows)
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
        let Self { connection, relay, .. } = self;
        let counts = relay.counts();
        counts.begin();
        let failed = |error| counts.end(&error).map_or_else(|| failure(error), SqlFailure::Lost);
        let mut stream = sqlx::raw_sql(AssertSqlSafe(script)).fetch(connection);
        let reading = async {
            let (mut answer, mut pace): (Option<RowCollector>, _) = (None, Pace::default());
            while let Some(row) = stream.try_next().await.map_err(failed)? {
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

async fn options(config: &Config, deadline: Deadline) -> Result<PgConnectOptions, Problem> {
    let password = match &config.password {
        Some(password) => password.read().await?,
        None => SecretString::default(),
    };
    // Sets everything: omitted values would come from the environment.
    let options = PgConnectOptions::new_without_pgpass()
        .host(&config.host)
        .port(config.port)
        .username(&config.user)
        .password(password.expose_secret())
        .database(&config.database)
        .application_name("platform_exporter")
        .statement_cache_capacity(0)
        .ssl_mode(PgSslMode::Disable)
        .disable_statement_logging();
    if options.get_options().is_some() {
        // The driver reads it from there, and that cannot be turned off.
        let detail = "the environment variable PGOPTIONS would change every source: unset it";
        return Err(Problem::new(Reason::Internal, detail));
    }
    if config.pgbouncer {
        // PgBouncer rejects startup parameters that it does not know.
        return Ok(options.extra_float_digits(None));
    }
    let limit = deadline.server_limit();
    let [statement, lock] = [limit, limit / 2].map(milliseconds);
    Ok(options.options([
        ("statement_timeout", statement.to_string()),
        ("lock_timeout", lock.to_string()),
        ("idle_in_transaction_session_timeout", statement.to_string()),
        ("default_transaction_read_only", "on".to_owned()),
    ]))
}
