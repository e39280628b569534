//! What a source contains, for `platform_exporter init`: its tables and their columns, from what the server itself knows
//! of them.

use std::time::Duration;

use crate::probe::Problem;
use crate::query::Lane;

/// The tables of a source, the largest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// The tables that the account can read.
    pub tables: Vec<Table>,
    /// How many more there are: only the largest are looked at.
    pub not_looked_at: usize,
    /// How many the account cannot read.
    pub unreadable: usize,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name, without quotes.
    pub name: String,
    /// Its name as a query names it: with quotes where it needs them, and with its schema if the search path lacks it.
    pub written: String,
    /// An estimate, which the server keeps.
    pub rows: f64,
    /// Its columns in their order.
    pub columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name, without quotes.
    pub name: String,
    /// Its name as a query names it.
    pub written: String,
    /// What is in it.
    pub column_type: ColumnType,
    /// Whether an index begins with it.
    pub is_indexed: bool,
    /// Whether it refers to another table, or identifies the row.
    pub is_key: bool,
    /// Its values, where its type or a constraint lists them.
    pub declared: Option<Vec<String>>,
}

/// What is in a column, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// A point in time.
    Time,
    /// A point in time without a time zone.
    LocalTime,
    /// A day.
    Date,
    /// A number.
    Number,
    /// Text, also of an enumeration.
    Text,
    /// True or false.
    Bool,
    /// Anything else.
    Other,
}

/// A column of a survey, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnPosition {
    /// The table's.
    pub table: usize,
    /// The column's in its table.
    pub column: usize,
}

/// A column with more values than this has no few values.
pub const MOST_VALUES: usize = 30;

/// Surveys sources of one kind. Everything goes through a source's lane, with the limits of a declared query.
#[async_trait::async_trait]
pub trait Surveyor: Sync {
    /// The tables.
    ///
    /// # Errors
    /// When the source cannot be reached, or rejects a query.
    async fn tables(&self, lane: &Lane, timeout: Duration) -> Result<Survey, Problem>;

    /// The values of these columns: only of those that have few of them, as the server's statistics know them. Without
    /// statistics, of the first rows.
    ///
    /// # Errors
    /// When the source cannot be reached, or rejects a query.
    async fn values(
        &self,
        lane: &Lane,
        survey: &Survey,
        columns: &[ColumnPosition],
        timeout: Duration,
    ) -> Result<Vec<(ColumnPosition, Vec<String>)>, Problem>;
}
