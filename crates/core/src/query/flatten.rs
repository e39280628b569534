//! Families made by rules from every number of an answer: the path of a number gives the name of its family.
//!
//! A server that counts two thousand things gives them names itself, and other ones with each version.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::value_type::{MetricPart, UpperBound, ValueType};
use crate::metric::{LabelName, MetricName};

/// The longest path that becomes a name: those of serverStatus have up to 120 bytes.
const LONGEST_PATH: usize = 256;

/// How paths become families.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
pub struct Flatten {
    /// What every name starts with.
    pub prefix: String,
    /// What the numbers come from, for the help texts.
    pub from: String,
    /// The columns of paths and numbers, if each number has a row of its own.
    pub rows: Option<NumberPerRow>,
    /// Paths that are not exported, with everything below them.
    #[serde(default)]
    pub except: Vec<String>,
    /// Beginnings of paths, and what names have in their place. The longest that fits counts.
    #[serde(default)]
    pub shorten: BTreeMap<String, String>,
    /// The type of what `fields` does not describe.
    #[serde(default = "unknown", rename = "type")]
    pub value_type: ValueType,
    /// Paths that need more than a name.
    #[serde(default)]
    pub fields: Vec<Field>,
}

/// An answer with a row for each number.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
pub struct NumberPerRow {
    /// The column that holds the path.
    pub path: String,
    /// The column that holds the number.
    pub value: String,
}

/// The rule for some paths.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
pub struct Field {
    /// Keys with dots between them. For `{label}`, any key becomes the value of that label; `*` is any key. `{label+}` at
    /// the end is a key that may have dots itself. Of a histogram, paths end in `count`, `sum` and `bucket.{le}`.
    pub path: String,
    /// The type, if it is another one.
    #[serde(default, rename = "type")]
    pub value_type: Option<ValueType>,
    /// What it means; default: its path.
    pub help: Option<String>,
    /// Whether values of several label sets may be summed.
    #[serde(default = "yes")]
    pub additive: bool,
}

/// What a path becomes: a series of a family.
#[derive(Clone, Debug, PartialEq)]
pub struct Flattened {
    /// The family.
    pub name: MetricName,
    /// Its help text.
    pub help: String,
    /// Its type.
    pub value_type: ValueType,
    /// What the number is to the family.
    pub part: MetricPart,
    /// The labels of the series.
    pub labels: BTreeMap<LabelName, String>,
    /// Whether values of several label sets may be summed.
    pub additive: bool,
}

fn unknown() -> ValueType {
    ValueType::Unknown
}

fn yes() -> bool {
    true
}

impl Flatten {
    /// What these paths become. `None` for those that are not exported, such as one whose series there is already.
    pub fn all<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> Vec<Option<Flattened>> {
        let mut series = HashSet::new();
        let mut labels: HashMap<MetricName, Vec<LabelName>> = HashMap::new();
        let mut is_new = |one: &Flattened| {
            let names: Vec<_> = one.labels.keys().cloned().collect();
            // Series of one family have the same labels.
            let is_same = *labels.entry(one.name.clone()).or_insert_with(|| names.clone()) == names;
            is_same && series.insert((one.name.clone(), one.labels.clone(), one.part))
        };
        paths.into_iter().map(|path| self.one(path).filter(&mut is_new)).collect()
    }

    /// The families that `fields` describes, whatever the values of their labels.
    pub fn known(&self) -> Vec<Flattened> {
        let described = self.fields.iter().filter(|field| !field.path.split('.').any(|key| key == "*"));
        described.filter_map(|field| self.by(field, field.labels(&field.path)?)).collect()
    }

    fn one(&self, path: &str) -> Option<Flattened> {
        let described = self.fields.iter().find_map(|field| Some((field, field.labels(path)?)));
        match described {
            Some((field, labels)) if !field.path.split('.').any(|key| key == "*") => self.by(field, labels),
            Some((field, labels)) => Some(Flattened {
                value_type: field.value_type.unwrap_or(self.value_type),
                additive: field.additive,
                labels,
                ..self.undescribed(path)?
            }),
            None => self.undescribed(path),
        }
    }

    fn undescribed(&self, path: &str) -> Option<Flattened> {
        Some(Flattened {
            name: self.name(path)?,
            help: format!("From {}.{path}.", self.from),
            value_type: self.value_type,
            part: MetricPart::Value,
            labels: BTreeMap::new(),
            additive: true,
        })
    }

    fn by(&self, field: &Field, mut labels: BTreeMap<LabelName, String>) -> Option<Flattened> {
        let mut named: Vec<_> = field.path.split('.').filter(|key| label(key).is_none()).collect();
        let from = || format!("From {}.{}.", self.from, field.path);
        let value_type = field.value_type.unwrap_or(self.value_type);
        let part = match value_type {
            ValueType::Histogram => of_histogram(named.pop()?, &mut labels)?,
            _ => MetricPart::Value,
        };
        Some(Flattened {
            name: self.name(&named.join("."))?,
            help: field.help.clone().unwrap_or_else(from),
            value_type,
            part,
            labels,
            additive: field.additive,
        })
    }

    /// The name of a family: runs of characters that names cannot have become one underscore. `None` for a path that is
    /// too long for one.
    fn name(&self, path: &str) -> Option<MetricName> {
        if path.len() > LONGEST_PATH {
            return None;
        }
        let begins = |start: &&String| {
            path.strip_prefix(start.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let shortened = self.shorten.keys().filter(begins).max_by_key(|start| start.len());
        let (start, rest) =
            shortened.map_or(("", path), |start| (self.shorten[start].as_str(), &path[start.len()..]));
        let mut name = self.prefix.clone();
        for part in [start, rest] {
            name.push('_');
            name.push_str(part);
        }
        let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        MetricName::try_from(words.join("_")).ok()
    }
}

impl Field {
    /// The values of its labels in a path; `None` if it describes another one.
    fn labels(&self, path: &str) -> Option<BTreeMap<LabelName, String>> {
        let mut labels = BTreeMap::new();
        let length = if self.path.ends_with("+}") { self.path.split('.').count() } else { usize::MAX };
        let mut keys = path.splitn(length, '.');
        for known in self.path.split('.') {
            let key = keys.next()?;
            match label(known) {
                Some(name) => {
                    labels.insert(LabelName::of_kind(name)?, key.to_owned());
                }
                None if known == key || known == "*" => {}
                None => return None,
            }
        }
        keys.next().is_none().then_some(labels)
    }
}

/// What the number at the end of a path is to its histogram. The bound of a bucket is no label of the histogram.
fn of_histogram(key: &str, labels: &mut BTreeMap<LabelName, String>) -> Option<MetricPart> {
    match key {
        "count" => Some(MetricPart::Count),
        "sum" => Some(MetricPart::Sum),
        "bucket" => {
            let bound = labels.remove(&LabelName::of_kind("le")?)?;
            UpperBound::parse(&bound).map(MetricPart::Bucket)
        }
        _ => None,
    }
}

/// The label whose value a key is: `{label}`.
fn label(key: &str) -> Option<&str> {
    let name = key.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_suffix('+').unwrap_or(name))
}
