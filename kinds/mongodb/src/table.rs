//! From documents to rows: columns are dotted paths to scalars.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::slice;

use ::mongodb::bson::error::Error as BsonError;
use ::mongodb::bson::spec::BinarySubtype;
use ::mongodb::bson::{RawBsonRef, RawDocument, Uuid};
use platform_core::probe::{Problem, Reason};
use platform_core::query::{AnswerBudget, Cell, Columns, MOST_COLUMNS, NumericColumns, Rows};

/// Integers up to this one are exact as floats; larger ones, such as ids, stay text.
const LARGEST_EXACT: u64 = 1 << 53;

/// A server of version 6 has 1,800 numbers in serverStatus, and each version has more.
const MOST_NUMBERS: usize = 5 * MOST_COLUMNS;

/// How to avoid an answer that is too large.
pub(super) const ADVICE: &str = "group the documents, or project fewer fields";

/// A table that gets its columns from its documents.
pub(super) struct DocumentTable {
    wanted: Columns,
    columns: Vec<String>,
    positions: HashMap<String, usize>,
    rows: Vec<Vec<Cell>>,
    budget: AnswerBudget,
}

impl DocumentTable {
    /// A table that keeps these columns.
    pub(super) fn new(wanted: &Columns) -> Self {
        Self {
            wanted: wanted.clone(),
            columns: Vec::new(),
            positions: HashMap::new(),
            rows: Vec::new(),
            budget: AnswerBudget::default(),
        }
    }

    /// Adds a document: as a row for each part at the path, or as one row if there is no path.
    ///
    /// # Errors
    /// When there is no such part, or the table becomes too large.
    pub(super) fn take(
        &mut self,
        leading: &[(&str, &str)],
        document: &RawDocument,
        each: Option<&str>,
    ) -> Result<(), Problem> {
        match each {
            Some(path) => self.add_each(leading, document, path),
            None => self.add(leading, document),
        }
    }

    /// Adds a document as one row, with the columns that come before its own.
    ///
    /// # Errors
    /// When the table becomes too large.
    pub(super) fn add(&mut self, leading: &[(&str, &str)], document: &RawDocument) -> Result<(), Problem> {
        self.row(leading, |row| row.document(document))
    }

    /// Adds a row for each element of the array at the path, or for each key of the sub-document there.
    ///
    /// # Errors
    /// When there is neither at the path, or the table becomes too large.
    pub(super) fn add_each(
        &mut self,
        leading: &[(&str, &str)],
        document: &RawDocument,
        path: &str,
    ) -> Result<(), Problem> {
        match at(document, path) {
            Some(RawBsonRef::Array(elements)) => {
                for element in elements {
                    let element = element.map_err(malformed)?;
                    self.row(leading, |row| row.element(element))?;
                }
            }
            Some(RawBsonRef::Document(entries)) => {
                for entry in entries {
                    let (key, element) = entry.map_err(malformed)?;
                    self.row(leading, |row| {
                        row.text("key", key.as_str())?;
                        row.element(element)
                    })?;
                }
            }
            _ => {
                let detail = format!("no array or document at `{path}` in the answer");
                return Err(Problem::new(Reason::Query, detail));
            }
        }
        Ok(())
    }

    /// Whether it has no row.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The finished table: missing values are `Null`.
    ///
    /// # Errors
    /// When that makes it too large.
    pub(super) fn into_rows(mut self) -> Result<Rows, Problem> {
        let mut budget = AnswerBudget::default();
        for row in &mut self.rows {
            row.reserve_exact(self.columns.len() - row.len());
            row.resize(self.columns.len(), Cell::Null);
            budget.row(row, ADVICE)?;
        }
        Ok(Rows::new(self.columns, self.rows))
    }

    fn row(
        &mut self,
        leading: &[(&str, &str)],
        fill: impl FnOnce(&mut Row<'_>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let cells = Vec::with_capacity(self.columns.len());
        let mut row = Row { table: self, cells, path: String::new() };
        for (name, value) in leading {
            row.text(name, value)?;
        }
        fill(&mut row)?;
        let mut cells = row.cells;
        cells.shrink_to_fit();
        self.budget.row(&cells, ADVICE)?;
        self.rows.push(cells);
        Ok(())
    }

    /// The index of a column; `None` if it is not read.
    fn position(&mut self, column: &str) -> Result<Option<usize>, Problem> {
        if let Some(&position) = self.positions.get(column) {
            return Ok(Some(position));
        }
        let position = self.columns.len();
        if !self.wanted.contains(position, column) {
            return Ok(None);
        }
        let most = if matches!(self.wanted, Columns::Numbers(_)) { MOST_NUMBERS } else { MOST_COLUMNS };
        if position == most {
            let detail = format!("the answer has more than {most} columns: project fewer fields");
            return Err(Problem::new(Reason::Query, detail));
        }
        // Keys of documents may be long, and a path has many.
        self.budget.row(slice::from_ref(&Cell::Text(column.to_owned())), ADVICE)?;
        self.columns.push(column.to_owned());
        self.positions.insert(column.to_owned(), position);
        Ok(Some(position))
    }
}

struct Row<'a> {
    table: &'a mut DocumentTable,
    cells: Vec<Cell>,
    /// The keys up to here, each with a dot after it.
    path: String,
}

impl Row<'_> {
    fn element(&mut self, element: RawBsonRef<'_>) -> Result<(), Problem> {
        match element {
            RawBsonRef::Document(document) => self.document(document),
            _ if is_scalar(element) => self.scalar("value", element),
            _ => Ok(()),
        }
    }

    /// Adds the contents of a document. Its depth is bounded, since the reader has checked it.
    fn document(&mut self, document: &RawDocument) -> Result<(), Problem> {
        for entry in document {
            let (key, value) = entry.map_err(malformed)?;
            let length = self.path.len();
            self.path.push_str(key.as_str());
            let added = match value {
                RawBsonRef::Document(inner) => {
                    self.path.push('.');
                    if leads_to_wanted(&self.table.wanted, &self.path) {
                        self.document(inner)
                    } else {
                        Ok(())
                    }
                }
                _ if is_scalar(value) => {
                    let path = std::mem::take(&mut self.path);
                    let added = self.scalar(&path, value);
                    self.path = path;
                    added
                }
                _ => Ok(()),
            };
            self.path.truncate(length);
            added?;
        }
        Ok(())
    }

    fn text(&mut self, column: &str, text: &str) -> Result<(), Problem> {
        match &self.table.wanted {
            Columns::Numbers(numbers) if !numbers.texts.contains(column) => Ok(()),
            _ => self.set(column, || Cell::Text(text.to_owned())),
        }
    }

    fn scalar(&mut self, column: &str, value: RawBsonRef<'_>) -> Result<(), Problem> {
        match &self.table.wanted {
            Columns::Numbers(numbers) if !numbers.texts.contains(column) => match number(value) {
                Some(number) => self.set(column, || Cell::Number(number)),
                None => Ok(()),
            },
            _ => self.set(column, || cell(value)),
        }
    }

    fn set(&mut self, column: &str, cell: impl FnOnce() -> Cell) -> Result<(), Problem> {
        if let Some(position) = self.table.position(column)? {
            if self.cells.len() <= position {
                self.cells.resize(position + 1, Cell::Null);
            }
            self.cells[position] = cell();
        }
        Ok(())
    }
}

/// Whether a column that is read may begin with this path.
fn leads_to_wanted(wanted: &Columns, path: &str) -> bool {
    match wanted {
        Columns::Named(names) => begins(names, path),
        Columns::Numbers(numbers) => !is_excepted(numbers, path),
        Columns::All | Columns::First => true,
    }
}

/// Whether a name starts with this path.
fn begins(names: &BTreeSet<String>, path: &str) -> bool {
    let mut from = names.range::<str, _>((Bound::Included(path), Bound::Unbounded));
    from.next().is_some_and(|name| name.starts_with(path))
}

/// Whether nothing below this path, which ends with a dot, is read.
fn is_excepted(numbers: &NumericColumns, path: &str) -> bool {
    numbers.except.contains(path.trim_end_matches('.')) && !begins(&numbers.texts, path)
}

fn at<'a>(document: &'a RawDocument, path: &str) -> Option<RawBsonRef<'a>> {
    let (parents, last) = path.rsplit_once('.').map_or((None, path), |(parents, last)| (Some(parents), last));
    let parents = parents.iter().flat_map(|parents| parents.split('.'));
    let parent = parents.into_iter().try_fold(document, |parent, key| parent.get_document(key).ok())?;
    parent.get(last).ok()?
}

fn malformed(error: BsonError) -> Problem {
    Problem::new(Reason::Protocol, format!("the answer is not BSON: {error}"))
}

fn is_scalar(value: RawBsonRef<'_>) -> bool {
    match value {
        RawBsonRef::Binary(binary) => uuid(binary.subtype, binary.bytes).is_some(),
        RawBsonRef::Double(_)
        | RawBsonRef::Int32(_)
        | RawBsonRef::Int64(_)
        | RawBsonRef::Boolean(_)
        | RawBsonRef::DateTime(_)
        | RawBsonRef::Timestamp(_)
        | RawBsonRef::Decimal128(_)
        | RawBsonRef::ObjectId(_)
        | RawBsonRef::String(_)
        | RawBsonRef::Symbol(_)
        | RawBsonRef::Null
        | RawBsonRef::Undefined => true,
        _ => false,
    }
}

/// The cell of a scalar.
#[expect(clippy::cast_precision_loss, reason = "larger numbers stay text")]
fn cell(value: RawBsonRef<'_>) -> Cell {
    match value {
        RawBsonRef::Double(number) => Cell::Number(number),
        RawBsonRef::Int32(number) => Cell::Number(f64::from(number)),
        RawBsonRef::Int64(number) if number.unsigned_abs() <= LARGEST_EXACT => Cell::Number(number as f64),
        RawBsonRef::Int64(number) => Cell::Text(number.to_string()),
        RawBsonRef::Boolean(value) => Cell::Number(f64::from(u8::from(value))),
        RawBsonRef::DateTime(time) => Cell::Number(time.timestamp_millis() as f64 / 1000.0),
        RawBsonRef::Timestamp(timestamp) => Cell::Number(f64::from(timestamp.time)),
        RawBsonRef::Decimal128(number) => decimal(&number.to_string()),
        RawBsonRef::ObjectId(id) => Cell::Text(id.to_hex()),
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => Cell::Text(text.to_owned()),
        RawBsonRef::Binary(binary) => {
            uuid(binary.subtype, binary.bytes).map_or(Cell::Null, |id| Cell::Text(id.to_string()))
        }
        _ => Cell::Null,
    }
}

/// A number as mongodb_exporter has it: times in milliseconds. For a time that it does not know, a server sends that of
/// the beginning of 1970.
#[expect(clippy::cast_precision_loss, reason = "a sample is a float")]
fn number(value: RawBsonRef<'_>) -> Option<f64> {
    match value {
        RawBsonRef::Int64(number) => Some(number as f64),
        RawBsonRef::DateTime(time) => Some(time.timestamp_millis() as f64).filter(|time| *time != 0.0),
        RawBsonRef::Timestamp(timestamp) => Some(f64::from(timestamp.time)).filter(|time| *time != 0.0),
        RawBsonRef::Double(_) | RawBsonRef::Int32(_) | RawBsonRef::Boolean(_) => cell(value).number(),
        _ => None,
    }
}

fn uuid(subtype: BinarySubtype, bytes: &[u8]) -> Option<Uuid> {
    let bytes = (subtype == BinarySubtype::Uuid).then(|| bytes.try_into().ok())?;
    bytes.map(Uuid::from_bytes)
}

fn decimal(text: &str) -> Cell {
    text.parse().map_or_else(|_| Cell::Text(text.to_owned()), Cell::Number)
}

#[cfg(test)]
mod tests;
