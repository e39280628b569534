//! The tables and columns that a SELECT names: what its account has to be able to read.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableFactor, TableWithJoins, Visit, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// A table, a view or another relation in a SELECT.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TableRead {
    /// If the SELECT names it.
    pub(super) schema: Option<String>,
    pub(super) name: String,
    pub(super) columns: ColumnsRead,
}

/// The columns of a table that a SELECT reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ColumnsRead {
    /// Every one, as `*` does.
    All,
    /// These, as far as the table has them: which one of several tables has a column is not in the text.
    Named(BTreeSet<String>),
}

/// The tables of a SELECT; none if its text is beyond the parser.
pub(super) fn tables_read(sql: &str) -> Vec<TableRead> {
    let Ok(statements) = Parser::parse_sql(&PostgreSqlDialect {}, sql) else { return Vec::new() };
    let mut names = Names::default();
    let ControlFlow::Continue(()) = statements.visit(&mut names);
    names.tables()
}

/// The names in a SELECT.
#[derive(Default)]
struct Names {
    /// Each with the name that qualifies its columns.
    tables: Vec<(ObjectName, String)>,
    /// Those of WITH: they are no tables.
    common: BTreeSet<String>,
    columns: BTreeSet<String>,
    qualified: BTreeSet<(String, String)>,
    /// Of which tables all columns are read.
    whole: BTreeSet<String>,
    reads_all: bool,
}

/// A name as the server reads it.
fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(folded)
}

impl Names {
    fn tables(self) -> Vec<TableRead> {
        let mut tables: Vec<TableRead> = Vec::new();
        for (name, alias) in &self.tables {
            let Some(own) = last(name) else { continue };
            let schema = name.0.iter().rev().nth(1).and_then(|part| part.as_ident()).map(folded);
            if schema.is_none() && self.common.contains(&own) {
                continue;
            }
            let columns = self.columns_of(alias);
            match tables.iter_mut().find(|table| (&table.schema, &table.name) == (&schema, &own)) {
                Some(table) => table.columns.add(columns),
                None => tables.push(TableRead { schema, name: own, columns }),
            }
        }
        tables
    }

    fn columns_of(&self, alias: &str) -> ColumnsRead {
        // A table by itself is a row with all of its columns: `row_to_json(users)`.
        if self.reads_all || self.whole.contains(alias) || self.columns.contains(alias) {
            return ColumnsRead::All;
        }
        let own = self.qualified.iter().filter(|(qualifier, _)| qualifier == alias).map(|(_, column)| column);
        ColumnsRead::Named(own.chain(&self.columns).cloned().collect())
    }

    fn join(&mut self, table: &TableWithJoins) {
        for join in &table.joins {
            let (JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)) = &join.join_operator
            else {
                continue;
            };
            match constraint {
                JoinConstraint::Using(columns) | JoinConstraint::UsingAlias(columns, _) => {
                    self.columns.extend(columns.iter().filter_map(last));
                }
                JoinConstraint::Natural => self.reads_all = true,
                JoinConstraint::On(_) | JoinConstraint::None => {}
            }
        }
    }
}

impl ColumnsRead {
    fn add(&mut self, more: Self) {
        match (self, more) {
            (Self::Named(columns), Self::Named(more)) => columns.extend(more),
            (all, _) => *all = Self::All,
        }
    }
}

impl Visitor for Names {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.common.extend(tables.map(|table| folded(&table.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(_) => self.reads_all = true,
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    self.whole.extend(last(name));
                }
                _ => {}
            }
        }
        select.from.iter().for_each(|table| self.join(table));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<Self::Break> {
        if let TableFactor::Table { name, alias, args: None, .. } = table {
            let alias = alias.as_ref().map(|alias| folded(&alias.name)).or_else(|| last(name));
            self.tables.extend(alias.map(|alias| (name.clone(), alias)));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        match expression {
            Expr::Identifier(column) => _ = self.columns.insert(folded(column)),
            Expr::CompoundIdentifier(parts) => {
                if let [.., table, column] = parts.as_slice() {
                    self.qualified.insert((folded(table), folded(column)));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each table with its columns.
    fn read(sql: &str) -> Vec<String> {
        let shown = |table: TableRead| {
            let schema = table.schema.map(|schema| format!("{schema}.")).unwrap_or_default();
            let columns = match table.columns {
                ColumnsRead::All => "*".to_owned(),
                ColumnsRead::Named(columns) => columns.into_iter().collect::<Vec<_>>().join(", "),
            };
            format!("{schema}{}({columns})", table.name)
        };
        tables_read(sql).into_iter().map(shown).collect()
    }

    #[test]
    fn columns_are_those_of_every_clause() {
        let sql = "SELECT status, count(*) FROM Parcels WHERE created_at > now() - interval '1 day' GROUP BY 1 ORDER BY max(weight)";
        assert_eq!(read(sql), ["parcels(created_at, status, weight)"]);
        assert_eq!(read("SELECT count(*) FROM shop.\"Orders\""), ["shop.Orders()"]);
    }

    #[test]
    fn qualified_columns_are_of_their_table() {
        let sql = "SELECT p.status, c.name FROM parcels p JOIN carriers AS c ON c.id = p.carrier_id";
        assert_eq!(read(sql), ["parcels(carrier_id, status)", "carriers(id, name)"]);
        assert_eq!(read("SELECT a.x FROM a JOIN b USING (id)"), ["a(id, x)", "b(id)"]);
    }

    #[test]
    fn a_star_or_a_row_is_every_column() {
        assert_eq!(read("SELECT * FROM parcels"), ["parcels(*)"]);
        assert_eq!(read("SELECT p.*, c.id FROM parcels p, carriers c"), ["parcels(*)", "carriers(id)"]);
        assert_eq!(read("SELECT row_to_json(parcels) FROM parcels"), ["parcels(*)"]);
        assert_eq!(read("SELECT count(*) FROM a NATURAL JOIN b"), ["a(*)", "b(*)"]);
    }

    #[test]
    fn common_tables_and_functions_are_no_tables() {
        let sql = "WITH late AS (SELECT id FROM parcels WHERE due < now()) \
                   SELECT count(*) FROM late, generate_series(1, 2) WHERE EXISTS (SELECT 1 FROM carriers)";
        assert_eq!(read(sql), ["parcels(due, id)", "carriers(due, id)"]);
    }

    #[test]
    fn what_the_parser_does_not_know_is_no_table() {
        assert!(read("SELECT count(").is_empty());
    }
}
