//! The same series for every exporter with user-defined queries: rows of a query whose values all change.

use std::fmt::Write;

/// The maximum of one declared query.
const LARGEST: usize = 10_000;

/// One query per this many rows; the last one has the remainder.
fn questions(rows: usize) -> impl Iterator<Item = (usize, String)> {
    (0..rows).step_by(LARGEST).enumerate().map(move |(number, first)| {
        let last = (first + LARGEST).min(rows);
        let value = "floor(random() * 1000000)::float";
        let sql = format!(
            "SELECT 'tenant-' || n AS tenant, {value} AS value FROM generate_series({}, {last}) AS n",
            first + 1
        );
        (number, sql)
    })
}

/// The items of `queries:` for a source. Results are kept for an hour, whatever happens to the source.
pub(crate) fn platform_exporter(source: &str, rows: usize, every: &str) -> String {
    let mut items = String::new();
    for (number, sql) in questions(rows) {
        let metric = format!("{{name: bench_{number}, value: value, help: Of a tenant.}}");
        writeln!(
            items,
            "  - {{name: bench_{number}, source: {source}, every: {every}, max_age: 1h, max_series: {LARGEST}, \
             labels: [tenant], metrics: [{metric}], sql: \"{sql}\"}}"
        )
        .expect("a string takes everything");
    }
    items
}

/// The file for `--extend.query-path`.
pub(crate) fn postgres_exporter(rows: usize) -> String {
    let mut file = String::new();
    for (number, sql) in questions(rows) {
        let metrics =
            "[{tenant: {usage: LABEL, description: Tenant.}}, {value: {usage: GAUGE, description: Value.}}]";
        writeln!(file, "bench_{number}: {{query: \"{sql}\", metrics: {metrics}}}")
            .expect("a string takes everything");
    }
    file
}

/// The file for `-config.file`.
pub(crate) fn sql_exporter(url: &str, rows: usize, interval: &str) -> String {
    let query = |(number, sql): (usize, String)| {
        format!(
            "{{name: bench_{number}, help: Of a tenant., labels: [tenant], values: [value], query: \"{sql}\"}}"
        )
    };
    let queries = questions(rows).map(query).collect::<Vec<_>>().join(", ");
    format!("jobs: [{{name: bench, interval: {interval}, connections: ['{url}'], queries: [{queries}]}}]\n")
}
