//! From documents to rows: columns are dotted paths to scalars.

use std::collections::HashMap;

use ::mongodb::bson::{Bson, Document};

use crate::query::{Cell, Rows};

/// Whole numbers up to this one are exact as floating point; larger ones, such as ids, stay text.
const LARGEST_EXACT: u64 = 1 << 53;

/// A table that gets its columns from its documents.
#[derive(Default)]
pub(super) struct Table {
    columns: Vec<String>,
    positions: HashMap<String, usize>,
    rows: Vec<Vec<Cell>>,
}

/// There is neither an array nor a sub-document at the path.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there is no array and no document at `{0}` in the answer")]
pub(super) struct NothingAt(String);

impl Table {
    /// Adds a document as one row, with the columns that come before its own.
    pub(super) fn add(&mut self, leading: &[(&str, &str)], document: &Document) {
        self.row(leading, |row| row.document("", document));
    }

    /// Adds a row for each element of the array at the path, or for each key of the sub-document there.
    pub(super) fn add_each(
        &mut self,
        leading: &[(&str, &str)],
        document: &Document,
        path: &str,
    ) -> Result<(), NothingAt> {
        match at(document, path) {
            Some(Bson::Array(elements)) => {
                elements.iter().for_each(|element| self.row(leading, |row| row.element(element)));
            }
            Some(Bson::Document(entries)) => {
                for (key, element) in entries {
                    self.row(leading, |row| {
                        row.set("key".to_owned(), Cell::Text(key.clone()));
                        row.element(element);
                    });
                }
            }
            _ => return Err(NothingAt(path.to_owned())),
        }
        Ok(())
    }

    /// Whether it has no row.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The finished table: what a document lacks is `Null`.
    pub(super) fn into_rows(mut self) -> Rows {
        for row in &mut self.rows {
            row.resize(self.columns.len(), Cell::Null);
        }
        Rows::new(self.columns, self.rows)
    }

    fn row(&mut self, leading: &[(&str, &str)], fill: impl FnOnce(&mut Row<'_>)) {
        let mut row = Row { table: self, cells: Vec::new() };
        for (name, value) in leading {
            row.set((*name).to_owned(), Cell::Text((*value).to_owned()));
        }
        fill(&mut row);
        let cells = row.cells;
        self.rows.push(cells);
    }
}

struct Row<'a> {
    table: &'a mut Table,
    cells: Vec<Cell>,
}

impl Row<'_> {
    fn element(&mut self, element: &Bson) {
        match (element, cell(element)) {
            (Bson::Document(document), _) => self.document("", document),
            (_, Some(cell)) => self.set("value".to_owned(), cell),
            _ => {}
        }
    }

    fn document(&mut self, prefix: &str, document: &Document) {
        for (key, value) in document {
            match (value, cell(value)) {
                (Bson::Document(inner), _) => self.document(&format!("{prefix}{key}."), inner),
                (_, Some(cell)) => self.set(format!("{prefix}{key}"), cell),
                _ => {}
            }
        }
    }

    fn set(&mut self, column: String, cell: Cell) {
        let Table { columns, positions, .. } = &mut *self.table;
        let position = *positions.entry(column).or_insert_with_key(|column| {
            columns.push(column.clone());
            columns.len() - 1
        });
        if self.cells.len() <= position {
            self.cells.resize(position + 1, Cell::Null);
        }
        self.cells[position] = cell;
    }
}

fn at<'a>(document: &'a Document, path: &str) -> Option<&'a Bson> {
    let (parents, last) = path.rsplit_once('.').map_or((None, path), |(parents, last)| (Some(parents), last));
    let parents = parents.iter().flat_map(|parents| parents.split('.'));
    let parent = parents.into_iter().try_fold(document, |parent, key| parent.get_document(key).ok())?;
    parent.get(last)
}

/// The cell of a scalar.
#[expect(clippy::cast_precision_loss, reason = "larger numbers stay text")]
fn cell(value: &Bson) -> Option<Cell> {
    Some(match value {
        Bson::Double(number) => Cell::Number(*number),
        Bson::Int32(number) => Cell::Number(f64::from(*number)),
        Bson::Int64(number) if number.unsigned_abs() <= LARGEST_EXACT => Cell::Number(*number as f64),
        Bson::Int64(number) => Cell::Text(number.to_string()),
        Bson::Boolean(value) => Cell::Number(f64::from(u8::from(*value))),
        Bson::DateTime(time) => Cell::Number(time.timestamp_millis() as f64 / 1000.0),
        Bson::Timestamp(timestamp) => Cell::Number(f64::from(timestamp.time)),
        Bson::Decimal128(number) => decimal(&number.to_string()),
        Bson::ObjectId(id) => Cell::Text(id.to_hex()),
        Bson::String(text) | Bson::Symbol(text) => Cell::Text(text.clone()),
        Bson::Binary(binary) => Cell::Text(binary.to_uuid().ok()?.to_string()),
        Bson::Null | Bson::Undefined => Cell::Null,
        _ => return None,
    })
}

fn decimal(text: &str) -> Cell {
    text.parse().map_or_else(|_| Cell::Text(text.to_owned()), Cell::Number)
}
