//! Which queues get what exchanges cannot route, by their alternate exchanges. Pure.

use std::collections::{HashMap, HashSet};

use super::routing::{self, Budget, ExchangeBindings};

/// The queues that get messages only because no other queue wanted them: all that lead to them are alternate exchanges,
/// or exchanges behind one.
///
/// A queue that is bound to another exchange as well gets messages that are meant for it.
pub(super) fn queues<'a>(
    exchanges: &'a HashMap<String, ExchangeBindings>,
    budget: &mut Budget,
) -> HashSet<&'a str> {
    let starts: HashSet<&str> = exchanges.values().filter_map(ExchangeBindings::alternate).collect();
    if starts.is_empty() {
        return HashSet::new();
    }
    let behind = routing::exchanges_behind(exchanges, starts, budget);
    let (mut unroutable, mut wanted) = (HashSet::new(), HashSet::new());
    for (name, exchange) in exchanges {
        let found = if behind.contains(name.as_str()) { &mut unroutable } else { &mut wanted };
        found.extend(exchange.queues().take_while(|_| budget.spend()));
    }
    unroutable.difference(&wanted).copied().collect()
}
