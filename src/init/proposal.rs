//! Proposals: what an applied recipe would add to a pack.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use platform_core::survey::{QueryCost, TableUse};

use super::matching::Applied;
use super::recipe::{DashboardSection, ProposalParts, Threshold};
use super::substitution::{Substitutes, names, substitute};
use super::table_use::{columns_read, table_uses};
use super::words::camel;

/// A proposal.
#[derive(Debug)]
pub struct Proposal {
    /// What it is known by, also in a later run: `backlog(orders)`.
    pub id: String,
    /// Why it is there, in one sentence.
    pub why: String,
    pub(super) section: DashboardSection,
    /// What it reads.
    pub(super) uses: Vec<TableUse>,
    /// Columns without an index that begins with them, in large tables: with one, it would cost less.
    pub(super) slow_columns: BTreeSet<(String, String)>,
    /// What running each of its queries costs, once that has been estimated.
    pub(super) costs: Vec<QueryCost>,
    /// How often it runs.
    pub every: Duration,
    template: Template,
}

/// The parts of a proposal, as the recipe has them, and what stands for their names.
#[derive(Debug)]
struct Template {
    parts: ProposalParts,
    names: Substitutes,
    thresholds: BTreeMap<String, Threshold>,
}

/// An index makes a difference from this number of rows.
const MANY_ROWS: f64 = 50_000.0;

/// How long a query may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

impl Proposal {
    /// What a recipe proposes; nothing if all of its queries need what is not there. The names of metrics begin with
    /// `prefix`, and `source` is the name of the source.
    pub(super) fn of(applied: &Applied<'_>, prefix: &str, source: &str) -> Option<Self> {
        let recipe = applied.recipe;
        let mut names = names(applied);
        names.insert("prefix".to_owned(), prefix.to_owned());
        names.insert("prefix.camel".to_owned(), camel(prefix));
        names.insert("source".to_owned(), source.to_owned());
        names.insert("timeout".to_owned(), humantime::format_duration(TIMEOUT).to_string());
        let thresholds = recipe.head.thresholds.iter().filter_map(|(name, threshold)| {
            let metric = substitute(&threshold.metric, &names, &[])?;
            Some((name.clone(), Threshold { metric, ..threshold.clone() }))
        });
        let thresholds = thresholds.collect();
        let template = Template { parts: recipe.parts.clone(), names, thresholds };
        let proposal = Self {
            id: format!("{}({})", recipe.name, applied.subject()),
            why: recipe.head.about.clone(),
            section: recipe.head.section,
            uses: Vec::new(),
            slow_columns: BTreeSet::new(),
            costs: Vec::new(),
            every: Duration::from_mins(1),
            template,
        };
        let queries = proposal.parts(&BTreeMap::new()).queries;
        (!queries.is_empty()).then(|| proposal.reading(applied))
    }

    /// Adds what its queries read.
    fn reading(mut self, applied: &Applied<'_>) -> Self {
        let queries: Vec<_> =
            self.template.parts.queries.iter().filter(|query| self.is_complete(query)).collect();
        let uses = table_uses(applied, &queries);
        let large = applied.tables.values().filter(|table| table.rows > MANY_ROWS);
        let slow = large.flat_map(|table| columns_read(applied, table, &queries));
        let slow = slow.filter(|found| found.column.column_type.is_time() && !found.column.is_indexed);
        let slow_columns = slow.map(|found| (found.table.written.clone(), found.column.written.clone()));
        self.slow_columns = slow_columns.collect();
        self.uses = uses;
        self
    }

    fn is_complete(&self, item: &str) -> bool {
        substitute(item, &self.template.names, &["db", "every"]).is_some()
    }

    /// Its parts. `normal` has the present values of metrics.
    pub(super) fn parts(&self, normal: &BTreeMap<String, f64>) -> ProposalParts {
        let mut names = self.template.names.clone();
        names.insert("every".to_owned(), humantime::format_duration(self.every).to_string());
        for (name, Threshold { metric, times, at_least, at_most }) in &self.template.thresholds {
            let threshold = normal.get(metric).map_or(*at_least, |now| rounded(now * times).max(*at_least));
            if at_most.is_some_and(|most| threshold > most) {
                continue;
            }
            names.insert(name.clone(), threshold.to_string());
            names.insert(format!("{name}.exceeded"), (threshold * 2.0).to_string());
        }
        let fill = |items: &[String]| {
            items.iter().filter_map(|item| substitute(item, &names, &["db"])).collect::<Vec<_>>()
        };
        let ProposalParts { queries, panels, alerts, tests } = &self.template.parts;
        let (written, all) = (fill(queries), queries.iter().flat_map(|query| metrics(query)));
        let all = all.filter_map(|metric| substitute(metric, &names, &[]));
        let missing: Vec<_> =
            all.filter(|metric| !written.iter().any(|query| has_word(query, metric))).collect();
        let shown = |items: &[String]| {
            let items = fill(items).into_iter();
            items.filter(|item| !missing.iter().any(|metric| has_word(item, metric))).collect()
        };
        ProposalParts { panels: shown(panels), alerts: shown(alerts), tests: shown(tests), queries: written }
    }

    /// What its queries are called.
    pub(super) fn names_of_queries(&self) -> BTreeSet<String> {
        let queries = self.parts(&BTreeMap::new()).queries;
        let name = |query: &String| {
            let mut lines = query.lines();
            lines.find_map(|line| line.trim_start().strip_prefix("- name: ")).map(str::to_owned)
        };
        queries.iter().filter_map(name).collect()
    }

    /// The processor time that all of its queries take in one run.
    pub fn time(&self) -> Duration {
        self.costs.iter().map(|cost| cost.processor).sum()
    }

    /// The metrics that its thresholds depend on.
    pub fn metrics_of_thresholds(&self) -> impl Iterator<Item = &str> {
        self.template.thresholds.values().map(|threshold| threshold.metric.as_str())
    }
}

/// The names of the metrics of a query, as a recipe has them.
fn metrics(query: &str) -> impl Iterator<Item = &str> {
    query.split("- {name: ").skip(1).filter_map(|rest| rest.split_once(',')).map(|(name, _)| name)
}

/// Whether a text has this name of a metric, and not only a longer one that contains it.
fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).any(|(start, _)| {
        !text[..start].ends_with(is_part) && !text[start + name.len()..].starts_with(is_part)
    })
}

/// A number with one digit that is not 0, as people choose thresholds: 43,271 is 50,000.
fn rounded(number: f64) -> f64 {
    if number <= 1.0 {
        return number.ceil();
    }
    let unit = 10_f64.powf(number.log10().floor());
    (number / unit).ceil() * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_round_numbers() {
        assert_eq!(
            [0.0, 0.4, 3.0, 12.0, 43_271.0, 100.0].map(rounded),
            [0.0, 1.0, 3.0, 20.0, 50_000.0, 100.0]
        );
    }
}
