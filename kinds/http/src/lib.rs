//! HTTP endpoints, such as the platform's own webhook receiver: response, latency and certificate expiry.
//!
//! Every probe opens a new connection, as a new visitor does: a kept one would hide a changed address, an expired
//! certificate and a closed listener, and leave nothing to measure.

mod answer;
mod config;
mod endpoint_tls;
mod exchange;
mod expect;
mod families;
mod handshake;
mod phases;
mod prober;
mod redirects;
mod request;
mod zone;

use std::time::Duration;

use platform_core::kind::{Context, Definition, Headline, HeadlineUnit, KindFacts, Parts, ProbeCost};

use self::families::{CATALOGUE, UP};
use self::prober::HttpProber;

pub use self::config::Config;

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "http",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    cost: ProbeCost { cpu: Duration::from_micros(130), wire: 190, series: 17 },
    up: Some(UP),
    catalogue: || CATALOGUE.to_vec(),
    prefixes: Vec::new,
    reasons: &[],
    language: None,
    environment: &[],
    permissions: "None if the endpoint is public. Otherwise an account or token that can only read it.",
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    runbook: include_str!("../runbook.md"),
    example: include_str!("../example.yml"),
    recipes: &[],
    headlines: &[
        Headline { title: "Status code", metric: "probe_http_status_code", unit: HeadlineUnit::Count },
        Headline {
            title: "Response time",
            metric: "probe_http_duration_seconds",
            unit: HeadlineUnit::Seconds,
        },
    ],
};

impl Definition for Config {
    fn target(&self) -> String {
        self.url.to_string()
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        let prober = HttpProber::new(self, context.timeout);
        Parts { prober: Box::new(prober), answers: None }
    }
}
