//! The server's plan of a SELECT, with what each step has read.

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Cell, Rows};
use serde::Deserialize;

/// Runs the SELECT after it, and returns its plan.
pub(super) const EXPLAIN_ANALYZE: &str = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON)";

/// Returns the plan of the SELECT after it, which is not run.
pub(super) const EXPLAIN: &str = "EXPLAIN (FORMAT JSON)";

#[derive(Deserialize)]
struct Explained {
    #[serde(rename = "Plan")]
    plan: Step,
}

#[derive(Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"))]
struct Step {
    #[serde(rename = "Node Type")]
    operation: String,
    #[serde(rename = "Relation Name")]
    table: Option<String>,
    #[serde(rename = "Index Name")]
    index: Option<String>,
    #[serde(rename = "Total Cost")]
    cost: f64,
    /// In each of its loops, if it was run.
    #[serde(rename = "Actual Rows")]
    returned: Option<f64>,
    #[serde(rename = "Plan Rows", default)]
    expected: f64,
    #[serde(rename = "Rows Removed by Filter", default)]
    filtered: f64,
    #[serde(rename = "Rows Removed by Index Recheck", default)]
    rechecked: f64,
    #[serde(rename = "Actual Loops", default = "one")]
    loops: f64,
    #[serde(default)]
    plans: Vec<Self>,
}

const fn one() -> f64 {
    1.0
}

/// The steps of a plan, a row for each.
pub(super) fn steps(explained: &Rows) -> Result<Rows, Problem> {
    let text = explained.rows.first().and_then(|row| row.first()?.text()).unwrap_or_default();
    let explained: Vec<Explained> = serde_json::from_str(&text)
        .map_err(|error| Problem::new(Reason::Protocol, format_args!("the plan: {error}")))?;
    let mut rows = Rows {
        columns: ["step", "table", "index", "rows read", "cost"].map(str::to_owned).to_vec(),
        ..Rows::default()
    };
    explained.iter().for_each(|explained| explained.plan.add(0, &mut rows.rows));
    Ok(rows)
}

impl Step {
    fn add(&self, depth: usize, rows: &mut Vec<Vec<Cell>>) {
        let name = |name: &Option<String>| name.clone().map_or(Cell::Null, Cell::Text);
        let returned = self.returned.unwrap_or(self.expected);
        let read = (returned + self.filtered + self.rechecked) * self.loops;
        rows.push(vec![
            Cell::Text(format!("{}{}", "  ".repeat(depth), self.operation)),
            name(&self.table),
            name(&self.index),
            self.table.as_ref().map_or(Cell::Null, |_| Cell::Number(read.round())),
            Cell::Number(self.cost),
        ]);
        self.plans.iter().for_each(|step| step.add(depth + 1, rows));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_read_what_it_filtered_as_well() {
        let plan = r#"[{"Plan": {"Node Type": "Aggregate", "Total Cost": 24.1, "Actual Rows": 1, "Actual Loops": 1, "Plans": [
            {"Node Type": "Index Scan", "Relation Name": "parcels", "Index Name": "parcels_pkey", "Total Cost": 20.0,
             "Actual Rows": 10.50, "Rows Removed by Filter": 2, "Actual Loops": 2}]}, "Execution Time": 0.1}]"#;
        let explained = Rows { rows: vec![vec![Cell::Text(plan.to_owned())]], ..Rows::default() };
        let text = |text: &str| Cell::Text(text.to_owned());
        assert_eq!(
            steps(&explained).unwrap().rows,
            [
                vec![text("Aggregate"), Cell::Null, Cell::Null, Cell::Null, Cell::Number(24.1)],
                vec![
                    text("  Index Scan"),
                    text("parcels"),
                    text("parcels_pkey"),
                    Cell::Number(25.0),
                    Cell::Number(20.0)
                ],
            ]
        );
        assert_eq!(steps(&Rows::default()).unwrap_err().reason, Reason::Protocol);
    }
}
