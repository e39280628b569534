//! Where recipes apply: which tables and columns of a survey they are about.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::survey::{Column, ColumnPosition, Survey, Table};

use super::privacy::{is_personal_name, is_personal_value};
use super::recipe::{ColumnPattern, Recipe, TablePattern};

/// The values of columns that have few of them.
pub(super) type KnownValues = BTreeMap<ColumnPosition, Vec<String>>;

/// A recipe with the tables and columns that it has found.
#[derive(Debug)]
pub(super) struct Applied<'a> {
    pub(super) recipe: &'a Recipe,
    /// By the recipe's names.
    pub(super) tables: BTreeMap<&'a str, &'a Table>,
    /// By the recipe's names; without those that are optional and not there.
    pub(super) columns: BTreeMap<&'a str, FoundColumn<'a>>,
}

/// A column that a recipe has found.
#[derive(Clone, Debug)]
pub(super) struct FoundColumn<'a> {
    pub(super) table: &'a Table,
    pub(super) column: &'a Column,
    /// Its values, if they become labels.
    pub(super) values: &'a [String],
}

/// The columns whose values decide whether a recipe applies, and that are not about people.
pub(super) fn columns_to_read(recipes: &[&Recipe], survey: &Survey) -> Vec<ColumnPosition> {
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
fn may_be(pattern: &ColumnPattern, column: &Column) -> bool {
    pattern.name.rank(&column.name).is_some()
        && pattern.allows(column.column_type)
        && !(pattern.few && (column.is_key || is_personal_name(&column.name)))
}

/// Applies recipes to a survey: those that claim their tables first.
pub(super) fn apply<'a>(
    recipes: &[&'a Recipe],
    survey: &'a Survey,
    values: &'a KnownValues,
) -> Vec<Applied<'a>> {
    let (claiming, others): (Vec<_>, Vec<_>) = recipes.iter().partition(|recipe| recipe.head.claims);
    let mut claimed: BTreeSet<&str> = BTreeSet::new();
    let mut applied = Vec::new();
    for recipe in claiming {
        for found in find(recipe, survey, values, &claimed) {
            claimed.extend(found.tables.values().map(|table| table.written.as_str()));
            applied.push(found);
        }
    }
    applied.extend(others.into_iter().flat_map(|recipe| find(recipe, survey, values, &claimed)));
    applied
}

/// The places in a survey that a recipe is about. A recipe for several tables is about one of each, in one schema.
fn find<'a>(
    recipe: &'a Recipe,
    survey: &'a Survey,
    values: &'a KnownValues,
    claimed: &BTreeSet<&str>,
) -> Vec<Applied<'a>> {
    let mut patterns = recipe.head.finds.iter();
    let Some((first, pattern)) = patterns.next() else { return Vec::new() };
    let candidates = |pattern: &'a TablePattern| {
        survey.tables.iter().enumerate().filter(move |(_, table)| pattern.allows(&table.name))
    };
    let free = candidates(pattern).filter(|(_, table)| !claimed.contains(table.written.as_str()));
    let found = free.filter_map(|(position, table)| {
        let mut applied = Applied { recipe, tables: BTreeMap::new(), columns: BTreeMap::new() };
        applied.add(first, position, table, pattern, values)?;
        for (name, pattern) in patterns.clone() {
            let mut others = candidates(pattern).filter(|(_, other)| other.schema == table.schema);
            others.find_map(|(position, other)| applied.add(name, position, other, pattern, values))?;
        }
        Some(applied)
    });
    found.take(recipe.head.most).collect()
}

impl<'a> Applied<'a> {
    /// Adds a table, if it has the columns of the pattern.
    fn add(
        &mut self,
        name: &'a str,
        position: usize,
        table: &'a Table,
        pattern: &'a TablePattern,
        values: &'a KnownValues,
    ) -> Option<()> {
        let mut columns = Vec::new();
        for (name, pattern) in &pattern.columns {
            match find_column(pattern, position, table, values) {
                Some(column) => columns.push((name.as_str(), column)),
                None if pattern.optional => {}
                None => return None,
            }
        }
        self.tables.insert(name, table);
        self.columns.extend(columns);
        Some(())
    }
}

/// The column that a pattern prefers.
fn find_column<'a>(
    pattern: &ColumnPattern,
    position: usize,
    table: &'a Table,
    known: &'a KnownValues,
) -> Option<FoundColumn<'a>> {
    let columns = table.columns.iter().enumerate().filter(|(_, column)| may_be(pattern, column));
    let with_values = columns.filter_map(|(index, column)| {
        let read = || known.get(&ColumnPosition { table: position, column: index });
        let values = match pattern.few {
            true => column.declared.as_ref().or_else(read)?.as_slice(),
            false => &[],
        };
        let is_usable =
            !pattern.few || (!values.is_empty() && !values.iter().any(|value| is_personal_value(value)));
        is_usable.then_some(FoundColumn { table, column, values })
    });
    with_values.min_by_key(|found| pattern.name.rank(&found.column.name))
}
