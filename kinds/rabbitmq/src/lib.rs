//! RabbitMQ: over AMQP, and over its management API if configured.

mod amqp;
mod answer;
mod api_refusal;
mod collector;
mod config;
mod dead_letter;
mod endpoint;
mod families;
mod frame_check;
mod loops;
mod management;
mod nature;
mod node;
mod policy;
mod prober;
mod queue;
mod queue_names;
mod queue_series;
mod queue_statistics;
mod remedy;
mod routing;
mod unroutable;
mod url_parameters;
mod wire;

use std::time::Duration;

pub use config::Config;

use platform_core::kind::{
    Context, Definition, EnvironmentKey, Headline, HeadlineUnit, KindFacts, Parts, ProbeCost, ReadVariable,
};
use platform_core::survey::NamesSurveyor;

use self::queue_names::QueueNames;

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "rabbitmq",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    cost: ProbeCost { cpu: Duration::from_micros(600), wire: 5100, series: 67 },
    up: Some(families::UP),
    catalogue: families::catalogue,
    prefixes: Vec::new,
    reasons: &[],
    language: None,
    environment: &[EnvironmentKey { key: "url", variables: &["AMQP_URL", "RABBITMQ_URL"] }],
    permissions: include_str!("../role.sh"),
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    runbook: include_str!("../runbook.md"),
    example: include_str!("../example.yml"),
    recipes: &[],
    headlines: &[
        Headline { title: "Messages", metric: "rabbitmq_queue_messages_ready", unit: HeadlineUnit::Count },
        Headline {
            title: "Dead letters",
            metric: "rabbitmq_dead_letter_queue_messages",
            unit: HeadlineUnit::Count,
        },
        Headline { title: "Consumers", metric: "rabbitmq_queue_consumers", unit: HeadlineUnit::Count },
    ],
};

impl Definition for Config {
    fn target(&self) -> String {
        self.target.clone()
    }

    fn names_surveyor(&self, _variable: ReadVariable<'_>) -> Option<Box<dyn NamesSurveyor>> {
        let management = self.management.clone()?;
        Some(Box::new(QueueNames { management, tls: self.tls.clone(), vhost: self.broker.vhost.clone() }))
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        Parts { prober: Box::new(prober::RabbitmqProber::new(self.clone(), context.timeout)), answers: None }
    }
}
