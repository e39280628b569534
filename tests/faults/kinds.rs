//! The kinds under test. Their parts lie in their folders.

use futures_util::future::LocalBoxFuture;

use super::gate::{Gate, World};
use super::matrix::{Cell, Fault};

#[path = "../../kinds/http/tests/faults.rs"]
pub(crate) mod http;
#[path = "../../kinds/logfile/tests/faults.rs"]
pub(crate) mod logfile;
#[path = "../../kinds/mongodb/tests/faults.rs"]
pub(crate) mod mongodb;
#[path = "../../kinds/postgres/tests/faults.rs"]
pub(crate) mod postgres;
#[path = "../../kinds/rabbitmq/tests/faults.rs"]
pub(crate) mod rabbitmq;
#[path = "../../kinds/redis/tests/faults.rs"]
pub(crate) mod redis;
#[path = "../../kinds/s3/tests/faults.rs"]
pub(crate) mod s3;
#[path = "../../kinds/stripe/tests/faults.rs"]
pub(crate) mod stripe;
#[path = "../../kinds/workers/tests/faults.rs"]
pub(crate) mod workers;

/// In the order of the tables.
pub(crate) const ALL: [Kind; 10] = [
    http::KIND,
    logfile::KIND,
    mongodb::KIND,
    postgres::KIND,
    rabbitmq::KIND,
    redis::KIND,
    s3::KIND,
    stripe::KIND,
    workers::IN_REDIS,
    workers::IN_SQL,
];

/// A table of the matrix.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// The name of the kind.
    pub(crate) name: &'static str,
    /// How this table differs from another one of the same kind.
    pub(crate) variant: Option<&'static str>,
    /// What it shows while a fault lasts.
    pub(crate) cell: fn(Fault) -> Cell,
    /// Starts its servers.
    pub(crate) start: for<'a> fn(&'a World) -> LocalBoxFuture<'a, Box<dyn KindUnderTest>>,
}

impl Kind {
    /// The heading of the table.
    pub(crate) fn title(&self) -> String {
        match self.variant {
            None => self.name.to_owned(),
            Some(variant) => format!("{} in {variant}", self.name),
        }
    }

    /// The name of the test of a cell.
    pub(crate) fn test(&self, fault: Fault) -> String {
        let variant = self.variant.map(|variant| format!("_in_{}", variant.to_lowercase()));
        format!("{}{}::{}", self.name, variant.unwrap_or_default(), fault.name())
    }
}

/// The start of a line of the exposition that is not there before a fault, and says more than that the source is well.
pub(crate) enum Sign {
    /// It comes while the fault lasts.
    Meanwhile(String),
    /// It comes once the fault is gone.
    Afterwards(String),
}

/// The servers and sources of a kind that faults are for.
#[async_trait::async_trait(?Send)]
pub(crate) trait KindUnderTest {
    /// The sources `plain` and, where the kind has TLS, `secure`, as YAML below `sources:`; then `queries:`.
    fn config(&self) -> String;

    /// The names of the sources that have to be well between faults.
    fn sources(&self) -> &'static [&'static str] {
        &["plain", "secure"]
    }

    /// The ways to its servers, by the names of its sources.
    fn gates(&self) -> Vec<(&'static str, &Gate)>;

    /// The source that a fault is for.
    fn source(&self, fault: Fault) -> &'static str {
        fault.source()
    }

    /// What shows that a fault is coped with.
    async fn sign(&self, _fault: Fault) -> Option<Sign> {
        None
    }

    /// How many connections a source may have.
    fn budget(&self) -> usize {
        2
    }

    /// How many connections there are to each server that no gate leads to.
    async fn connections(&mut self) -> Vec<usize> {
        Vec::new()
    }

    /// How much memory a fault may cost for a moment, in MiB.
    fn most_overshoot(&self) -> u64 {
        256
    }

    /// What its servers do wrong beside what the gates do.
    async fn break_server(&mut self, fault: Fault);

    /// Undoes what [`Self::break_server`] has done.
    async fn heal_server(&mut self, fault: Fault);

    /// Makes its first server serve again after a failover.
    async fn return_home(&mut self) {}
}
