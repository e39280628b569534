//! A query as it is written. What it means is the business of the kind of source that supports its language.

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Misuse, QueryPart};
use crate::probe::{Problem, Reason};
use crate::schema;
use crate::yaml::{self, Fault, Faults, Node, Path};

/// A query: the key of its language, and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    key: &'static str,
    value: Value,
    wanted: WantedAnswer,
}

/// What a source returns for a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WantedAnswer {
    /// Its rows.
    #[default]
    Rows,
    /// The steps in which the source runs it, in a language that [has them](Language::HAS_PLANS).
    Plan,
    /// The steps in which it would run it, with what it expects them to cost. It is not run.
    Estimate,
}

impl Question {
    /// A query that is written in code. A kind may query sources of other kinds, without knowing their types.
    pub fn new(key: &'static str, value: impl Into<Value>) -> Self {
        Self { key, value: value.into(), wanted: WantedAnswer::Rows }
    }

    /// The same query, of which something else is wanted.
    #[must_use]
    pub fn wanting(&self, wanted: WantedAnswer) -> Self {
        Self { wanted, ..self.clone() }
    }

    /// What is wanted of it.
    pub fn wanted(&self) -> WantedAnswer {
        self.wanted
    }

    /// The key of its language.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// Its value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Reads it as a query of one language.
    ///
    /// # Errors
    /// When it is in another language. The configuration was checked, so that would be a bug.
    pub fn read<L: Language>(&self) -> Result<L, Problem> {
        if self.key != L::KEY {
            return Err(Problem::new(
                Reason::Internal,
                format!("expected `{}`, found `{}`", L::KEY, self.key),
            ));
        }
        L::deserialize(&self.value).map_err(|error| Problem::new(Reason::Query, error))
    }
}

/// A language of queries: the type that the value of a query is read into.
pub trait Language: DeserializeOwned + JsonSchema {
    /// The key of a query in this language: `sql`.
    const KEY: &'static str;

    /// Whether a source counts events as they arrive, and so has to know each query in advance. The rows are counts,
    /// which identify nothing: such a query cannot be a part of `distinct`.
    const COUNTS_AHEAD: bool = false;

    /// Whether sources return the [plan](Question::plan) of a query.
    const HAS_PLANS: bool = false;

    /// Checks that the parts of the query fit together, and that it only reads.
    ///
    /// # Errors
    /// What was expected.
    fn check(&self) -> Result<(), Misuse>;
}

/// What is known of a language without its type.
#[derive(Clone, Copy, Debug)]
pub struct LanguageFacts {
    /// See [`Language::KEY`].
    pub key: &'static str,
    /// See [`Language::COUNTS_AHEAD`].
    pub counts_ahead: bool,
    /// See [`Language::HAS_PLANS`].
    pub has_plans: bool,
    /// The JSON schema of a query.
    pub schema: fn(&mut SchemaGenerator) -> Value,
    /// Reads and checks a query, and reports each error at its place.
    pub read: fn(&Node, &Path, &mut Faults) -> Option<Question>,
}

impl LanguageFacts {
    /// The facts of a language.
    pub const fn of<L: Language>() -> Self {
        Self {
            key: L::KEY,
            counts_ahead: L::COUNTS_AHEAD,
            has_plans: L::HAS_PLANS,
            schema: schema::of::<L>,
            read: read::<L>,
        }
    }
}

fn read<L: Language>(node: &Node, path: &Path, faults: &mut Faults) -> Option<Question> {
    let query = yaml::decode::<L>(node, path, faults)?;
    let value = yaml::decode::<Value>(node, path, faults)?;
    match query.check() {
        Ok(()) => Some(Question::new(L::KEY, value)),
        Err(Misuse { part, message, hint }) => {
            let (node, path) = part.map_or((node, path.clone()), |part| placed(part, node, path));
            faults.add(Fault { place: node.place, path, message, hint });
            None
        }
    }
}

/// A part of a query, and its path.
fn placed<'a>(QueryPart { key, index }: QueryPart, query: &'a Node, path: &Path) -> (&'a Node, Path) {
    let element = query.get(key).and_then(|list| list.elements().get(index));
    (element.unwrap_or(query), path.key(key).index(index))
}
