//! Where recipes apply: which tables and columns of a survey they are about.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use platform_core::survey::{
    ColumnPosition, ColumnType, MOST_VALUES, SourceSurvey, SurveyedColumn, SurveyedTable,
};

use super::privacy::{
    consists_of_technical_words, is_personal_name, is_personal_value, is_technical_value, is_text_or_number,
};
use super::recipe::{ColumnPattern, Recipe, TablePattern};
use super::words::snake;

/// The values of columns that have few of them.
pub(super) type KnownValues = BTreeMap<ColumnPosition, Vec<String>>;

/// A recipe with the tables and columns that it has found.
#[derive(Debug)]
pub(super) struct Applied<'a> {
    pub(super) recipe: &'a Recipe,
    /// By the recipe's names.
    pub(super) tables: BTreeMap<&'a str, &'a SurveyedTable>,
    /// By the recipe's names; without those that are optional and not there.
    pub(super) columns: BTreeMap<&'a str, FoundColumn<'a>>,
}

/// A column that a recipe has found.
#[derive(Clone, Debug)]
pub(super) struct FoundColumn<'a> {
    pub(super) table: &'a SurveyedTable,
    pub(super) column: &'a SurveyedColumn,
    /// How queries read it.
    pub(super) reading: &'a str,
    /// Its values, if they become labels.
    pub(super) values: Cow<'a, [String]>,
    /// Further columns, if the recipe is about all of them at once.
    pub(super) others: Vec<&'a SurveyedColumn>,
}

impl<'a> FoundColumn<'a> {
    /// The column, and further ones.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a SurveyedColumn> {
        iter::once(self.column).chain(self.others.iter().copied())
    }
}

/// The columns whose values decide whether a recipe applies, and that are not about people.
pub(super) fn columns_to_read(recipes: &[&Recipe], survey: &SourceSurvey) -> Vec<ColumnPosition> {
    let mut wanted = BTreeSet::new();
    let patterns = recipes.iter().flat_map(|recipe| recipe.head.finds.values());
    for pattern in patterns {
        for (table, found) in
            survey.tables.iter().enumerate().filter(|(_, table)| pattern.allows(&table.name))
        {
            for few in pattern.columns.values().filter(|column| column.few) {
                let columns = found.columns.iter().enumerate().filter(|(_, column)| may_be(few, column));
                let unknown = columns.filter(|(_, column)| column.declared.is_none());
                wanted.extend(unknown.map(|(column, _)| ColumnPosition { table, column }));
            }
        }
    }
    wanted.into_iter().collect()
}

/// Whether a column looks like it, its values aside.
fn may_be(pattern: &ColumnPattern, column: &SurveyedColumn) -> bool {
    let is_default =
        || pattern.or_default_now && column.defaults_to_now && pattern.not.rank(&column.name).is_none();
    // The type first: a name takes longer to look up, in several languages.
    pattern.allows(column)
        && (pattern.rank(&column.name).is_some() || is_default())
        && !(pattern.few && is_personal_name(&column.name))
        && !((pattern.few || pattern.all) && column.is_key)
}

/// Applies recipes to a survey: those that claim their tables first.
pub(super) fn apply<'a>(
    recipes: &[&'a Recipe],
    survey: &'a SourceSurvey,
    values: &'a KnownValues,
    notes: &mut Vec<String>,
) -> Vec<Applied<'a>> {
    let (claiming, others): (Vec<_>, Vec<_>) = recipes.iter().partition(|recipe| recipe.head.claims);
    let mut claimed: BTreeSet<&str> = BTreeSet::new();
    let mut applied = Vec::new();
    for recipe in claiming {
        for found in find(recipe, survey, values, &claimed, notes) {
            claimed.extend(found.tables.values().map(|table| table.written.as_str()));
            applied.push(found);
        }
    }
    applied.extend(others.into_iter().flat_map(|recipe| find(recipe, survey, values, &claimed, notes)));
    applied
}

/// The places in a survey that a recipe is about. A recipe for several tables is about one of each, in one schema.
fn find<'a>(
    recipe: &'a Recipe,
    survey: &'a SourceSurvey,
    values: &'a KnownValues,
    claimed: &BTreeSet<&str>,
    notes: &mut Vec<String>,
) -> Vec<Applied<'a>> {
    let (optional, mut needed): (Vec<_>, Vec<_>) =
        recipe.head.finds.iter().partition(|(_, pattern)| pattern.optional);
    if needed.is_empty() {
        return Vec::new();
    }
    let (first, pattern) = needed.remove(0);
    let candidates = |pattern: &'a TablePattern| {
        survey.tables.iter().enumerate().filter(move |(_, table)| pattern.allows(&table.name))
    };
    let free = candidates(pattern).filter(|(_, table)| !claimed.contains(table.written.as_str()));
    let found = free.map(|(position, table)| {
        let mut applied = Applied { recipe, tables: BTreeMap::new(), columns: BTreeMap::new() };
        applied.add(first, position, table, pattern, values)?;
        let mut add = |name: &'a String, pattern: &'a TablePattern| {
            let mut others = candidates(pattern).filter(|(_, other)| other.schema == table.schema);
            others.find_map(|(position, other)| applied.add(name, position, other, pattern, values))
        };
        for (name, pattern) in &needed {
            add(name, pattern)?;
        }
        for (name, pattern) in &optional {
            add(name, pattern);
        }
        Some(applied.for_each_column(position, pattern, values))
    });
    let mut found: Vec<Vec<Applied<'_>>> = found.flatten().collect();
    let most = recipe.head.most.min(found.len());
    let others = found.split_off(most);
    if !others.is_empty() {
        let names: Vec<_> = others.iter().flatten().map(Applied::subject).collect();
        notes.push(format!(
            "{}: for {most} of {} tables, without {}",
            recipe.name,
            most + others.len(),
            names.join(", ")
        ));
    }
    found.into_iter().flatten().collect()
}

impl<'a> Applied<'a> {
    /// Adds a table, if it has the columns of the pattern.
    fn add(
        &mut self,
        name: &'a str,
        position: usize,
        table: &'a SurveyedTable,
        pattern: &'a TablePattern,
        values: &'a KnownValues,
    ) -> Option<()> {
        let mut columns = Vec::new();
        for (name, pattern) in &pattern.columns {
            let mut found = find_columns(pattern, position, table, values).into_iter();
            match found.next() {
                Some(mut column) => {
                    if pattern.all {
                        column.others = found.map(|other| other.column).take(MOST_VALUES - 1).collect();
                    }
                    columns.push((name.as_str(), column));
                }
                None if pattern.optional => {}
                None => return None,
            }
        }
        self.tables.insert(name, table);
        self.columns.extend(columns);
        Some(())
    }

    /// The same for each column of the first table, if a pattern is for each.
    fn for_each_column(
        self,
        position: usize,
        pattern: &'a TablePattern,
        values: &'a KnownValues,
    ) -> Vec<Self> {
        let Some((name, column)) = pattern.columns.iter().find(|(_, column)| column.each) else {
            return vec![self];
        };
        let Some(table) = self.columns.get(name.as_str()).map(|found| found.table) else { return vec![self] };
        let columns = find_columns(column, position, table, values).into_iter();
        let with = |found| {
            let mut columns = self.columns.clone();
            columns.insert(name.as_str(), found);
            Self { recipe: self.recipe, tables: self.tables.clone(), columns }
        };
        columns.map(with).collect()
    }

    /// What it is about, in words that stay the same: `orders`, or `orders.status` for one of several columns.
    pub(super) fn subject(&self) -> String {
        let is_named = |name: &str| {
            self.recipe.head.finds.get(name).is_some_and(|pattern| !pattern.sign && !pattern.optional)
        };
        let tables = self.tables.iter().filter(|(name, _)| is_named(name));
        let tables: BTreeSet<_> = tables.map(|(_, table)| snake(&table.written)).collect();
        let tables = tables.into_iter().collect::<Vec<_>>().join(",");
        let patterns = self.recipe.head.finds.values().flat_map(|table| &table.columns);
        let each =
            patterns.filter(|(_, column)| column.each).find_map(|(name, _)| self.columns.get(name.as_str()));
        each.map_or_else(|| tables.clone(), |found| format!("{tables}.{}", snake(&found.column.name)))
    }
}

/// The columns that a pattern allows, the preferred first.
fn find_columns<'a>(
    pattern: &ColumnPattern,
    position: usize,
    table: &'a SurveyedTable,
    known: &'a KnownValues,
) -> Vec<FoundColumn<'a>> {
    let columns = table.columns.iter().enumerate().filter(|(_, column)| may_be(pattern, column));
    let usable = columns.filter_map(|(index, column)| {
        let read = || known.get(&ColumnPosition { table: position, column: index });
        let values = match pattern.few {
            true => column.declared.as_ref().or_else(read)?.as_slice(),
            false => &[],
        };
        let is_usable = !pattern.few || may_be_labels(pattern, column, values);
        is_usable.then_some(FoundColumn {
            table,
            column,
            reading: pattern.reading(column),
            values: labels(pattern, column, values),
            others: Vec::new(),
        })
    });
    let mut usable: Vec<_> = usable.collect();
    let of_name = |found: &FoundColumn<'_>| pattern.rank(&found.column.name);
    if usable.iter().any(|found| of_name(found).is_some()) {
        usable.retain(|found| of_name(found).is_some());
    } else if usable.len() > 1 {
        // Several columns are set to the present: which one means the creation is not known.
        usable.clear();
    }
    usable.sort_by_key(of_name);
    usable
}

/// Whether the values of a column can be labels.
fn may_be_labels(pattern: &ColumnPattern, column: &SurveyedColumn, values: &[String]) -> bool {
    let is_expected = match &pattern.like {
        Some(like) => values.iter().all(|value| like.rank(value).is_some()),
        // What the schema lists is no data, and a number means nothing by itself.
        None => {
            column.declared.is_some()
                || column.column_type != ColumnType::Text
                || 2 * values.iter().filter(|value| is_technical_value(value)).count() >= values.len()
        }
    };
    let is_personal = |value: &String| match column.declared {
        Some(_) => is_text_or_number(value),
        None => is_personal_value(value),
    };
    is_expected && !values.is_empty() && !values.iter().any(is_personal)
}

/// The values that become labels: all, or only known words. What the schema lists is known.
fn labels<'a>(pattern: &ColumnPattern, column: &SurveyedColumn, values: &'a [String]) -> Cow<'a, [String]> {
    if pattern.known && column.declared.is_none() {
        values.iter().filter(|value| consists_of_technical_words(value)).cloned().collect()
    } else {
        Cow::Borrowed(values)
    }
}
