//! PromQL in dashboards and rules: whether it is PromQL, and whether the names in it are those of what is exported.
//!
//! A name that nothing here exports may be that of another job, and a label one that Prometheus adds. It is an error if it
//! resembles one that is exported, and noted otherwise.

use std::convert::Infallible;

use platform_core::yaml::{self, Faults, Node, Path, Value};
use promql_parser::parser::{self, BinaryExpr, Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};

use super::bare_duration;
use super::checker::DashboardContext;
use super::condition::has_condition;
use super::expected_values::{self, ANY_VALUE};
use super::label_set::{LabelSet, OtherLabels};
use super::promql_syntax;
use super::wrong::{Wrong, report};

/// What [`check`] finds.
pub(super) struct ExprCheck {
    pub(super) wrong: Vec<Wrong>,
    /// The labels of what the expression returns.
    pub(super) labels: LabelSet,
    /// Whether it may return nothing although its metrics are there.
    pub(super) has_condition: bool,
}

/// The series that Prometheus makes for every job, and of alerts;
const OF_PROMETHEUS: [&str; 3] = ["up", "ALERTS", "ALERTS_FOR_STATE"];
/// and what the names of those start with that it and Alertmanager export themselves.
const PREFIXES_OF_PROMETHEUS: [&str; 3] = ["scrape_", "prometheus_", "alertmanager_"];

/// Reports what is wrong with the expressions below a node of a dashboard: those under the key `expr`, and what selects
/// sources, under `matchers`.
pub(super) fn check_tree(node: &Node, path: &Path, context: &DashboardContext, faults: &mut Faults) {
    for (key, child) in node.entries() {
        let above = path;
        let path = path.key(&key.text);
        match &child.value {
            Value::String(expr) if key.text == "expr" => {
                let checked = check(&without_variables(expr), context);
                report(&checked.wrong, child, &path, faults);
                let has_error = checked.wrong.iter().any(|wrong| !wrong.may_be_meant);
                if let Some(legend) = node.get("name").filter(|_| !has_error) {
                    let text = legend.text().unwrap_or_default();
                    let wrong = labels_in(text).filter_map(|label| check_label(label, &checked.labels));
                    let wrong: Vec<_> = wrong.chain(left_open(text)).collect();
                    report(&wrong, legend, &above.key("name"), faults);
                }
            }
            Value::String(matchers) if key.text == "matchers" => {
                let selector = format!("platform_source_up{{{}}}", without_variables(matchers));
                report(&check(&selector, context).wrong, child, &path, faults);
            }
            _ => check_tree(child, &path, context, faults),
        }
    }
    for (index, element) in node.elements().iter().enumerate() {
        check_tree(element, &path.index(index), context, faults);
    }
}

/// The labels in a legend, as in `{{source}}`.
fn labels_in(legend: &str) -> impl Iterator<Item = &str> {
    legend.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0.trim()))
}

/// An action that a template or legend does not close.
pub(super) fn left_open(template: &str) -> Option<Wrong> {
    let open = template.split("{{").skip(1).find(|action| !action.contains("}}"))?;
    let message = format!("`{{{{{}` has no end", open.trim_end());
    Some(Wrong::error(message, Some("close it with `}}`".to_owned())))
}

/// What is wrong with an expression.
pub(super) fn check(text: &str, context: &DashboardContext) -> ExprCheck {
    let expr = match parser::parse(text) {
        Ok(expr) => expr,
        Err(error) => {
            let wrong = vec![promql_syntax::wrong(text, &error)];
            return ExprCheck { wrong, labels: LabelSet::any(), has_condition: true };
        }
    };
    let wrong = bare_duration::check(text).into_iter().collect();
    let mut names = Names { context, wrong, has_wrong_labels: false };
    let Ok(_) = walk_expr(&mut names, &expr);
    // A label that is kept under a misspelt name is right elsewhere.
    let labels = if names.has_wrong_labels { LabelSet::any() } else { LabelSet::of(&expr, context) };
    ExprCheck { wrong: names.wrong, labels, has_condition: has_condition(&expr, context) }
}

/// What is wrong with a label, given those that there may be.
pub(super) fn check_label(label: &str, labels: &LabelSet) -> Option<Wrong> {
    if labels.names.contains(label) {
        return None;
    }
    let known = || labels.names.iter().map(String::as_str);
    let listed =
        if labels.names.is_empty() { "none".to_owned() } else { known().collect::<Vec<_>>().join(", ") };
    let message = format!("there is no label `{label}` here; the labels are {listed}");
    let meant = yaml::meant_by(label, known()).or_else(|| labels.abbreviated(label));
    match (meant, labels.others) {
        (Some(meant), _) => Some(Wrong::error(message, Some(format!("did you mean `{meant}`?")))),
        (None, OtherLabels::None) => Some(Wrong::error(message, None)),
        (None, OtherLabels::OfTargets) => Some(Wrong::note(format!(
            "no series here has the label `{label}`, only {listed}: it is taken for one that Prometheus adds"
        ))),
        (None, OtherLabels::Any) => None,
    }
}

/// Collects what is wrong with names.
struct Names<'a> {
    context: &'a DashboardContext,
    wrong: Vec<Wrong>,
    /// Whether a label is wrong by which series are aggregated or matched.
    has_wrong_labels: bool,
}

impl ExprVisitor for Names<'_> {
    type Error = Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Infallible> {
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Aggregate(aggregate) => {
                let inner = LabelSet::of(&aggregate.expr, self.context);
                self.modifier(aggregate.modifier.as_ref(), &inner);
                if let Some(param) = &aggregate.param {
                    walk_expr(self, param)?;
                }
            }
            Expr::Binary(BinaryExpr { lhs, rhs, modifier: Some(modifier), .. }) => {
                let either = LabelSet::of(lhs, self.context).or(LabelSet::of(rhs, self.context));
                self.modifier(modifier.matching.as_ref(), &either);
            }
            _ => {}
        }
        Ok(true)
    }
}

impl Names<'_> {
    /// The labels after `by`, `without`, `on` or `ignoring`.
    fn modifier(&mut self, modifier: Option<&LabelModifier>, there: &LabelSet) {
        let Some(LabelModifier::Include(given) | LabelModifier::Exclude(given)) = modifier else { return };
        let wrong: Vec<_> = given.labels.iter().filter_map(|label| check_label(label, there)).collect();
        self.has_wrong_labels |= wrong.iter().any(|wrong| !wrong.may_be_meant);
        self.wrong.extend(wrong);
    }

    fn selector(&mut self, selector: &VectorSelector) {
        let Some(name) = &selector.name else { return };
        if !self.context.metrics.contains_key(name) {
            let known = self.context.metrics.keys().map(String::as_str);
            match yaml::meant_by(name, known) {
                _ if self.context.has_unknown_metrics => {}
                Some(meant) => self.wrong.push(Wrong::error(
                    format!("nothing exports the metric {name}"),
                    Some(format!("did you mean `{meant}`?")),
                )),
                None if is_of_prometheus(name) => {}
                None => self.wrong.push(Wrong::note(format!(
                    "nothing here exports the metric {name}: it is taken for one of another job"
                ))),
            }
            return;
        }
        let known = LabelSet::selected(selector, self.context);
        let matchers = &selector.matchers;
        let matchers = matchers.matchers.iter().chain(matchers.or_matchers.iter().flatten());
        let expected = self.context.metrics.get(name).and_then(|metric| metric.expected.as_ref());
        self.wrong.extend(matchers.filter_map(|matcher| {
            check_label(&matcher.name, &known).or_else(|| expected_values::check(matcher, expected))
        }));
    }
}

fn is_of_prometheus(name: &str) -> bool {
    OF_PROMETHEUS.contains(&name) || PREFIXES_OF_PROMETHEUS.iter().any(|prefix| name.starts_with(prefix))
}

/// An expression with values in place of Grafana's variables.
fn without_variables(expr: &str) -> String {
    let (mut text, mut rest) = (String::new(), expr);
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, after) = braced.unwrap_or_else(|| {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            after.split_at(end.unwrap_or(after.len()))
        });
        let is_duration = text.trim_end().ends_with(['[', ':']) || text.trim_end().ends_with("offset");
        let is_quoted = ['"', '\''].iter().any(|quote| text.matches(*quote).count() % 2 == 1);
        match is_quoted {
            true => text.push(ANY_VALUE),
            false if is_duration || name.starts_with("__interval") => text.push_str("5m"),
            false => text.push('1'),
        }
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use platform_core::metric::Desc;

    use super::super::label_set::OF_EVERY_SERIES;
    use super::*;

    fn context() -> DashboardContext {
        let mut context = DashboardContext::default();
        context.know([
            Desc::gauge("shop_parcels", &["status", "carrier"], "Parcels."),
            Desc::counter("shop_orders_total", &["plan"], "Orders."),
        ]);
        context
    }

    fn messages(expr: &str) -> Vec<String> {
        let ExprCheck { wrong, .. } = check(&without_variables(expr), &context());
        let wrong = wrong.into_iter().filter(|wrong| !wrong.may_be_meant);
        let text = |wrong: Wrong| {
            [Some(wrong.message), wrong.hint].into_iter().flatten().collect::<Vec<_>>().join(": ")
        };
        wrong.map(text).collect()
    }

    fn notes(expr: &str) -> Vec<String> {
        let wrong = check(expr, &context()).wrong.into_iter();
        wrong.filter(|wrong| wrong.may_be_meant).map(|wrong| wrong.message).collect()
    }

    fn labels(expr: &str) -> (Vec<String>, OtherLabels) {
        let LabelSet { names, others } = check(expr, &context()).labels;
        (names.into_iter().filter(|name| !OF_EVERY_SERIES.contains(&name.as_str())).collect(), others)
    }

    #[test]
    fn what_is_right_or_of_another_job_passes() {
        for expr in [
            r#"sum by (status) (shop_parcels{source="$db", carrier=~"${carrier:regex}"})"#,
            "increase(shop_orders_total[$__rate_interval]) > $limit",
            "max_over_time(shop_parcels[1d:$step] offset $before)",
            r#"up{job="node"} unless on (instance) node_load1{cluster="eu"}"#,
            "sum by (pod, region) (shop_parcels)",
            "topk(5, shop_parcels) / ignoring (carrier) group_left shop_parcels",
        ] {
            assert_eq!(messages(expr), [""; 0], "{expr}");
        }
    }

    #[test]
    fn names_of_other_jobs_are_noted() {
        assert_eq!(
            notes("up unless on (instance) node_load1 and on () ALERTS and scrape_duration_seconds"),
            ["nothing here exports the metric node_load1: it is taken for one of another job"]
        );
    }

    #[test]
    fn labels_that_only_prometheus_can_add_are_noted() {
        let note = "no series here has the label `region`, only carrier, instance, job, source, status: it is taken for \
                    one that Prometheus adds";
        for expr in ["sum by (region) (shop_parcels)", r#"shop_parcels{region="eu"}"#] {
            assert_eq!(notes(expr), [note], "{expr}");
        }
        assert_eq!(notes("sum by (region) (node_load1)").len(), 1, "only the metric is unknown");
    }

    #[test]
    fn typing_errors_are_reported_with_what_was_meant() {
        assert_eq!(
            messages("sum(shop_parcel)"),
            ["nothing exports the metric shop_parcel: did you mean `shop_parcels`?"]
        );
        let label = "there is no label `carier` here; the labels are carrier, instance, job, source, status: \
                     did you mean `carrier`?";
        assert_eq!(messages(r#"shop_parcels{carier="dhl"}"#), [label]);
        assert_eq!(messages("sum by (carier) (shop_parcels)"), [label]);
        assert!(messages("sum(shop_parcels").concat().starts_with("this is not PromQL: "));
        let gone = messages("sum by (carrier) (sum by (status) (shop_parcels))");
        assert_eq!(gone, ["there is no label `carrier` here; the labels are status"]);
    }

    #[test]
    fn a_short_label_is_misspelt_if_a_letter_is_missing() {
        let label =
            "there is no label `pla` here; the labels are instance, job, plan, source: did you mean `plan`?";
        assert_eq!(messages("sum by (pla) (shop_orders_total)"), [label]);
        assert_eq!(messages("sum by (pod, dc, pl) (shop_orders_total)"), [""; 0]);
        assert_eq!(messages("sum by (jobs) (node_load1)"), [""; 0], "it may be one of another job");
    }

    #[test]
    fn what_series_are_matched_by_is_a_label_of_either_side() {
        for keyword in ["on", "ignoring"] {
            let expr = format!("shop_parcels / {keyword} (statuss) shop_orders_total");
            let messages = messages(&expr).concat();
            assert!(messages.ends_with("did you mean `status`?"), "{messages}");
        }
        assert_eq!(messages("shop_parcels and on (plan) shop_orders_total"), [""; 0]);
    }

    #[test]
    fn nothing_follows_from_a_misspelt_label() {
        for expr in ["sum by (carier) (shop_parcels)", "shop_parcels * on (carier) shop_parcels"] {
            let ExprCheck { wrong, labels, .. } = check(expr, &context());
            assert_eq!((wrong.len(), check_label("carrier", &labels)), (1, None), "{expr}");
        }
    }

    #[test]
    fn the_labels_of_a_result_are_those_that_the_operators_keep() {
        let closed = |names: &[&str]| {
            (names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), OtherLabels::None)
        };
        assert_eq!(labels("sum by (status) (shop_parcels)"), closed(&["status"]));
        assert_eq!(labels("sum(shop_parcels) > 5"), closed(&[]));
        assert_eq!(labels("shop_parcels / on (carrier) shop_parcels"), closed(&["carrier"]));
        assert_eq!(
            labels("histogram_fraction(0, 1, sum by (le, status) (shop_parcels))"),
            closed(&["status"])
        );
        let all = (vec!["carrier".to_owned(), "status".to_owned()], OtherLabels::OfTargets);
        assert_eq!(labels("5 < -rate(shop_parcels[5m])"), all);
        assert_eq!(labels("topk(1, shop_parcels) and on (status) shop_orders_total"), all);
        let (names, _) =
            labels(r#"label_replace(sum by (status) (shop_parcels), "to", "$1", "status", "(.*)")"#);
        assert_eq!(names, ["status", "to"]);
    }
}
