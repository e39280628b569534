//! The writing connection: opened for a run, used for one day after the other, then closed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use platform_core::deadline::Deadline;
use platform_core::probe::Problem;
use platform_core::query::{Cell, Columns};
use platform_core::setting::TimeZone;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{AssertSqlSafe, Postgres, Type};

use super::{DailyTable, RollUpConfig, statement};
use crate::failure::{SqlFailure, failure};
use crate::session::{PgSession, Wanted};
use crate::transaction::limits;

/// What to write about a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Day {
    /// The day.
    pub date: Date,
    /// The largest value seen for each observed column, in order; `None` if there was none.
    pub observed: Vec<Option<f64>>,
}

/// An open connection of a roll-up.
///
/// The caller drops a method's future at the deadline. After that or an error, the connection is unusable.
pub struct Writing<'a> {
    session: PgSession,
    table: &'a DailyTable,
    time_zone: &'a TimeZone,
}

impl<'a> Writing<'a> {
    /// Connects.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses the account.
    pub async fn open(
        table: &'a DailyTable,
        config: &'a RollUpConfig,
        deadline: Deadline,
    ) -> Result<Self, Problem> {
        let session = PgSession::open(&config.connection, deadline).await?;
        Ok(Self { session, table, time_zone: &config.time_zone })
    }

    /// The days from one to another that have a row.
    ///
    /// # Errors
    /// When the server refuses it, or is gone.
    pub async fn days(
        &mut self,
        from: Date,
        to: Date,
        deadline: Deadline,
    ) -> Result<BTreeSet<Date>, Problem> {
        let days = statement::days(self.table, from, to);
        let rows = self.session.select_declared(&days, Wanted::Rows(&Columns::All), deadline).await?;
        let texts = rows.rows.iter().filter_map(|row| row.first().and_then(Cell::text));
        Ok(texts.filter_map(|text| text.parse().ok()).collect())
    }

    /// Inserts or updates the row of a day, and returns whether that changed anything.
    ///
    /// # Errors
    /// When the server refuses it, or is gone. Then nothing is written, unless only the answer was lost.
    pub async fn write(&mut self, day: &Day, deadline: Deadline) -> Result<bool, Problem> {
        let upsert = statement::upsert(self.table);
        let rows = self.execute("READ WRITE", upsert, day, deadline).await?;
        self.session.run("COMMIT").await?;
        Ok(rows > 0)
    }

    /// Lets the server check the statement of a day, including the needed objects and privileges, without running it.
    ///
    /// # Errors
    /// What is missing.
    pub async fn check(&mut self, day: &Day, deadline: Deadline) -> Result<(), Problem> {
        let explain = format!("EXPLAIN {}", statement::upsert(self.table));
        self.execute("READ ONLY", explain, day, deadline).await?;
        self.session.run("ROLLBACK").await?;
        Ok(())
    }

    /// Begins a transaction, and runs the one statement in it. Days in its SELECT are those of the time zone.
    async fn execute(
        &mut self,
        access: &str,
        statement: String,
        day: &Day,
        deadline: Deadline,
    ) -> Result<u64, SqlFailure> {
        let (limits, zone) = (limits(deadline.server_limit()), self.time_zone.name());
        let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED {access}");
        self.session.run(format!("{begin}; {limits}; SET LOCAL TimeZone = '{zone}'")).await?;
        let next = day.date.tomorrow().unwrap_or(day.date);
        let query = sqlx::query(AssertSqlSafe(statement))
            .persistent(false)
            .bind(Moment(self.time_zone.start(day.date)))
            .bind(Moment(self.time_zone.start(next)))
            .bind(SqlDate(day.date));
        let query = day.observed.iter().fold(query, |query, value| query.bind(*value));
        let PgSession { connection, relay, .. } = &mut self.session;
        let done = relay.with(query.execute(connection)).await.map_err(failure)?;
        Ok(done.rows_affected())
    }

    /// Sends Terminate, so that the server does not log a lost client.
    pub async fn close(self) {
        self.session.close().await;
    }
}

/// A `timestamptz` parameter: microseconds since 2000.
struct Moment(Timestamp);

/// A `date` parameter: days since 2000.
struct SqlDate(Date);

const TIMESTAMPTZ: Oid = Oid(1184);
const DATE: Oid = Oid(1082);
/// The first moment of 2000 in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend((self.0.as_microsecond() - EPOCH).to_be_bytes());
        Ok(IsNull::No)
    }
}

impl Type<Postgres> for SqlDate {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(DATE)
    }
}

impl Encode<'_, Postgres> for SqlDate {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let days = self.0.since(jiff::civil::date(2000, 1, 1))?.get_days();
        buffer.extend(days.to_be_bytes());
        Ok(IsNull::No)
    }
}
