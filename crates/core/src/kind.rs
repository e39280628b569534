//! The interface of a kind of source: its facts, the definition of a source, and its running parts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::built_in::ParsedQueries;
use crate::collectors::Collectors;
use crate::heartbeat::Heartbeats;
use crate::metric::Desc;
use crate::probe::{Prober, Reason};
use crate::query::{Answers, Lane, LanguageFacts, Question};
use crate::setting::{Secret, SourceName};
use crate::survey::{NamesSurveyor, Surveyor};

/// What all sources of a kind share.
pub struct KindFacts {
    /// The value of the `kind` label and the key in a configuration.
    pub name: &'static str,
    /// The default probe interval.
    pub interval: Duration,
    /// The default probe timeout.
    pub timeout: Duration,
    /// Whether each probe costs money or quota.
    pub is_metered: bool,
    /// What a probe costs, for estimates.
    pub cost: ProbeCost,
    /// The established `up` gauge of this kind, if there is one: 1 or 0, exported from the start.
    pub up: Option<Desc>,
    /// Every family that a probe may export, without `up` and those of `prefixes`.
    pub catalogue: fn() -> Vec<Desc>,
    /// What the names of families start with that are named after what a server sends: `mongodb_ss_`.
    pub prefixes: fn() -> Vec<String>,
    /// The reasons of this kind in addition to [`Reason::COMMON`].
    pub reasons: &'static [Reason],
    /// The language of the queries that a source of this kind supports, if it can be queried.
    pub language: Option<LanguageFacts>,
    /// The keys that environment variables set when there is no configuration file. The first one is what makes a
    /// source.
    pub environment: &'static [EnvironmentKey],
    /// The minimum permissions of the exporter's account, as commands to paste.
    pub permissions: &'static str,
    /// `kinds/KIND/rules.yml`: its alert rules.
    pub rules: &'static str,
    /// `kinds/KIND/dashboard.yml`.
    pub dashboard: &'static str,
    /// `kinds/KIND/runbook.md`: what to do about each of its alerts.
    pub runbook: &'static str,
    /// `kinds/KIND/example.yml`: a configuration with every key.
    pub example: &'static str,
    /// `kinds/KIND/recipes/`: what `init` proposes for what it finds in a source.
    pub recipes: &'static [RecipeFile],
    /// The main values, for the status page.
    pub headlines: &'static [Headline],
}

/// A recipe as it is written.
#[derive(Clone, Copy, Debug)]
pub struct RecipeFile {
    /// The name of its file.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The recipes of these files in `recipes/`, next to `src/` of a kind.
#[macro_export]
macro_rules! recipe_files {
    ($($name:literal,)+) => {
        &[$($crate::kind::RecipeFile {
            name: $name,
            text: include_str!(concat!("../recipes/", $name, ".yml")),
        },)+]
    };
}

/// What a probe of a small service costs, without what its publication costs: docs/capacity.md says how it was measured.
#[derive(Clone, Copy, Debug)]
pub struct ProbeCost {
    /// The exporter's CPU time.
    pub cpu: Duration,
    /// Bytes to and from the service.
    pub wire: u32,
    /// The series that it exports.
    pub series: u32,
}

/// A key of a source that the application's own environment sets.
#[derive(Debug)]
pub struct EnvironmentKey {
    /// The key; `sts.endpoint` is the key `endpoint` of the map `sts`.
    pub key: &'static str,
    /// The variables by precedence.
    pub variables: &'static [&'static str],
}

/// A main value of a kind: the sum of a family's samples.
pub struct Headline {
    /// Its display name.
    pub title: &'static str,
    /// The family.
    pub metric: &'static str,
    /// Its unit.
    pub unit: HeadlineUnit,
}

/// The unit of a main value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum HeadlineUnit {
    Count,
    Bytes,
    Seconds,
}

impl KindFacts {
    /// Every family that sources of this kind may export.
    pub fn families(&self) -> Vec<Desc> {
        self.up.clone().into_iter().chain((self.catalogue)()).collect()
    }
}

/// One configured source.
pub trait Definition: Send + Sync {
    /// Its address for display, without credentials.
    fn target(&self) -> String;

    /// The queries that it runs on other sources.
    fn dependencies(&self) -> Vec<Dependency> {
        Vec::new()
    }

    /// The classes whose workers push heartbeats, each with its token.
    fn push_tokens(&self) -> Vec<(String, Secret)> {
        Vec::new()
    }

    /// Its collectors, if a scrape may choose among them.
    fn collectors(&self) -> Option<Collectors> {
        None
    }

    /// What finds out what it contains, if that can be found out.
    fn surveyor(&self) -> Option<Box<dyn Surveyor>> {
        None
    }

    /// What finds names for its configuration, if there is anything to find. The environment may hold credentials.
    fn names_surveyor(&self, _variable: ReadVariable<'_>) -> Option<Box<dyn NamesSurveyor>> {
        None
    }

    /// How many connections its probes keep open.
    fn connections(&self) -> u64 {
        1
    }

    /// Builds its running parts. No network access.
    fn build(&self, context: &Context<'_>) -> Parts;
}

/// A query that a source runs on another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// The other source.
    pub source: SourceName,
    /// The query.
    pub question: Question,
    /// Where the configuration asks for it: the keys from the source's own entry down. The last one is the language's
    /// where the query itself is written there.
    pub keys: Vec<String>,
    /// The key beside the last one that names the other source.
    pub source_key: &'static str,
    /// All that is run for it, as far as the other source's account needs more than for `question`. What is only known
    /// when it runs is `{id}`, as in a declared query.
    pub reads: Vec<Question>,
}

/// Reads a variable of the environment.
pub type ReadVariable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a source is built with.
pub struct Context<'a> {
    /// The source's name.
    pub name: &'a SourceName,
    /// How long a probe may take: server-side limits have to be below it.
    pub timeout: Duration,
    /// The queries that this source has to know in advance.
    pub questions: &'a [Question],
    /// The query lanes of all sources that can be queried.
    pub lanes: &'a BTreeMap<SourceName, Lane>,
    /// The parsed built-in queries of the kinds that have them.
    pub built_in: &'a ParsedQueries,
    /// The heartbeats that were pushed.
    pub heartbeats: &'a Arc<Heartbeats>,
    /// The environment, for settings that belong there, such as AWS credentials.
    pub variable: ReadVariable<'a>,
    /// Where a source may keep state that survives restarts.
    pub state_dir: Option<&'a Path>,
}

/// The running parts of a source.
pub struct Parts {
    /// Runs its probes.
    pub prober: Box<dyn Prober>,
    /// Runs declared queries, on a separate connection. `None` for kinds without queries.
    pub answers: Option<Box<dyn Answers>>,
}
