//! What a source contains, for `platform_exporter init`: its tables and their columns, from what the server itself knows
//! of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::probe::Problem;
use crate::query::{Lane, Question};

/// The tables of a source, the largest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceSurvey {
    /// The tables that the account can read.
    pub tables: Vec<SurveyedTable>,
    /// How many more there are: only the largest are looked at.
    pub not_looked_at: usize,
    /// How many the account cannot read.
    pub unreadable: usize,
    /// What else to know about the look.
    pub notes: Vec<String>,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyedTable {
    /// Its schema.
    pub schema: String,
    /// Its name, without quotes.
    pub name: String,
    /// Its name as a query names it: with quotes where it needs them, and with its schema if the search path lacks it.
    pub written: String,
    /// An estimate, which the server keeps.
    pub rows: f64,
    /// How many columns of other tables refer to it.
    pub references: usize,
    /// Whether accounts only see the rows that a policy allows them.
    pub has_row_security: bool,
    /// Its columns in their order.
    pub columns: Vec<SurveyedColumn>,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyedColumn {
    /// Its name, without quotes.
    pub name: String,
    /// Its name as a query names it.
    pub written: String,
    /// What is in it.
    pub column_type: ColumnType,
    /// If its numbers are points in time: how a query reads it as one.
    pub as_time: Option<String>,
    /// Whether an index begins with it.
    pub is_indexed: bool,
    /// Whether it refers to another table, or identifies the row.
    pub is_key: bool,
    /// Whether a new row has the time of its creation there.
    pub defaults_to_now: bool,
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

impl ColumnType {
    /// Whether it is a point in time, or a day.
    pub fn is_time(self) -> bool {
        matches!(self, Self::Time | Self::LocalTime | Self::Date)
    }
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

/// What running a query once costs its server, as far as that is known without running it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QueryCost {
    /// The processor time.
    pub processor: Duration,
    /// How long it takes if everything has to be read from disk.
    pub longest: Duration,
}

/// What queries read of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableUse {
    /// The schema, without quotes.
    pub schema: String,
    /// The table, as queries name it.
    pub table: String,
    /// The columns, as queries name them.
    pub columns: BTreeSet<String>,
    /// As [`SurveyedTable::has_row_security`].
    pub has_row_security: bool,
}

/// The language of scripts for an administrator.
#[derive(Clone, Copy, Debug)]
pub struct ScriptLanguage {
    /// The extension of files.
    pub extension: &'static str,
    /// What begins a comment.
    pub comment: &'static str,
    /// The command that runs a file, without the file.
    pub run: &'static str,
}

impl ScriptLanguage {
    /// A script that makes an account, with the commands that allow it what queries read.
    pub fn with_grants(&self, script: &str, grants: &str) -> String {
        format!("{script}\n{} What the queries of the pack read, and nothing else.\n{grants}", self.comment)
    }
}

/// What a source knows of itself that belongs in its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamesSurvey {
    /// The names, by key.
    pub names: Vec<SurveyedNames>,
    /// What else to know about the look, such as what was left out.
    pub notes: Vec<String>,
}

/// Names for a key of a source's configuration, such as the queues of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyedNames {
    /// The key.
    pub key: &'static str,
    /// How the key has them.
    pub form: NamesForm,
    /// The names.
    pub names: Vec<String>,
}

/// How a key has names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamesForm {
    /// A list.
    List,
    /// A list of `{prefix: …, max_age: …}`, with the ages that are known.
    Prefixes(BTreeMap<String, Duration>),
    /// `{include: …}` with a regular expression.
    Include,
}

/// So many digits, also hexadecimal ones, are no number that a person counts with.
const LONGEST_NUMBER: usize = 4;

/// Whether a program has made up a name: with an id or a date in it, or with characters that no person uses.
pub fn is_generated(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    let parts = || name.split(|c: char| !c.is_ascii_alphanumeric());
    let is_id = |part: &str| {
        let digits = part.chars().filter(char::is_ascii_digit).count();
        digits >= LONGEST_NUMBER
            || (digits > 0 && part.len() >= 8 && part.chars().all(|c| c.is_ascii_hexdigit()))
    };
    name.is_empty() || !name.chars().all(is_plain) || parts().any(is_id)
}

/// Finds names for the configuration of a source.
#[async_trait::async_trait]
pub trait NamesSurveyor: Send + Sync {
    /// Those that will be there tomorrow: without those that a program has generated, and not more than a person would list.
    ///
    /// # Errors
    /// When the source cannot be reached, or rejects a request.
    async fn names(&self, timeout: Duration) -> Result<NamesSurvey, Problem>;
}

/// Surveys a source. Everything goes through the source's lane, with the limits of a declared query.
#[async_trait::async_trait]
pub trait Surveyor: Send + Sync {
    /// The tables.
    ///
    /// # Errors
    /// When the source cannot be reached, or rejects a query.
    async fn tables(&self, lane: &Lane, timeout: Duration) -> Result<SourceSurvey, Problem>;

    /// The values of these columns: only of those that have few of them, as the server's statistics know them. Without
    /// statistics, of some rows.
    ///
    /// # Errors
    /// When the source cannot be reached, or rejects a query.
    async fn values(
        &self,
        lane: &Lane,
        survey: &SourceSurvey,
        columns: &[ColumnPosition],
        timeout: Duration,
    ) -> Result<Vec<(ColumnPosition, Vec<String>)>, Problem>;

    /// What a query costs. It is not run.
    ///
    /// # Errors
    /// When the source cannot be reached, or rejects the query.
    async fn cost(
        &self,
        lane: &Lane,
        survey: &SourceSurvey,
        query: &Question,
        timeout: Duration,
    ) -> Result<QueryCost, Problem>;

    /// Whether it holds the records of an application. The pack of the only such source has the name of the platform.
    fn has_records(&self) -> bool {
        true
    }

    /// The language of its scripts.
    fn script_language(&self) -> ScriptLanguage;

    /// The script that makes the exporter's account: this one, and what queries need, and nothing else.
    fn role(&self, existing: &str, uses: &[TableUse], queries: &[Question]) -> String;

    /// The command that creates an index on a column.
    fn index(&self, table: &str, column: &str) -> String;
}
