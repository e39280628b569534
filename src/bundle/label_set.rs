//! The labels of the series that an expression returns.

use std::collections::BTreeSet;

use promql_parser::parser::token::{T_BOTTOMK, T_COUNT_VALUES, T_LIMIT_RATIO, T_LIMITK, T_LOR, T_TOPK};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector,
};

use super::checker::DashboardContext;

/// What Prometheus adds to every series that it scrapes.
pub(super) const OF_EVERY_SERIES: [&str; 3] = ["source", "job", "instance"];

/// The labels that series may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LabelSet {
    pub(super) names: BTreeSet<String>,
    pub(super) others: OtherLabels,
}

/// Which labels there may be beside those that are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OtherLabels {
    #[default]
    None,
    /// Those that the configuration of Prometheus adds to each target.
    OfTargets,
    /// Any: the metric is that of another job, or of a rule.
    Any,
}

impl LabelSet {
    /// The labels of what an expression returns.
    pub(super) fn of(expr: &Expr, context: &DashboardContext) -> Self {
        match expr {
            Expr::VectorSelector(selector) => Self::selected(selector, context),
            Expr::MatrixSelector(matrix) => Self::selected(&matrix.vs, context),
            Expr::Paren(inner) => Self::of(&inner.expr, context),
            Expr::Unary(inner) => Self::of(&inner.expr, context),
            Expr::Subquery(inner) => Self::of(&inner.expr, context),
            Expr::Aggregate(aggregate) => Self::aggregated(aggregate, context),
            Expr::Binary(binary) => Self::combined(binary, context),
            Expr::Call(call) => Self::returned(call, context),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Self::default(),
        }
    }

    /// Those of series of which nothing is known.
    pub(super) fn any() -> Self {
        Self { names: BTreeSet::new(), others: OtherLabels::Any }
    }

    /// The label that a short one is, with one letter too few. Other letters in its place may be a label of a target.
    pub(super) fn abbreviated(&self, short: &str) -> Option<&str> {
        let is_one = |long: &&str| {
            let mut letters = long.chars();
            long.len() == short.len() + 1 && short.chars().all(|letter| letters.any(|next| next == letter))
        };
        let is_known = self.others != OtherLabels::Any && short.len() > 2;
        self.names.iter().map(String::as_str).find(is_one).filter(|_| is_known)
    }

    /// Those that either has.
    pub(super) fn or(self, other: Self) -> Self {
        self.and(&other.names, other.others)
    }

    fn closed<'a>(names: impl IntoIterator<Item = &'a String>) -> Self {
        Self { names: names.into_iter().cloned().collect(), others: OtherLabels::None }
    }

    pub(super) fn selected(selector: &VectorSelector, context: &DashboardContext) -> Self {
        let known = selector.name.as_ref().and_then(|name| context.metrics.get(name));
        let own = known.and_then(|metric| metric.labels.as_ref());
        let others = if own.is_some() { OtherLabels::OfTargets } else { OtherLabels::Any };
        let own = own.into_iter().flatten().cloned();
        Self { names: own.chain(OF_EVERY_SERIES.map(str::to_owned)).collect(), others }
    }

    fn aggregated(
        AggregateExpr { op, expr, param, modifier }: &AggregateExpr,
        context: &DashboardContext,
    ) -> Self {
        let inner = Self::of(expr, context);
        let mut labels = match modifier {
            // These choose among series, and leave them as they are.
            _ if [T_TOPK, T_BOTTOMK, T_LIMITK, T_LIMIT_RATIO].contains(&op.id()) => inner,
            Some(LabelModifier::Include(kept)) => Self::closed(&kept.labels),
            Some(LabelModifier::Exclude(dropped)) => inner.without(&dropped.labels),
            None => Self::default(),
        };
        if let (T_COUNT_VALUES, Some(Expr::StringLiteral(label))) = (op.id(), param.as_deref()) {
            labels.names.insert(label.val.clone());
        }
        labels
    }

    fn combined(BinaryExpr { op, lhs, rhs, modifier }: &BinaryExpr, context: &DashboardContext) -> Self {
        let (left, right) = (Self::of(lhs, context), Self::of(rhs, context));
        if op.id() == T_LOR {
            return left.or(right);
        }
        if op.is_set_operator() {
            return left;
        }
        let is_scalar = |expr: &Expr| expr.value_type() == ValueType::Scalar;
        match (is_scalar(lhs), is_scalar(rhs), modifier) {
            (true, _, _) => right,
            (_, true, _) | (_, _, None) => left,
            (_, _, Some(modifier)) => match (&modifier.card, &modifier.matching) {
                (VectorMatchCardinality::ManyToOne(more), _) => left.and(&more.labels, OtherLabels::None),
                (VectorMatchCardinality::OneToMany(more), _) => right.and(&more.labels, OtherLabels::None),
                (_, Some(LabelModifier::Include(on))) => Self::closed(&on.labels),
                (_, Some(LabelModifier::Exclude(ignored))) => left.without(&ignored.labels),
                (_, None) => left,
            },
        }
    }

    fn returned(Call { func, args }: &Call, context: &DashboardContext) -> Self {
        let arguments = &args.args;
        let has_series =
            |argument: &&Expr| matches!(argument.value_type(), ValueType::Vector | ValueType::Matrix);
        let series = arguments.iter().map(AsRef::as_ref).find(has_series);
        let labels = series.map(|series| Self::of(series, context)).unwrap_or_default();
        match func.name {
            "label_replace" | "label_join" => {
                let made = arguments.get(1).and_then(|argument| match &**argument {
                    Expr::StringLiteral(label) => Some(&label.val),
                    _ => None,
                });
                labels.and(made, OtherLabels::None)
            }
            "histogram_quantile" | "histogram_fraction" => labels.without(&["le".to_owned()]),
            _ => labels,
        }
    }

    fn without(mut self, dropped: &[String]) -> Self {
        dropped.iter().for_each(|label| {
            self.names.remove(label);
        });
        self
    }

    fn and<'a>(mut self, more: impl IntoIterator<Item = &'a String>, others: OtherLabels) -> Self {
        self.names.extend(more.into_iter().cloned());
        self.others = self.others.max(others);
        self
    }
}
