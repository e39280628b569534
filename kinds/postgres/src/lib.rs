//! PostgreSQL: built-in queries on one connection, declared queries on another.

mod answer;
mod batch;
mod cell;
mod check_constraint;
mod collector;
mod config;
mod connect_options;
mod database;
mod dial;
mod epochs;
mod failure;
mod grants;
mod last_current;
mod message_check;
mod other_databases;
mod plan;
mod prober;
mod question;
mod relay;
mod roll_up;
mod session;
mod slot;
mod ssl_mode;
mod statement;
mod survey;
mod tables_read;
mod transaction;
mod url;
mod url_parameters;

use std::time::Duration;

pub use config::Config;
pub use question::SqlQuestion;
pub use roll_up::{DailyTable, Day, Observed, RollUpConfig, Writing};
pub use ssl_mode::SslMode;

use platform_core::built_in::{self, BuiltInQueries, QueryFile};
use platform_core::collectors::Collectors;
use platform_core::kind::{
    Context, Definition, EnvironmentKey, Headline, HeadlineUnit, KindFacts, Parts, ProbeCost, RecipeFile,
};
use platform_core::metric::Desc;
use platform_core::query::LanguageFacts;
use platform_core::recipe_files;
use platform_core::survey::Surveyor;

use self::collector::PgCollector;
use self::prober::{PgAnswers, PgProber};
use self::survey::PgSurveyor;

/// The built-in queries of every probe.
const QUERIES: QueryFile =
    QueryFile { kind: "postgres", text: include_str!("../queries.yml"), language: LANGUAGE };

const LANGUAGE: LanguageFacts = LanguageFacts::of::<SqlQuestion>();

/// The queries with a row for each table.
const OF_TABLES: [&str; 4] = ["tables", "table_scans", "table_reads", "table_sizes"];

/// What `init` proposes for what it finds in a database.
const RECIPES: &[RecipeFile] = recipe_files! {
    "accounts", "actions", "active_users", "backlog", "cashier", "counters", "delayed_job",
    "django_celery_results", "django_q", "django_sessions", "djstripe", "drops", "durations", "emails",
    "errors", "expiring", "failures", "freshness", "good_job", "graphile_worker", "groups", "growth",
    "heartbeats", "invitations", "laravel_jobs", "laravel_sessions", "ledgers", "migrations", "money", "oban",
    "online", "outbox", "pay", "pg_boss", "procrastinate", "providers", "que", "reasons", "repeated_failures",
    "river", "scheduled", "schedules", "sessions", "soft_deletes", "solid_queue", "states", "stuck",
    "subscriptions", "sums", "switches", "tokens", "totals", "types", "unfinished", "unresolved",
    "webhook_deliveries",
};

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "postgres",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    cost: ProbeCost { cpu: Duration::from_micros(1200), wire: 26_000, series: 442 },
    up: Some(Desc::gauge("pg_up", &[], "Whether the server answered the last probe.")),
    catalogue: || built_in::catalogue(QUERIES),
    prefixes: || built_in::prefixes(QUERIES),
    reasons: &[],
    language: Some(LANGUAGE),
    environment: &[EnvironmentKey { key: "url", variables: &["DATABASE_URL"] }],
    permissions: include_str!("../role.sql"),
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    runbook: include_str!("../runbook.md"),
    example: include_str!("../example.yml"),
    recipes: RECIPES,
    headlines: &[
        Headline { title: "Connections", metric: "pg_stat_activity_count", unit: HeadlineUnit::Count },
        Headline { title: "Blocked sessions", metric: "pg_blocked_sessions", unit: HeadlineUnit::Count },
        Headline { title: "Size", metric: "pg_database_size_bytes", unit: HeadlineUnit::Bytes },
    ],
};

impl Definition for Config {
    fn target(&self) -> String {
        self.to_string()
    }

    fn connections(&self) -> u64 {
        1 + self.databases.len() as u64
    }

    fn collectors(&self) -> Option<Collectors> {
        let known = PgCollector::ALL.map(PgCollector::name).to_vec();
        Some(Collectors { known, on: self.collecting() })
    }

    fn surveyor(&self) -> Option<Box<dyn Surveyor>> {
        Some(Box::new(PgSurveyor))
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        let built_in = || {
            let built_in = BuiltInQueries::of(QUERIES, context.built_in).collecting(self.collecting());
            // One more series, for the sum of all other tables.
            let of_tables =
                |queries: BuiltInQueries, name| queries.with_max_series(name, self.top_tables + 1);
            OF_TABLES.into_iter().fold(built_in, of_tables)
        };
        Parts {
            prober: Box::new(PgProber::new(self, built_in, context.timeout)),
            answers: Some(Box::new(PgAnswers::new(self))),
        }
    }
}
