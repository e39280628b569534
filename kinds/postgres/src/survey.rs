//! The tables and columns of a database, from its catalogue and statistics.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Cell, Columns, Lane, Question, Rows, WantedAnswer};
use platform_core::survey::{
    ColumnPosition, ColumnType, MOST_VALUES, QueryCost, ScriptLanguage, SourceSurvey, SurveyedColumn,
    SurveyedTable, Surveyor, TableUse,
};

use super::check_constraint::values_of_check;
use super::epochs::find_epochs;
use super::grants::sql_text;
use super::question::select;

/// Only this many tables are looked at, the largest first.
const MOST_TABLES: usize = 500;

/// The columns of so many tables are read at once.
const TABLES_AT_ONCE: usize = 100;

/// Without statistics, the values of a column are those of so many rows.
const ROWS_LOOKED_AT: usize = 1000;

/// Of so many columns.
const MOST_LOOKED_AT: usize = 100;

/// The processor time for one unit of the planner's cost: reading a page from memory, or a hundred rows of it. On the safe
/// side: PostgreSQL 15 takes about half of it to count the rows of a large table by a state.
const UNIT: Duration = Duration::from_micros(10);

/// The same if every page comes from a disk.
const COLD_UNIT: Duration = Duration::from_micros(40);

/// The longest name.
const LONGEST_NAME: usize = 63;

/// Nothing of extensions and of the server itself. A partitioned table is one, with the rows of all partitions. The size
/// is that of the last VACUUM or ANALYZE: the real one would read the file system for each table.
const TABLES: &str = "
    SELECT c.oid::bigint AS id, n.nspname AS schema, c.relname AS name,
           CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.' END
             || pg_catalog.quote_ident(c.relname) AS written,
           greatest(c.reltuples, s.n_live_tup, partitions.rows, 0) AS rows,
           (SELECT count(*) FROM pg_catalog.pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f') AS references,
           c.relrowsecurity AS row_security,
           pg_catalog.has_schema_privilege(n.oid, 'USAGE')
             AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT') AS readable,
           count(*) OVER () AS all_tables
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_stat_user_tables s ON s.relid = c.oid
    LEFT JOIN LATERAL (
      SELECT sum(greatest(p.reltuples, 0)) AS rows
      FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhrelid
      WHERE i.inhparent = c.oid AND c.relkind = 'p'
    ) partitions ON true
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
    ORDER BY rows DESC, written
    LIMIT ";

/// The columns of some tables. A domain counts as the type below it.
const COLUMNS: &str = "
    SELECT a.attrelid::bigint AS id, a.attname AS name, pg_catalog.quote_ident(a.attname) AS written,
           b.typname AS type, b.typcategory AS category,
           EXISTS (
             SELECT FROM pg_catalog.pg_index i
             WHERE i.indrelid = a.attrelid AND i.indkey[0] = a.attnum AND i.indisvalid AND i.indpred IS NULL
           ) AS indexed,
           EXISTS (
             SELECT FROM pg_catalog.pg_constraint k
             WHERE k.conrelid = a.attrelid AND k.contype IN ('p', 'u', 'f') AND k.conkey = ARRAY[a.attnum]
           ) AS key,
           (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)
            FROM pg_catalog.pg_enum e WHERE e.enumtypid = b.oid) AS labels,
           (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
            WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) AS default_value,
           (SELECT pg_catalog.json_agg(pg_catalog.pg_get_constraintdef(k.oid))
            FROM pg_catalog.pg_constraint k
            WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]) AS checks
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
    WHERE a.attnum > 0 AND NOT a.attisdropped AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')
      AND a.attrelid IN (";

/// The common values of some columns. A negative number of distinct values is a share of the rows. `pg_stats` shows an
/// account only what it can read.
const VALUES: &str = "
    SELECT s.schemaname AS schema, s.tablename AS name, s.attname AS column,
           CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * greatest(c.reltuples, 0) ELSE s.n_distinct END AS distinct,
           pg_catalog.to_json(s.most_common_vals::text::text[]) AS common
    FROM pg_catalog.pg_stats s
    JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
    WHERE (s.schemaname, s.tablename, s.attname) IN (";

/// Surveys databases.
#[derive(Debug)]
pub(super) struct PgSurveyor;

#[async_trait::async_trait]
impl Surveyor for PgSurveyor {
    async fn tables(&self, lane: &Lane, timeout: Duration) -> Result<SourceSurvey, Problem> {
        let rows = select(lane, format!("{TABLES}{MOST_TABLES}"), timeout).await?;
        let all = rows.rows.first().map_or(0.0, |row| rows.number(row, "all_tables"));
        let mut survey =
            SourceSurvey { not_looked_at: (all as usize) - rows.rows.len(), ..SourceSurvey::default() };
        let mut by_id = BTreeMap::new();
        for row in &rows.rows {
            if rows.number(row, "readable") == 0.0 {
                survey.unreadable += 1;
                continue;
            }
            by_id.insert(rows.text(row, "id"), survey.tables.len());
            survey.tables.push(SurveyedTable {
                schema: rows.text(row, "schema"),
                name: rows.text(row, "name"),
                written: rows.text(row, "written"),
                rows: rows.number(row, "rows"),
                references: rows.number(row, "references") as usize,
                has_row_security: rows.number(row, "row_security") == 1.0,
                columns: Vec::new(),
            });
        }
        let ids: Vec<_> = by_id.keys().cloned().collect();
        for ids in ids.chunks(TABLES_AT_ONCE) {
            let sql = format!("{COLUMNS}{}) ORDER BY a.attrelid, a.attnum", ids.join(", "));
            let rows = select(lane, sql, timeout).await?;
            for row in &rows.rows {
                let column = column(&rows, row)?;
                survey.tables[by_id[&rows.text(row, "id")]].columns.push(column);
            }
        }
        find_epochs(lane, &mut survey, timeout).await?;
        Ok(survey)
    }

    async fn values(
        &self,
        lane: &Lane,
        survey: &SourceSurvey,
        columns: &[ColumnPosition],
        timeout: Duration,
    ) -> Result<Vec<(ColumnPosition, Vec<String>)>, Problem> {
        if columns.is_empty() {
            return Ok(Vec::new());
        }
        let names = |position: &ColumnPosition| {
            let table = &survey.tables[position.table];
            (table.schema.clone(), table.name.clone(), table.columns[position.column].name.clone())
        };
        let listed = columns.iter().map(names).map(|(schema, table, column)| {
            format!("({}, {}, {})", sql_text(&schema), sql_text(&table), sql_text(&column))
        });
        let sql = format!("{VALUES}{})", listed.collect::<Vec<_>>().join(", "));
        let rows = select(lane, sql, timeout).await?;
        let mut known = BTreeMap::new();
        for row in &rows.rows {
            let name = (rows.text(row, "schema"), rows.text(row, "name"), rows.text(row, "column"));
            let values: Option<Vec<String>> = list(&rows.text(row, "common"))?;
            known.insert(name, (rows.number(row, "distinct"), values.unwrap_or_default()));
        }
        let (mut few, mut looked_at) = (Vec::new(), 0);
        for position in columns {
            let values = match known.remove(&names(position)) {
                Some((distinct, _)) if distinct > MOST_VALUES as f64 => continue,
                // Values that are in one row each are not common.
                Some((distinct, values)) if values.len() as f64 >= distinct.floor() => values,
                _ if looked_at == MOST_LOOKED_AT => continue,
                _ => {
                    looked_at += 1;
                    first_values(lane, survey, *position, timeout).await?
                }
            };
            if (1..=MOST_VALUES).contains(&values.len()) {
                few.push((*position, values));
            }
        }
        Ok(few)
    }

    async fn cost(
        &self,
        lane: &Lane,
        _survey: &SourceSurvey,
        query: &Question,
        timeout: Duration,
    ) -> Result<QueryCost, Problem> {
        let plan = lane.ask(&query.wanting(WantedAnswer::Estimate), &Columns::All, timeout).await?;
        let units = plan.rows.first().map_or(0.0, |row| plan.number(row, "cost"));
        Ok(QueryCost { processor: UNIT.mul_f64(units), longest: COLD_UNIT.mul_f64(units) })
    }

    fn script_language(&self) -> ScriptLanguage {
        ScriptLanguage { extension: "sql", comment: "--", run: "psql -f" }
    }

    fn role(&self, existing: &str, uses: &[TableUse], _queries: &[Question]) -> String {
        self.script_language().with_grants(existing, &grants(uses))
    }

    fn index(&self, table: &str, column: &str) -> String {
        let words = format!("{table}_{column}").replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        let name: String = words.trim_matches('_').chars().take(LONGEST_NAME - "_idx".len()).collect();
        let name = quoted(&format!("{name}_idx"));
        format!("CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} ({column});\n")
    }
}

/// A name as it is written in SQL. Names in double quotes are never wrong.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// The values of a column in the first rows of its table.
async fn first_values(
    lane: &Lane,
    survey: &SourceSurvey,
    position: ColumnPosition,
    timeout: Duration,
) -> Result<Vec<String>, Problem> {
    let table = &survey.tables[position.table];
    let column = &table.columns[position.column].written;
    let sql = format!(
        "SELECT DISTINCT value FROM (SELECT {column}::text AS value FROM {} LIMIT {ROWS_LOOKED_AT}) first_rows \
         WHERE value IS NOT NULL ORDER BY value LIMIT {}",
        table.written,
        MOST_VALUES + 1
    );
    match select(lane, sql, timeout).await {
        Ok(rows) => Ok(rows.rows.iter().map(|row| rows.text(row, "value")).collect()),
        // The first rows of a table may be far away, after many that are deleted.
        Err(problem) if matches!(problem.reason, Reason::Timeout | Reason::Slow) => Ok(Vec::new()),
        Err(problem) => Err(problem),
    }
}

fn column(rows: &Rows, row: &[Cell]) -> Result<SurveyedColumn, Problem> {
    let (type_name, category) = (rows.text(row, "type"), rows.text(row, "category"));
    let labels: Option<Vec<String>> = list(&rows.text(row, "labels"))?;
    let checks: Option<Vec<String>> = list(&rows.text(row, "checks"))?;
    let checked = checks.unwrap_or_default().iter().find_map(|check| values_of_check(check));
    Ok(SurveyedColumn {
        name: rows.text(row, "name"),
        written: rows.text(row, "written"),
        column_type: match (type_name.as_str(), category.as_str()) {
            ("timestamptz", _) => ColumnType::Time,
            ("timestamp", _) => ColumnType::LocalTime,
            ("date", _) => ColumnType::Date,
            (_, "N") => ColumnType::Number,
            (_, "S" | "E") => ColumnType::Text,
            (_, "B") => ColumnType::Bool,
            _ => ColumnType::Other,
        },
        as_time: None,
        is_indexed: rows.number(row, "indexed") == 1.0,
        is_key: rows.number(row, "key") == 1.0,
        defaults_to_now: is_now(&rows.text(row, "default_value")),
        declared: labels.or(checked),
    })
}

/// Whether a default is the present.
fn is_now(expression: &str) -> bool {
    let expression = expression.to_ascii_lowercase();
    ["now()", "current_timestamp", "clock_timestamp()", "statement_timestamp()", "current_date"]
        .iter()
        .any(|now| expression.contains(now))
}

fn list(json: &str) -> Result<Option<Vec<String>>, Problem> {
    if json.is_empty() {
        return Ok(None);
    }
    let list: Vec<Option<String>> =
        serde_json::from_str(json).map_err(|error| Problem::new(Reason::Protocol, error))?;
    Ok(Some(list.into_iter().flatten().collect()))
}
/// The commands that allow the account what queries read.
fn grants(uses: &[TableUse]) -> String {
    let schemas: BTreeSet<_> =
        uses.iter().map(|used| used.schema.as_str()).filter(|schema| *schema != "public").collect();
    let schemas = schemas
        .into_iter()
        .map(|schema| format!("GRANT USAGE ON SCHEMA {} TO platform_exporter;\n", quoted(schema)));
    let tables = uses.iter().map(|TableUse { table, columns, .. }| {
        let columns = columns.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("GRANT SELECT ({columns}) ON {table} TO platform_exporter;\n")
    });
    let policies = uses.iter().filter(|used| used.has_row_security).map(|TableUse { table, .. }| {
        format!(
            "-- {table} has row-level security. The account sees no row of it without a policy such as\n\
             -- CREATE POLICY platform_exporter ON {table} FOR SELECT TO platform_exporter USING (true);\n"
        )
    });
    schemas.chain(tables).chain(policies).collect()
}
