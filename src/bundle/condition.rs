//! Whether an alert has a condition, or fires as long as there is data.

use promql_parser::parser::{BinaryExpr, Expr, VectorSelector};

use super::checker::DashboardContext;

/// The functions that return nothing as long as there is data, and the one of alerts that always fire, to test the way of
/// notifications.
const WITHOUT_DATA: [&str; 3] = ["absent", "absent_over_time", "vector"];

/// Whether an expression may return nothing although its metrics are there.
pub(super) fn has_condition(expr: &Expr, context: &DashboardContext) -> bool {
    let inner = |expr: &Expr| has_condition(expr, context);
    match expr {
        Expr::VectorSelector(selector) => may_be_a_condition(selector, context),
        Expr::MatrixSelector(matrix) => may_be_a_condition(&matrix.vs, context),
        Expr::Paren(paren) => inner(&paren.expr),
        Expr::Unary(unary) => inner(&unary.expr),
        Expr::Subquery(subquery) => inner(&subquery.expr),
        Expr::Aggregate(aggregate) => inner(&aggregate.expr),
        Expr::Call(call) => {
            WITHOUT_DATA.contains(&call.func.name) || call.args.args.iter().any(|argument| inner(argument))
        }
        Expr::Binary(BinaryExpr { op, lhs, rhs, modifier }) => {
            let is_number = modifier.as_ref().is_some_and(|modifier| modifier.return_bool);
            (op.is_comparison_operator() && !is_number) || op.is_set_operator() || inner(lhs) || inner(rhs)
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => false,
    }
}

/// A series of another job or of a rule may be there only while something is wrong, as those of `ALERTS` are.
fn may_be_a_condition(selector: &VectorSelector, context: &DashboardContext) -> bool {
    let known = selector.name.as_ref().and_then(|name| context.metrics.get(name));
    known.is_none_or(|metric| metric.labels.is_none())
}
