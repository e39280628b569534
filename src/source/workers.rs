//! skeleton

use std::time::Duration;

use super::{Context, Definition, Kind, KindFacts, Parts};

pub(super) const FACTS: KindFacts = KindFacts {
    name: "workers",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    up: None,
    catalogue: Vec::new,
    reasons: &[],
    answers: |_| false,
    permissions: "",
    headlines: &[],
};

/// The keys of a `workers` source.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Config {}

impl Definition for Config {
    fn kind(&self) -> Kind {
        Kind::Workers
    }

    fn target(&self) -> String {
        unreachable!("skeleton")
    }

    fn build(&self, _context: &Context<'_>) -> Parts {
        unreachable!("skeleton")
    }
}
