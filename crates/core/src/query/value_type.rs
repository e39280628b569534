//! The types of metrics.

/// The type of a declared metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Goes up and down.
    #[default]
    Gauge,
    /// Only goes up; the name ends in `_total`.
    Counter,
    /// A counter under an established name without `_total`.
    Unknown,
}
