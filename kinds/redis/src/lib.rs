//! Redis and Valkey: one server, a master behind sentinels, or a cluster.

mod acl_rules;
mod answers;
mod built_in_answers;
mod collector;
mod command;
mod command_error;
mod command_list;
mod config;
mod endpoint;
mod histogram;
mod info;
mod key_pattern;
mod keys;
mod link;
mod links;
mod patterns;
mod placeholders;
mod prober;
mod question;
mod question_form;
mod read;
mod refusal;
mod reply;
mod reply_limits;
mod scan;
mod sentinel;
mod settings;
mod stream;
mod survey;
mod table;
mod url;
mod url_parameters;
mod value;
mod watched_masters;

use std::time::Duration;

pub use config::Config;
pub use question::RedisQuestion;

use platform_core::built_in::{self, BuiltInQueries, QueryFile};
use platform_core::collectors::Collectors;
use platform_core::kind::{
    Context, Definition, EnvironmentKey, Headline, HeadlineUnit, KindFacts, Parts, ProbeCost, RecipeFile,
};
use platform_core::metric::Desc;
use platform_core::query::LanguageFacts;
use platform_core::recipe_files;
use platform_core::survey::Surveyor;

use self::answers::RedisAnswers;
use self::collector::RedisCollector;
use self::links::Links;
use self::prober::RedisProber;
use self::survey::RedisSurveyor;

/// The built-in queries of every probe.
const QUERIES: QueryFile =
    QueryFile { kind: "redis", text: include_str!("../queries.yml"), language: LANGUAGE };

const LANGUAGE: LanguageFacts = LanguageFacts::of::<RedisQuestion>();

const RECIPES: &[RecipeFile] = recipe_files! {
    "bullmq", "celery", "resque", "rq", "sidekiq",
};

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "redis",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    cost: ProbeCost { cpu: Duration::from_micros(800), wire: 10_000, series: 457 },
    up: Some(prober::UP),
    catalogue,
    prefixes: Vec::new,
    reasons: &[],
    language: Some(LANGUAGE),
    environment: &[EnvironmentKey { key: "url", variables: &["REDIS_URL"] }],
    permissions: include_str!("../role.acl"),
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    runbook: include_str!("../runbook.md"),
    example: include_str!("../example.yml"),
    recipes: RECIPES,
    headlines: &[
        Headline { title: "Clients", metric: "redis_connected_clients", unit: HeadlineUnit::Count },
        Headline { title: "Memory", metric: "redis_memory_used_bytes", unit: HeadlineUnit::Bytes },
        Headline { title: "Keys", metric: "redis_db_keys", unit: HeadlineUnit::Count },
    ],
};

fn catalogue() -> Vec<Desc> {
    let mut catalogue = built_in::catalogue(QUERIES);
    catalogue.push(prober::PING_DURATION);
    catalogue.extend(keys::CATALOGUE);
    catalogue
}

impl Definition for Config {
    fn target(&self) -> String {
        self.target.clone()
    }

    fn collectors(&self) -> Option<Collectors> {
        let known = RedisCollector::ALL.map(RedisCollector::name).to_vec();
        Some(Collectors { known, on: self.collecting() })
    }

    fn surveyor(&self) -> Option<Box<dyn Surveyor>> {
        Some(Box::new(RedisSurveyor { scan_budget: self.scan_budget }))
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        Parts {
            prober: Box::new(RedisProber {
                links: Links::new(self.way.clone()),
                built_in: BuiltInQueries::of(QUERIES, context.built_in).collecting(self.collecting()),
                keys: self.keys.clone(),
                // Below the deadline of the whole probe, so that the log can name the silent server.
                timeout: context.timeout * 9 / 10,
            }),
            answers: Some(Box::new(RedisAnswers {
                links: Links::new(self.way.clone()),
                scan_budget: self.scan_budget,
            })),
        }
    }
}
