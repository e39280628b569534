//! How values look: their unit, colours and words, and where a click on them leads.

use std::collections::BTreeMap;

use super::unit::Unit;

/// How values look.
#[derive(Clone, Debug, Default)]
pub(super) struct PanelLook {
    pub(super) unit: Option<Unit>,
    pub(super) decimals: Option<u8>,
    pub(super) thresholds: Option<Thresholds>,
    /// By number, or by text.
    pub(super) words: BTreeMap<String, Word>,
}

/// Thresholds. A warning above the critical value means that lower is worse.
#[derive(Clone, Copy, Debug, serde::Deserialize, schemars::JsonSchema)]
pub(super) struct Thresholds {
    pub(super) warning: f64,
    pub(super) critical: Option<f64>,
}

/// The text for a value.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
pub(super) struct Word {
    pub(super) text: String,
    #[serde(default)]
    pub(super) color: Color,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Color {
    Ok,
    Warning,
    Critical,
    Unknown,
    #[default]
    Plain,
    /// For series that are neither good nor bad.
    Blue,
    LightBlue,
    Yellow,
    Gray,
}

impl Color {
    /// Grafana's name: those of its palette that are best distinguishable for colour-blind people.
    pub(super) const fn grafana(self) -> &'static str {
        match self {
            Self::Ok => "semi-dark-green",
            Self::Warning => "semi-dark-orange",
            Self::Critical => "semi-dark-red",
            Self::Unknown => "semi-dark-purple",
            Self::Plain => "text",
            Self::Blue => "semi-dark-blue",
            Self::LightBlue => "light-blue",
            Self::Yellow => "semi-dark-yellow",
            Self::Gray => "gray",
        }
    }
}

/// Where a click leads to.
#[derive(Clone, Debug)]
pub(super) enum PanelLink {
    /// The dashboard of the kind in the value's label, for its source.
    Kind,
    /// A dashboard of the bundle, by name.
    Dashboard(String),
    /// An address; Grafana's variables are replaced.
    Address(String),
}
