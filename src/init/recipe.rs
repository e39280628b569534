//! Recipes: what a known structure looks like, and what is worth seeing and being alerted about there.
//!
//! A recipe is a file in `kinds/KIND/recipes/`. What it proposes is written as in a pack, with `$(…)` for what was found.

use std::collections::BTreeMap;

use platform_core::survey::{ColumnType, SurveyedColumn};
use platform_core::yaml::{self, Faults, Path};
use regex::Regex;
use serde::{Deserialize, Deserializer};

use super::words::{in_english, snake};
use super::worker_template::{self, WorkerTemplate};
use crate::registry::Kind;

/// A recipe.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The name of its file.
    pub(super) name: String,
    pub(super) head: RecipeHead,
    /// What it proposes, as it is written.
    pub(super) parts: ProposalParts,
    /// The workers whose heartbeats are there.
    pub(super) workers: Vec<WorkerTemplate>,
}

/// The items of what is proposed, by the section that they belong to.
#[derive(Clone, Debug)]
pub(super) struct ProposalParts {
    pub(super) queries: Vec<String>,
    pub(super) panels: Vec<String>,
    pub(super) alerts: Vec<String>,
    pub(super) tests: Vec<String>,
}

/// What a recipe looks for.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RecipeHead {
    /// What it shows, in one sentence.
    pub(super) about: String,
    /// The kind of source.
    pub(super) kind: Kind,
    /// The row of the dashboard.
    #[serde(default)]
    pub(super) section: DashboardSection,
    /// Whether no later recipe is for the tables that it finds.
    #[serde(default)]
    pub(super) claims: bool,
    /// On how many tables it is used, the largest first.
    #[serde(default = "most_tables")]
    pub(super) most: usize,
    /// The tables that it needs, by the names under which the rest of the file refers to them.
    pub(super) finds: BTreeMap<String, TablePattern>,
    /// Values of a column that mean the same.
    #[serde(default)]
    pub(super) groups: BTreeMap<String, ValueGroup>,
    /// Thresholds that depend on what is normal.
    #[serde(default)]
    pub(super) thresholds: BTreeMap<String, Threshold>,
}

const fn most_tables() -> usize {
    8
}

/// The rows of a dashboard, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DashboardSection {
    /// What waits or has failed.
    Attention,
    /// Money.
    Money,
    /// Who uses it.
    People,
    /// What is in which state.
    #[default]
    States,
    /// What grows.
    Growth,
}

impl DashboardSection {
    /// The title of the row.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Attention => "Waiting and failing",
            Self::Money => "Money",
            Self::People => "Accounts and sessions",
            Self::States => "By state",
            Self::Growth => "Growth",
        }
    }
}

/// What a table looks like.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct TablePattern {
    /// Its name; without patterns, any.
    #[serde(default)]
    name: NamePatterns,
    /// NamePatterns that it must not have.
    #[serde(default)]
    not: NamePatterns,
    /// Whether it only shows that the recipe applies: another one may show the same in a later run.
    #[serde(default)]
    pub(super) sign: bool,
    /// Whether the recipe also makes sense without it.
    #[serde(default)]
    pub(super) optional: bool,
    /// Its columns, by the names under which the rest of the file refers to them.
    #[serde(default)]
    pub(super) columns: BTreeMap<String, ColumnPattern>,
}

impl TablePattern {
    /// Whether a table may have this name.
    pub(super) fn allows(&self, name: &str) -> bool {
        (self.name.is_empty() || self.name.rank(name).is_some()) && self.not.rank(name).is_none()
    }
}

/// What a column looks like.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ColumnPattern {
    /// Its name, by preference.
    pub(super) name: NamePatterns,
    /// NamePatterns that it must not have.
    #[serde(default)]
    pub(super) not: NamePatterns,
    /// Without a column of such a name: whether the only one that is set to the present in new rows will do.
    #[serde(default)]
    pub(super) or_default_now: bool,
    /// What every one of its few values is like. Otherwise, no column of text is taken of whose values less than
    /// half are known as a state, a plan or a role: it may be about people.
    pub(super) like: Option<NamePatterns>,
    /// What is in it.
    #[serde(rename = "type", default)]
    types: Vec<TypeName>,
    /// Whether its values become labels: then there must be few.
    #[serde(default)]
    pub(super) few: bool,
    /// Whether only known words become labels, because people may write others into it: `other` stands for these.
    #[serde(default)]
    pub(super) known: bool,
    /// Whether the recipe also makes sense without it.
    #[serde(default)]
    pub(super) optional: bool,
    /// Whether the recipe applies to each such column of a table, not only to the preferred one.
    #[serde(default)]
    pub(super) each: bool,
    /// Whether it stands for all such columns of a table at once.
    #[serde(default)]
    pub(super) all: bool,
}

/// A type of column in a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TypeName {
    Time,
    Number,
    Text,
    Bool,
}

impl ColumnPattern {
    /// Whether a column may have this name.
    pub(super) fn rank(&self, name: &str) -> Option<usize> {
        self.name.rank(name).filter(|_| self.not.rank(name).is_none())
    }

    /// Whether a column may be of its type.
    pub(super) fn allows(&self, column: &SurveyedColumn) -> bool {
        let is = |name: &TypeName| match name {
            TypeName::Time => column.column_type.is_time() || column.as_time.is_some(),
            TypeName::Number => column.column_type == ColumnType::Number,
            TypeName::Text => column.column_type == ColumnType::Text,
            TypeName::Bool => column.column_type == ColumnType::Bool,
        };
        self.types.is_empty() || self.types.iter().any(is)
    }

    /// How a query reads a column: a number as a point in time, if this is for points in time and not for numbers.
    pub(super) fn reading<'a>(&self, column: &'a SurveyedColumn) -> &'a str {
        let has = |wanted: TypeName| self.types.contains(&wanted);
        let is_time = has(TypeName::Time) && !has(TypeName::Number);
        column.as_time.as_deref().filter(|_| is_time).unwrap_or(&column.written)
    }
}

/// Values of a column.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ValueGroup {
    /// The column.
    pub(super) of: String,
    /// The values, as patterns.
    pub(super) like: NamePatterns,
}

/// A threshold: some times what is normal.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Threshold {
    /// The metric.
    pub(super) metric: String,
    /// How many times.
    pub(super) times: f64,
    /// The least.
    pub(super) at_least: f64,
    /// If it would be more than this, what is normal is nothing to be alerted about.
    pub(super) at_most: Option<f64>,
}

/// Patterns of names in snake case, the preferred first. Each is a regular expression for the whole name.
#[derive(Clone, Debug, Default)]
pub(super) struct NamePatterns {
    patterns: Vec<Regex>,
    /// The same without separators: PostgreSQL makes `createdat` of `createdAt` without quotes.
    without_separators: Vec<Regex>,
}

impl NamePatterns {
    fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The position of the first pattern that a name matches: as it is, in English, or without separators.
    pub(super) fn rank(&self, name: &str) -> Option<usize> {
        let name = snake(name);
        let position = |name: &str| self.patterns.iter().position(|pattern| pattern.is_match(name));
        let squashed = || {
            let is_squashed = name.len() > LONGEST_WORD && !name.contains('_');
            is_squashed.then(|| self.without_separators.iter().position(|pattern| pattern.is_match(&name)))?
        };
        position(&name).or_else(|| position(&in_english(&name))).or_else(squashed)
    }
}

/// A longer name may be of several words without separators.
const LONGEST_WORD: usize = 5;

impl<'de> Deserialize<'de> for NamePatterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let regex = |text: &str| Regex::new(&format!("^(?:{text})$")).map_err(serde::de::Error::custom);
        let patterns = texts.iter().map(|text| regex(text)).collect::<Result<_, _>>()?;
        let without_separators =
            texts.iter().map(|text| regex(&text.replace('_', ""))).collect::<Result<_, _>>()?;
        Ok(Self { patterns, without_separators })
    }
}

/// The sections whose items are copied as they are written.
const PROPOSED: [&str; 4] = ["queries", "panels", "alerts", "tests"];

/// Reads a recipe. Errors are in `faults`.
pub(super) fn read(name: &str, text: &str, faults: &mut Faults) -> Option<Recipe> {
    let before = faults.len();
    let tree = yaml::parse_literally(text, faults)?;
    let is_head = |key: &str| !PROPOSED.contains(&key) && key != worker_template::SECTION;
    let entries = tree.entries().iter().filter(|(key, _)| is_head(&key.text));
    let head = yaml::Node::new(tree.place, yaml::Value::Map(entries.cloned().collect()));
    let head = yaml::decode::<RecipeHead>(&head, &Path::default(), faults)?;
    let [queries, panels, alerts, tests] = PROPOSED.map(|section| items(text, section));
    let parts = ProposalParts { queries, panels, alerts, tests };
    let workers =
        worker_template::read(&tree, &head.finds.keys().map(String::as_str).collect::<Vec<_>>(), faults);
    let recipe = Recipe { name: name.to_owned(), head, parts, workers };
    (faults.len() == before).then_some(recipe)
}

/// The items of a list at the top level of a document, each with the comment above it, without its indentation.
fn items(text: &str, section: &str) -> Vec<String> {
    let heading = format!("{section}:");
    let lines = text.lines().skip_while(|line| line.trim_end() != heading).skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    let (mut items, mut is_complete): (Vec<String>, _) = (Vec::new(), true);
    for line in lines {
        let line = line.strip_prefix("  ").unwrap_or(line);
        let begins = line.starts_with("- ");
        if is_complete && (begins || line.starts_with('#')) {
            items.push(String::new());
            is_complete = false;
        }
        is_complete |= begins;
        if let Some(item) = items.last_mut() {
            item.push_str(line);
            item.push('\n');
        }
    }
    items.into_iter().map(|item| item.trim_end().to_owned() + "\n").collect()
}
