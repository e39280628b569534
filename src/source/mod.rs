//! The kinds of source. The list of kinds stands here, and only here.
//!
//! A kind is one file: its configuration, and the code that connects, asks and says what went wrong.

mod bounded;
mod classify;
mod client;
mod dial;
mod golden;
mod moment;
mod parameters;
mod state;
mod tls;

pub mod http;
pub mod logfile;
pub mod mongodb;
pub mod postgres;
pub mod rabbitmq;
pub mod redis;
pub mod s3;
pub mod stripe;
pub mod workers;

pub use golden::GoldenQueries;
pub use tls::Tls;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::beat::Beats;
use crate::metric::Desc;
use crate::probe::{Prober, Reason};
use crate::query::{Answers, Lane, Question};
use crate::setting::{Secret, SourceName};

/// A kind of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Postgres,
    Mongodb,
    Redis,
    Rabbitmq,
    Stripe,
    S3,
    Workers,
    Logfile,
    Http,
}

/// The configuration of a source: the kind is its key.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum SourceConfig {
    Postgres(postgres::Config),
    Mongodb(mongodb::Config),
    Redis(redis::Config),
    Rabbitmq(rabbitmq::Config),
    Stripe(stripe::Config),
    S3(s3::Config),
    Workers(workers::Config),
    Logfile(logfile::Config),
    Http(http::Config),
}

impl SourceConfig {
    /// What the source is and how to build it.
    pub fn definition(&self) -> &dyn Definition {
        match self {
            Self::Postgres(config) => config,
            Self::Mongodb(config) => config,
            Self::Redis(config) => config,
            Self::Rabbitmq(config) => config,
            Self::Stripe(config) => config,
            Self::S3(config) => config,
            Self::Workers(config) => config,
            Self::Logfile(config) => config,
            Self::Http(config) => config,
        }
    }
}

/// What is the same for every source of a kind.
pub struct KindFacts {
    /// The value of the `kind` label and the key in a configuration.
    pub name: &'static str,
    /// How often a source is probed where the configuration does not say.
    pub interval: Duration,
    /// How long a probe may take where the configuration does not say.
    pub timeout: Duration,
    /// Whether each probe costs money, or a share of a quota.
    pub is_metered: bool,
    /// The gauge that established exporters give for "it answers", if there is one: 1 or 0, present from the start.
    pub up: Option<Desc>,
    /// Every family that a probe may give, without `up`.
    pub catalogue: fn() -> Vec<Desc>,
    /// The reasons of this kind beside [`Reason::COMMON`].
    pub reasons: &'static [Reason],
    /// Whether a source of this kind answers a question.
    pub answers: fn(&Question) -> bool,
    /// The least that the exporter's account needs, as commands to paste.
    pub permissions: &'static str,
    /// `bundle/KIND.yml`: all that is data about the kind, its dashboard among it.
    pub bundle: &'static str,
    /// The main values, for the status page.
    pub headlines: &'static [Headline],
}

/// A main value of a kind: the sum of a family's samples.
pub struct Headline {
    /// What people call it.
    pub title: &'static str,
    /// The family.
    pub metric: &'static str,
    /// How it is written.
    pub unit: Unit,
}

/// How a main value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Unit {
    Count,
    Bytes,
    Seconds,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Postgres,
        Self::Mongodb,
        Self::Redis,
        Self::Rabbitmq,
        Self::Stripe,
        Self::S3,
        Self::Workers,
        Self::Logfile,
        Self::Http,
    ];

    /// What is the same for every source of this kind.
    pub const fn facts(self) -> &'static KindFacts {
        match self {
            Self::Postgres => const { &postgres::FACTS },
            Self::Mongodb => const { &mongodb::FACTS },
            Self::Redis => const { &redis::FACTS },
            Self::Rabbitmq => const { &rabbitmq::FACTS },
            Self::Stripe => const { &stripe::FACTS },
            Self::S3 => const { &s3::FACTS },
            Self::Workers => const { &workers::FACTS },
            Self::Logfile => const { &logfile::FACTS },
            Self::Http => const { &http::FACTS },
        }
    }

    /// Every family that sources of this kind may give.
    pub fn families(self) -> Vec<Desc> {
        let facts = self.facts();
        facts.up.clone().into_iter().chain((facts.catalogue)()).collect()
    }

    /// The value of the `kind` label.
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One configured source.
pub trait Definition: Send + Sync {
    /// Its kind.
    fn kind(&self) -> Kind;

    /// Where it is, for people: without credentials.
    fn target(&self) -> String;

    /// The probe's interval where the configuration of the source does not say and that of the kind does not fit.
    fn interval(&self) -> Option<Duration> {
        None
    }

    /// The other sources that it asks, each with a question of the form that it will put.
    fn asks(&self) -> Vec<(SourceName, Question)> {
        Vec::new()
    }

    /// The classes whose workers push their heartbeats, each with the token that they have to give.
    fn push_tokens(&self) -> Vec<(String, Secret)> {
        Vec::new()
    }

    /// Builds its running parts. Does not touch the network.
    fn build(&self, context: &Context<'_>) -> Parts;
}

/// What a source is built with.
pub struct Context<'a> {
    /// The source's name.
    pub name: &'a SourceName,
    /// How long a probe may take: limits on the server's side have to be below it.
    pub timeout: Duration,
    /// The questions that this source has to know before they are put.
    pub questions: &'a [Question],
    /// The query lanes of all sources that can be asked.
    pub lanes: &'a BTreeMap<SourceName, Lane>,
    /// The queries of the kinds that are asked by queries.
    pub golden: &'a GoldenQueries,
    /// The heartbeats that were pushed.
    pub beats: &'a Arc<Beats>,
    /// The environment, for what by its nature stands there, as AWS's credentials do.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Where a source may keep what has to survive a restart.
    pub state_dir: Option<&'a Path>,
}

/// The running parts of a source.
pub struct Parts {
    /// Asks how it is.
    pub prober: Box<dyn Prober>,
    /// Answers declared queries, on a connection of its own. `None` for kinds that cannot be asked.
    pub answers: Option<Box<dyn Answers>>,
}
