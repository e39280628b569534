//! What a kind of source is to the rest of the program: its facts, the definition of a source, and its running parts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::beat::Beats;
use crate::built_in::ParsedQueries;
use crate::metric::Desc;
use crate::probe::{Prober, Reason};
use crate::query::{Answers, Lane, Question};
use crate::setting::{Secret, SourceName};

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
    /// `kinds/KIND/rules.yml`: its alert rules.
    pub rules: &'static str,
    /// `kinds/KIND/dashboard.yml`.
    pub dashboard: &'static str,
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

impl KindFacts {
    /// Every family that sources of this kind may give.
    pub fn families(&self) -> Vec<Desc> {
        self.up.clone().into_iter().chain((self.catalogue)()).collect()
    }
}

/// One configured source.
pub trait Definition: Send + Sync {
    /// Where it is, for people: without credentials.
    fn target(&self) -> String;

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
    pub built_in: &'a ParsedQueries,
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
