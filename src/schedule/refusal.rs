//! Why a client's probe is refused.

use platform_core::collectors::CollectorRefusal;
use platform_core::yaml::Faults;

use crate::config::ProbeTarget;

/// Why a source or a target is not probed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeRefusal {
    /// There is no such source.
    #[error("There is no source {0:?}.")]
    NoSource(String),
    /// There is no such module.
    #[error("There is no module {0:?}.")]
    NoModule(String),
    /// It may not be probed.
    #[error("The module {module:?} does not allow the target {target}: see its `targets`.")]
    NotAllowed {
        /// The module.
        module: String,
        /// The target.
        target: ProbeTarget,
    },
    /// The kind rejects the address.
    #[error("The target cannot be used.\n{0}")]
    Unusable(Faults),
    /// There are too many.
    #[error(
        "The targets that were scraped within the last five minutes take all {0} connections that there may be."
    )]
    TooMany(u64),
    /// The kind has no collectors.
    #[error("`collect[]` cannot be used here: a probe of the kind {0} has no parts to choose from.")]
    Undivided(&'static str),
    /// It cannot be chosen.
    #[error(transparent)]
    Collector(#[from] CollectorRefusal),
    /// There are too many choices.
    #[error("Too many combinations of `collect[]` are being probed: use the same ones in each scrape.")]
    TooManyChoices,
}
