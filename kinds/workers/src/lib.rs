//! Workers: which are alive in each class, by heartbeats stored in another source or pushed.
//!
//! There is no driver here: each layout runs a few queries on another source and interprets the rows.

mod ahead;
mod cell_value;
mod config;
mod families;
mod job_queues;
mod layout;
mod plain;
mod prober;
mod pushed;
mod silence;
mod store;
mod table;
mod worker;

use std::time::Duration;

pub use config::Config;

use platform_core::kind::{
    Context, Definition, Dependency, Headline, HeadlineUnit, KindFacts, Parts, ProbeCost,
};
use platform_core::setting::{Secret, SourceName};

use self::ahead::Ahead;
use self::config::{Class, ClassName, HeartbeatOrigin};
use self::layout::Layout;
use self::prober::WorkersProber;
use self::pushed::Pushed;

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "workers",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    cost: ProbeCost { cpu: Duration::from_micros(100), wire: 420, series: 19 },
    up: None,
    catalogue: || families::CATALOGUE.to_vec(),
    prefixes: Vec::new,
    reasons: &[],
    language: None,
    environment: &[],
    permissions: "\
# Workers are read through other sources, with their accounts. Beyond what these need anyway:
# Redis: +@read -@dangerous after -@all in its ACL rule.
# PostgreSQL:
GRANT SELECT ON solid_queue_processes, solid_queue_claimed_executions TO platform_exporter; -- layout: solid_queue
GRANT SELECT ON good_job_processes TO platform_exporter;                                    -- layout: good_job
# MongoDB: the role `read` on the database of the collection.
",
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    runbook: include_str!("../runbook.md"),
    example: include_str!("../example.yml"),
    recipes: &[],
    headlines: &[
        Headline { title: "Alive", metric: "workers_alive", unit: HeadlineUnit::Count },
        Headline { title: "Expected", metric: "workers_expected", unit: HeadlineUnit::Count },
        Headline { title: "Busy", metric: "workers_busy", unit: HeadlineUnit::Count },
    ],
};

impl Config {
    fn asked(&self) -> impl Iterator<Item = (&ClassName, &SourceName, &Layout)> {
        self.classes.iter().filter_map(|(name, class)| match &class.way {
            HeartbeatOrigin::Ask { from, layout } => Some((name, from, layout)),
            HeartbeatOrigin::Push { .. } => None,
        })
    }

    fn pushing(&self) -> impl Iterator<Item = (&ClassName, &Secret)> {
        self.classes.iter().filter_map(|(name, Class { way, .. })| match way {
            HeartbeatOrigin::Push { token } => Some((name, token)),
            HeartbeatOrigin::Ask { .. } => None,
        })
    }
}

impl Definition for Config {
    fn target(&self) -> String {
        let name = |(name, class): (&ClassName, &Class)| match &class.way {
            HeartbeatOrigin::Ask { from, .. } => format!("{} in {from}", name.as_str()),
            HeartbeatOrigin::Push { .. } => format!("{} by push", name.as_str()),
        };
        self.classes.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let dependency = |(class, from, layout): (&ClassName, &SourceName, &Layout)| Dependency {
            source: from.clone(),
            question: layout.question(),
            keys: ["workers", "classes", class.as_str(), layout.key()].map(str::to_owned).to_vec(),
            source_key: "from",
            reads: layout.reads(),
        };
        self.asked().map(dependency).collect()
    }

    fn push_tokens(&self) -> Vec<(String, Secret)> {
        self.pushing().map(|(name, token)| (name.as_str().to_owned(), token.clone())).collect()
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        let lane = |(_, from, _): (_, &SourceName, _)| Some((from.clone(), context.lanes.get(from)?.clone()));
        let pushing = self.pushing().map(|(name, _)| name.as_str().to_owned()).collect();
        let state_file = context.state_dir.map(|dir| dir.join(format!("workers-{}.json", context.name)));
        let prober = WorkersProber {
            classes: self.classes.clone(),
            lanes: self.asked().filter_map(lane).collect(),
            pushed: Pushed::new(context.heartbeats.clone(), pushing, state_file),
            ahead: Ahead::default(),
            // Below the deadline of the probe, so that a hanging source of one class does not affect the others.
            timeout: context.timeout * 8 / 10,
        };
        Parts { prober: Box::new(prober), answers: None }
    }
}
