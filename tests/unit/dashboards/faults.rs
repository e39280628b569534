//! What is wrong with a dashboard, with its place in the file.

use super::{HEAD, render};

/// One fault of each sort: all are reported, each at its place in the pack's file.
#[test]
fn all_faults_are_reported_at_once() {
    let dashboard = "  variables:
    - {name: a b, query: x, list: [y]}
  rows:
    - panels: []
    - panels:
        - {stat: A, timeseries: A, expr: shop_users}
        - {stat: B, expr: shop_users, unit: byte}
        - {stat: C, expr: shop_users, tresholds: {warning: 1}}
        - {stat: D, expr: shop_users / shop_users}
        - {stat: E, expr: nothing_known}
        - {timeseries: F, expr: shop_users, trend: 1d}
        - {stat: G, expr: shop_users, link: postgers}
        - {table: H, columns: [{label: plan}], help: None.}
        - {stat: I, help: None.}
        - {stat: J, expr: shop_users, width: 30}
        - {text: K}
        - {table: L, columns: [{label: plan, bar: true}, {name: N, expr: shop_users, bar: true, image: true}]}
        - {heatmap: M, expr: shop_users, name: a}
";
    let first = HEAD.lines().count() + 1;
    let at = |line: usize| first + line - 1;
    let expected = [
        format!("{}:7: dashboard.variables[0]: expected exactly one of query, sql, list, typed", at(2)),
        format!("{}:14: dashboard.variables[0].name: expected letters, digits and `_`", at(2)),
        format!("{}:15: dashboard.rows[0].panels: expected at least one panel", at(4)),
        format!(
            "{}:11: dashboard.rows[1].panels[0]: expected exactly one of stat, status, timeseries, bar, pie, heatmap, table, states, problems, alerts, text, with the title as its value",
            at(6)
        ),
        format!(
            "{}:11: dashboard.rows[1].panels[3]: expected `unit`: it cannot be inferred from the names \
             (percent is a ratio, where 1 is 100 %)",
            at(9)
        ),
        format!(
            "{}:11: dashboard.rows[1].panels[4]: expected `help`: a sentence about what the values mean",
            at(10)
        ),
        format!("{}:52: dashboard.rows[1].panels[5].trend: has no meaning for a panel of this type", at(11)),
        format!(
            "{}:45: dashboard.rows[1].panels[6].link: expected `kind`, the name of a dashboard, or an address (did you mean `postgres`?)",
            at(12)
        ),
        format!(
            "{}:31: dashboard.rows[1].panels[7].columns: expected `sql`, or columns of which some have `label` and some `expr`",
            at(13)
        ),
        format!("{}:11: dashboard.rows[1].panels[8]: expected exactly one of expr, sql, series", at(14)),
        format!("{}:46: dashboard.rows[1].panels[9].width: expected 1 to 24", at(15)),
        format!("{}:11: dashboard.rows[1].panels[10]: the key `markdown` is missing", at(16)),
        format!("{}:51: dashboard.rows[1].panels[11].columns[0].bar: expected a column with numbers", at(17)),
        format!("{}:58: dashboard.rows[1].panels[11].columns[1]: expected only one of image, bar", at(17)),
        format!("{}:48: dashboard.rows[1].panels[12].name: has no meaning for a panel of this type", at(18)),
    ];
    let found = render(dashboard).unwrap_err().to_string();
    let found: Vec<_> = found.lines().map(|line| line.trim_start_matches("shop.yml:")).collect();
    let units = format!("{}:45: dashboard.rows[1].panels[1].unit: expected one of count, number, ", at(7));
    let keys = format!("{}:39: dashboard.rows[1].panels[2].tresholds: unknown key (", at(8));
    let (of_types, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|line| line.starts_with(&units) || line.starts_with(&keys));
    assert_eq!(others, expected.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(of_types[0].ends_with("found `byte` (did you mean `bytes`?)"), "{of_types:?}");
    assert!(of_types[1].ends_with("(did you mean `thresholds`?)"), "{of_types:?}");
}
