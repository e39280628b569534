//! The keys of panels, series and columns, as they are written in YAML.

use std::collections::BTreeMap;

use platform_core::setting::Duration;
use serde::Deserialize;

use super::look::{Color, Thresholds, Word};
use super::panel::Show;
use super::unit::Unit;
use crate::registry::Kind;

/// The keys of a panel. One of the first ones determines its type, and the value is the title.
#[derive(Deserialize, schemars::JsonSchema)]
pub(super) struct RawPanel {
    pub(super) stat: Option<String>,
    pub(super) status: Option<String>,
    pub(super) timeseries: Option<String>,
    pub(super) bar: Option<String>,
    pub(super) pie: Option<String>,
    pub(super) heatmap: Option<String>,
    pub(super) table: Option<String>,
    pub(super) states: Option<String>,
    pub(super) problems: Option<String>,
    pub(super) alerts: Option<String>,
    pub(super) text: Option<String>,
    pub(super) of: Option<Kind>,
    pub(super) help: Option<String>,
    pub(super) width: Option<u16>,
    pub(super) height: Option<u16>,
    pub(super) empty: Option<String>,
    pub(super) link: Option<String>,
    pub(super) expr: Option<String>,
    pub(super) sql: Option<String>,
    pub(super) name: Option<String>,
    pub(super) series: Option<Vec<RawSeries>>,
    pub(super) columns: Option<Vec<RawColumn>>,
    pub(super) unit: Option<Unit>,
    pub(super) decimals: Option<u8>,
    pub(super) thresholds: Option<Thresholds>,
    pub(super) words: Option<BTreeMap<String, Word>>,
    pub(super) colors: Option<BTreeMap<String, Color>>,
    pub(super) trend: Option<Duration>,
    pub(super) change: Option<bool>,
    pub(super) last_known: Option<bool>,
    pub(super) show: Option<Show>,
    pub(super) background: Option<bool>,
    pub(super) stack: Option<bool>,
    pub(super) bars: Option<bool>,
    pub(super) over: Option<Duration>,
    pub(super) matchers: Option<String>,
    pub(super) markdown: Option<String>,
}

/// The keys of a series.
#[derive(Clone, Deserialize, schemars::JsonSchema)]
pub(super) struct RawSeries {
    pub(super) name: String,
    pub(super) expr: Option<String>,
    pub(super) sql: Option<String>,
    pub(super) unit: Option<Unit>,
    pub(super) decimals: Option<u8>,
    pub(super) thresholds: Option<Thresholds>,
    #[serde(default)]
    pub(super) words: BTreeMap<String, Word>,
}

/// The keys of a column.
#[derive(Clone, Deserialize, schemars::JsonSchema)]
pub(super) struct RawColumn {
    pub(super) name: Option<String>,
    pub(super) label: Option<String>,
    pub(super) expr: Option<String>,
    pub(super) column: Option<String>,
    pub(super) unit: Option<Unit>,
    pub(super) decimals: Option<u8>,
    pub(super) thresholds: Option<Thresholds>,
    #[serde(default)]
    pub(super) words: BTreeMap<String, Word>,
    pub(super) link: Option<String>,
    pub(super) width: Option<u16>,
    #[serde(default)]
    pub(super) image: bool,
    #[serde(default)]
    pub(super) bar: bool,
}
