//! A valid table, and its columns.

use super::look::{PanelLink, PanelLook};

/// A table: either one SELECT, or PromQL columns joined on the label columns.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) sql: Option<String>,
    pub(super) columns: Vec<Column>,
    /// The label that orders the rows, instead of their first value.
    pub(super) sorted_by: Option<&'static str>,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) content: Content,
    pub(super) look: PanelLook,
    pub(super) link: Option<PanelLink>,
    /// In pixels; default: an equal share of the remaining width.
    pub(super) width: Option<u16>,
    pub(super) cell: CellLook,
}

/// How a column shows its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CellLook {
    #[default]
    Text,
    /// The image at the address that is the value.
    Image,
    /// A bar that is as long as the value's share of the column's largest.
    Bar,
    /// Not at all: it is only there for the links of other columns.
    Hidden,
}

/// What a column contains.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// The value of a label; all of these together identify a row.
    Label(String),
    Promql(String),
    /// A column of the SELECT; those that are not listed are shown as they are.
    Sql(String),
}

impl Content {
    /// The expression, if it is a Prometheus query.
    pub(super) fn promql(&self) -> Option<&str> {
        match self {
            Self::Promql(expr) => Some(expr),
            Self::Label(_) | Self::Sql(_) => None,
        }
    }
}
