//! MongoDB, by its official driver.

mod ask;
mod batch;
mod collector;
mod command;
mod compatible;
mod config;
mod connection;
mod databases;
mod encryption;
mod enrich;
mod exchange;
mod failure;
mod incoming;
mod message_bounds;
mod plan;
mod prober;
mod question;
mod read_only;
mod reader;
mod replies;
mod role;
mod stages;
mod survey;
mod table;
mod tasks;
mod topology;
mod url;

pub use config::Config;
pub use question::MongoQuestion;

use std::time::Duration;

use platform_core::built_in::{self, BuiltInQueries, QueryFile};
use platform_core::collectors::Collectors;
use platform_core::kind::{
    Context, Definition, EnvironmentKey, Headline, HeadlineUnit, KindFacts, Parts, ProbeCost, RecipeFile,
};
use platform_core::metric::Desc;
use platform_core::query::LanguageFacts;
use platform_core::recipe_files;
use platform_core::survey::Surveyor;

use self::ask::MongoSession;
use self::collector::Collector;
use self::prober::MongodbProber;
use self::survey::MongoSurveyor;

/// The built-in queries of every probe.
const QUERIES: QueryFile =
    QueryFile { kind: "mongodb", text: include_str!("../queries.yml"), language: LANGUAGE };

const LANGUAGE: LanguageFacts = LanguageFacts::of::<MongoQuestion>();

/// What `init` proposes for what it finds in a database.
const RECIPES: &[RecipeFile] = recipe_files! {
    "accounts", "backlog", "counters", "drops", "failures", "groups", "growth", "money", "scheduled",
    "states", "stuck", "switches", "totals", "types",
};

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "mongodb",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    cost: ProbeCost { cpu: Duration::from_micros(7000), wire: 84_000, series: 2160 },
    up: Some(Desc::gauge("mongodb_up", &[], "Whether the last probe succeeded.")),
    catalogue,
    prefixes: || built_in::prefixes(QUERIES),
    reasons: &[],
    language: Some(LANGUAGE),
    environment: &[EnvironmentKey { key: "url", variables: &["MONGODB_URI", "MONGO_URL"] }],
    permissions: include_str!("../role.js"),
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    runbook: include_str!("../runbook.md"),
    example: include_str!("../example.yml"),
    recipes: RECIPES,
    headlines: &[
        Headline { title: "Connections", metric: "mongodb_pool_connections", unit: HeadlineUnit::Count },
        Headline { title: "Data", metric: "mongodb_dbstats_dataSize", unit: HeadlineUnit::Bytes },
        Headline {
            title: "Slow operations",
            metric: "mongodb_currentop_slow_operations",
            unit: HeadlineUnit::Count,
        },
    ],
};

/// Those of the queries, and those that are derived from them.
fn catalogue() -> Vec<Desc> {
    let known = built_in::catalogue(QUERIES);
    let older = compatible::names().catalogue(&known);
    known.into_iter().chain(older).collect()
}

impl Definition for Config {
    fn target(&self) -> String {
        self.address.to_string()
    }

    fn collectors(&self) -> Option<Collectors> {
        let known = Collector::ALL.map(Collector::name).to_vec();
        Some(Collectors { known, on: self.collecting() })
    }

    fn surveyor(&self) -> Option<Box<dyn Surveyor>> {
        let database = self.database.clone()?;
        Some(Box::new(MongoSurveyor { database }))
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        let session = MongoSession::new(self, context.timeout);
        let built_in = BuiltInQueries::of(QUERIES, context.built_in).collecting(self.collecting());
        let names = self.compatible.then(compatible::names);
        let prober =
            MongodbProber::new(session.clone(), built_in, context.timeout, self.slow_operation, names);
        Parts { prober: Box::new(prober), answers: Some(Box::new(session)) }
    }
}
