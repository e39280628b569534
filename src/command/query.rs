//! `query NAME`: runs one declared query, and prints its rows and the series that they become.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use platform_core::metric::{Exposition, Family, Format, Lines, encode};
use platform_core::printable::printable;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Ask, Cell, Declared, Reading, ResultSet, Rows};
use serde_json::{Map, Value, json};

use super::probe::open_lanes;
use super::{Loaded, hint, series};
use crate::cli::{Flags, ResultFormat};
use crate::schedule::{ask, assemble, by_kind, plan};

/// A table shows this many rows.
const MOST_ROWS: usize = 50;

/// What a query returned.
pub struct Queried {
    /// The rows and series, in the requested format.
    pub text: String,
    /// Where what fixes them has to be run, if that is one place.
    pub target: String,
    /// Why the query failed, or which of its metrics are left out.
    pub problems: Vec<Problem>,
}

/// There is no such query.
#[derive(Debug, thiserror::Error)]
#[error("there is no query `{name}` in {origin}{hint}")]
pub struct NoSuchQuery {
    name: String,
    origin: String,
    hint: String,
}

/// Runs a declared query once.
///
/// # Errors
/// When the configuration declares no query of this name.
pub async fn query(
    flags: &Flags,
    loaded: &Loaded,
    name: &str,
    format: ResultFormat,
) -> Result<Queried, NoSuchQuery> {
    let Loaded { config, origin, .. } = loaded;
    let known = config.queries().iter().map(|query| query.spec.name.as_str());
    let declared = config.queries().iter().find(|query| query.spec.name == name).ok_or_else(|| {
        // Those of packs begin with its name.
        let of_packs =
            known.clone().filter(|known| known.rsplit_once('.').is_some_and(|(_, own)| own == name));
        let of_packs: Vec<_> = of_packs.map(|known| format!("`{known}`")).collect();
        let hint = match of_packs.is_empty() {
            true => hint(name, known),
            false => format!(": did you mean {}?", of_packs.join(" or ")),
        };
        NoSuchQuery { name: name.to_owned(), origin: origin.clone(), hint }
    })?;
    let assembly = assemble(config, &by_kind(Arc::default(), super::variable, flags.storage_path.as_deref()));
    let lanes = assembly.lanes.clone();
    let _probers = open_lanes(assembly);
    let (rows, took) = ask(declared, &lanes).await;
    let has_failed = rows.is_err();
    let (rows, mut problems) = match rows {
        Ok(rows) => (rows, Vec::new()),
        Err(problem) => (Rows::default(), vec![problem]),
    };
    let result =
        if problems.is_empty() { read(declared, rows.clone(), &mut problems) } else { ResultSet::default() };
    let source = config.sources().get(declared.ask.source());
    let language = source.and_then(|source| source.config.kind().facts().language);
    let steps = match language.filter(|language| language.has_plans && problems.is_empty()) {
        Some(_) => plan(declared, &lanes).await.unwrap_or_else(|problem| {
            problems.push(problem.context("its plan"));
            Rows::default()
        }),
        None => Rows::default(),
    };
    let answer = QueryAnswer { declared, rows, took, result, steps };
    let text = match format {
        ResultFormat::Table if has_failed => String::new(),
        ResultFormat::Table => answer.table(),
        ResultFormat::Prometheus => answer.exposition(),
        ResultFormat::Json => answer.json(&problems),
    };
    let target = match (&declared.ask, source) {
        (Ask::One { .. }, Some(source)) => source.config.definition().target(),
        _ => String::new(),
    };
    Ok(Queried { text, target, problems })
}

/// Reads rows as the first result of a query. What is wrong with them is added to `problems`.
pub(super) fn read(declared: &Declared, rows: Rows, problems: &mut Vec<Problem>) -> ResultSet {
    let mut result = Reading::new(Arc::new(declared.spec.clone()))
        .read(rows)
        .unwrap_or_else(|fault| ResultSet { faults: vec![fault], ..ResultSet::default() });
    problems.extend(result.faults.drain(..).map(|fault| Problem::new(Reason::Query, fault)));
    result
}

struct QueryAnswer<'a> {
    declared: &'a Declared,
    rows: Rows,
    took: Duration,
    result: ResultSet,
    /// Its plan, if the source has plans.
    steps: Rows,
}

impl QueryAnswer<'_> {
    /// For people.
    fn table(&self) -> String {
        let Self { declared, rows, took, result, steps } = self;
        let mut text = String::new();
        match rows.rows.is_empty() {
            true => text
                .push_str("no rows: nothing is exported, unless `expect` lists the labels to export as 0\n"),
            false => write_table(&mut text, rows, "NULL"),
        }
        text.push('\n');
        text.extend(self.exposition().lines().map(|line| printable(line) + "\n"));
        if !steps.rows.is_empty() {
            text.push('\n');
            write_table(&mut text, steps, "-");
        }
        let every = declared.every.get();
        let series: usize = result.families.iter().map(Family::series_count).sum();
        let other = match result.dropped {
            0 => String::new(),
            dropped => format!(", {dropped} label sets summed under `other`"),
        };
        let share = took.as_secs_f64() / every.as_secs_f64() * 100.0;
        writeln!(
            text,
            "\n{} row{}, {series} series{other}, {took:.1?}; every {}, that is {share:.2} % of the time of the connection \
             for queries of {}",
            rows.rows.len(),
            if rows.rows.len() == 1 { "" } else { "s" },
            humantime::format_duration(every),
            declared.ask.source()
        )
        .expect("a string takes everything");
        text
    }

    /// The series, in the text format.
    fn exposition(&self) -> String {
        let source = Arc::clone(self.declared.ask.source().as_arc());
        let lines = Lines::renew(&[], Some(&source), self.result.families.iter().cloned());
        let mut exposition = Exposition::default();
        exposition.put(Some(&source), lines);
        encode(&exposition, Format::Text)
    }

    /// For programs.
    fn json(&self, problems: &[Problem]) -> String {
        let Self { declared, rows, took, result, steps } = self;
        let cells = |row: &Vec<Cell>| row.iter().map(value).collect::<Vec<_>>();
        let source = declared.ask.source().as_str();
        let series: Vec<_> = result.families.iter().flat_map(|family| series::json(source, family)).collect();
        let json = json!({
            "query": declared.spec.name,
            "source": source,
            "every_seconds": declared.every.get().as_secs_f64(),
            "duration_seconds": took.as_secs_f64(),
            "columns": rows.columns,
            "rows": rows.rows.iter().map(cells).collect::<Vec<_>>(),
            "series": series,
            "plan": steps.rows.iter().map(|step| {
                steps.columns.iter().map(|column| column.replace(' ', "_")).zip(step.iter().map(value)).collect::<Map<_, _>>()
            }).collect::<Vec<_>>(),
            "dropped": result.dropped,
            "problems": series::problems_json(problems),
        });
        format!("{json:#}\n")
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Number(number) => Value::from(*number),
        Cell::Text(text) => Value::from(text.as_str()),
    }
}

/// The first rows, in columns.
fn write_table(text: &mut String, rows: &Rows, null: &str) {
    let shown = |row: &Vec<Cell>| {
        row.iter().map(|cell| cell.text().map_or_else(|| null.to_owned(), printable)).collect()
    };
    let mut lines: Vec<Vec<String>> = vec![rows.columns.iter().map(printable).collect()];
    lines.extend(rows.rows.iter().take(MOST_ROWS).map(shown));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..rows.columns.len()).map(width).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())
            .expect("a string takes everything");
    }
    if let Some(more) = rows.rows.len().checked_sub(MOST_ROWS).filter(|more| *more > 0) {
        writeln!(text, "… and {more} more").expect("a string takes everything");
    }
    if !rows.unread.is_empty() {
        let unread = rows.unread.join(", ");
        writeln!(text, "columns that no metric or label uses: {unread}").expect("a string takes everything");
    }
}
