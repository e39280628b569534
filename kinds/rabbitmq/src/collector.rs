//! What a probe reads if a source asks for it.

/// A part of a probe that a source turns on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RabbitmqCollector {
    /// The statistics of single queues.
    Queues,
}
