//! PostgreSQL: its golden values by one connection, declared queries by another.

mod answer;
mod cell;
mod config;
mod dial;
mod failure;
mod message;
mod parameter;
mod prober;
mod relay;
mod roll_up;
mod session;
mod url;

use std::time::Duration;

pub use config::{Config, SslMode};
pub use roll_up::{DailyTable, Day, Observed, RollUpConfig, Writing};

use self::prober::{PgAnswers, PgProber};
use super::{Context, Definition, Headline, Kind, KindFacts, Parts, Unit, golden};
use crate::metric::Desc;
use crate::query::Question;

/// Everything about this kind that is data.
const BUNDLE: &str = include_str!("../../../bundle/postgres.yml");

pub(super) const FACTS: KindFacts = KindFacts {
    name: "postgres",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    up: Some(Desc::gauge("pg_up", &[], "Whether the server answered the last probe.")),
    catalogue: || golden::catalogue("postgres", BUNDLE),
    reasons: &[],
    answers: |question| matches!(question, Question::Sql(_)),
    permissions: include_str!("../../../examples/roles/postgres.sql"),
    bundle: BUNDLE,
    headlines: &[
        Headline { title: "Connections", metric: "pg_stat_activity_count", unit: Unit::Count },
        Headline { title: "Blocked sessions", metric: "pg_blocked_sessions", unit: Unit::Count },
        Headline { title: "Size", metric: "pg_database_size_bytes", unit: Unit::Bytes },
    ],
};

impl Definition for Config {
    fn kind(&self) -> Kind {
        Kind::Postgres
    }

    fn target(&self) -> String {
        self.to_string()
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        Parts {
            prober: Box::new(PgProber::new(self, context)),
            answers: Some(Box::new(PgAnswers::new(self))),
        }
    }
}
