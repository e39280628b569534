//! The grammar of a declared query, as written in a configuration, a pack or the files of a kind.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::derived::Derived;
use super::flatten::{Flatten, Flattened};
use super::raw_metric::MetricSpec;
use super::series_budget::OTHER;
use super::shared_by_columns::SharedByColumns;
use super::value_type::ValueType;
use super::{Columns, Question};
use crate::metric::{Desc, LabelName, LabelNames, MetricType};
use crate::setting::{Duration, SourceName};

/// One part of a `distinct` query: a source, and the query whose first column holds ids.
#[derive(Clone, Debug, PartialEq)]
pub struct DistinctPart {
    /// The source.
    pub source: SourceName,
    /// The query.
    pub question: Question,
    /// Whether its ids do not count, whatever the other parts hold.
    pub except: bool,
}

/// What runs, and on which source.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// One query on one source.
    One {
        /// The source.
        source: SourceName,
        /// The query.
        question: Question,
    },
    /// The number of distinct ids over several results: one row with the columns `count` and `only_first`, the number
    /// of ids that only the first part holds. Never empty.
    Distinct(Vec<DistinctPart>),
}

impl Ask {
    /// The source that the query's own metrics carry: for `distinct`, that of the first part.
    pub fn source(&self) -> &SourceName {
        match self {
            Self::One { source, .. } => source,
            Self::Distinct(parts) => &parts[0].source,
        }
    }

    /// All sources that it runs on.
    pub fn sources(&self) -> impl Iterator<Item = &SourceName> {
        let (one, parts) = match self {
            Self::One { source, .. } => (Some(source), &[][..]),
            Self::Distinct(parts) => (None, &parts[..]),
        };
        one.into_iter().chain(parts.iter().map(|part| &part.source))
    }
}

/// A number by rule. A server may leave out any number at any time.
fn number(column: &str, one: Flattened) -> MetricSpec {
    let Flattened { name, help, value_type, part, labels, additive } = one;
    let value = column.to_owned();
    MetricSpec { name, value, help, value_type, part, labels, scale: 1.0, optional: true, additive }
}

/// How a query's rows become samples; the same for declared queries and for the built-in queries of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct QuerySpec {
    /// The query's name: the value of its `query` label.
    pub name: String,
    /// The labels that each row has.
    pub labels: Vec<LabelName>,
    /// The columns of labels that have another name than their column.
    pub columns: BTreeMap<LabelName, String>,
    /// Label values that are exported as 0 if they have no row: every combination.
    pub expect: BTreeMap<String, Vec<String>>,
    /// The maximum number of label sets; the smallest beyond it are summed under `other`.
    pub max_series: usize,
    /// The label that names the part of a source that the query sees, such as a database: all rows of an answer have the
    /// same value.
    pub scope: Option<LabelName>,
    /// The numbers that make the metrics. Not empty, unless `flatten` makes them.
    pub metrics: Vec<MetricSpec>,
    /// How every number of a row becomes a metric.
    pub flatten: Option<Flatten>,
    /// The same with the metrics that `flatten` has made.
    pub flattened: Derived<SharedByColumns<QuerySpec>>,
    /// What it reads and exports.
    pub exported: Derived<OnceLock<Exported>>,
}

/// What a query reads and exports: the same in every run, and for every source that runs it.
#[derive(Debug)]
pub struct Exported {
    /// The columns that are read.
    pub(super) columns: Columns,
    /// The families, each once.
    pub(super) families: Vec<Arc<Desc>>,
    /// The position of each metric's family.
    pub(super) places: Vec<usize>,
}

/// A query that a configuration or pack declares.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// How rows become samples.
    pub spec: QuerySpec,
    /// What it runs, and where.
    pub ask: Ask,
    /// How often.
    pub every: Duration,
    /// How long it may take.
    pub timeout: Duration,
    /// How long the last good result is exported while newer runs fail.
    pub max_age: Duration,
}

/// The families that queries may export, each once.
pub fn catalogue<'a>(queries: impl IntoIterator<Item = &'a QuerySpec>) -> Vec<Desc> {
    let mut seen = HashSet::new();
    let families = queries.into_iter().flat_map(QuerySpec::catalogue);
    families.filter(|desc| seen.insert(&desc.name)).map(|desc| Desc::clone(desc)).collect()
}

impl QuerySpec {
    /// The columns that the query reads.
    pub fn columns(&self) -> Columns {
        self.exported().columns.clone()
    }

    /// The families that this query may export, each once.
    pub fn catalogue(&self) -> &[Arc<Desc>] {
        &self.exported().families
    }

    pub(super) fn exported(&self) -> &Exported {
        self.exported.get_or_init(|| {
            let known = self.flatten.as_ref().filter(|_| self.metrics.is_empty()).map(Flatten::known);
            let known = known.into_iter().flatten().map(|one| number("", one));
            let (mut families, mut places) = (Vec::new(), HashMap::new());
            let mut place = |metric: &MetricSpec| {
                *places.entry(metric.name.clone()).or_insert_with(|| {
                    families.push(Arc::new(self.desc(metric)));
                    families.len() - 1
                })
            };
            let places = self.metrics.iter().map(&mut place).collect();
            known.for_each(|metric| {
                place(&metric);
            });
            Exported { columns: self.read_columns(), families, places }
        })
    }

    fn read_columns(&self) -> Columns {
        let labels = self.labels.iter().map(|label| self.column(label));
        match &self.flatten {
            Some(flatten) => Columns::numbers(labels, &flatten.except),
            None => Columns::named(labels.chain(self.metrics.iter().map(|metric| metric.value.as_str()))),
        }
    }

    /// The labels under which what is over the budget is summed, given those of any row.
    pub(super) fn other(&self, row: Option<&Vec<String>>) -> Vec<String> {
        let mut other = vec![OTHER.to_owned(); self.labels.len()];
        let scope = self.labels.iter().position(|label| self.scope.as_ref() == Some(label));
        if let (Some(scope), Some(row)) = (scope, row) {
            other[scope].clone_from(&row[scope]);
        }
        other
    }

    /// The column that holds a label.
    pub(super) fn column<'a>(&'a self, label: &'a LabelName) -> &'a str {
        self.columns.get(label).map_or(label.as_ref(), String::as_str)
    }

    /// The same with the metrics that `flatten` makes of these columns.
    pub(super) fn of_columns(&self, flatten: &Flatten, columns: &[String]) -> Self {
        let is_value = |column: &&String| !self.labels.iter().any(|label| self.column(label) == **column);
        let values: Vec<&String> = columns.iter().filter(is_value).collect();
        let flattened = flatten.all(values.iter().map(|column| column.as_str()));
        let metrics = values.into_iter().zip(flattened);
        let metrics = metrics.filter_map(|(column, one)| Some(number(column, one?)));
        Self { metrics: metrics.collect(), ..self.clone() }
    }

    fn desc(&self, metric: &MetricSpec) -> Desc {
        let labels = self.labels.iter().chain(metric.labels.keys());
        Desc {
            name: metric.name.to_string().into(),
            help: metric.help.clone().into(),
            metric_type: match metric.value_type {
                ValueType::Gauge => MetricType::Gauge,
                ValueType::Counter => MetricType::Counter,
                ValueType::Unknown => MetricType::Unknown,
                ValueType::Histogram => MetricType::Histogram,
            },
            labels: LabelNames::Declared(labels.map(|label| label.as_ref().to_owned()).collect()),
        }
    }
}
