//! Which queues dead-letter into which, and which get what exchanges cannot route: from arguments, policies, exchanges
//! and bindings. Pure.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use platform_core::bounded::{self, NAME};

use super::loops;
use super::policy::{MOST_PATTERNS, Policies, PolicyRow};
use super::queue::{Queue, QueueType, Role};
use super::routing::{self, Budget, Destination, ExchangeBindings, Matching, RoutingKey};
use super::unroutable;

/// The part of a broker's definitions that determines where dead letters go. It rarely changes.
#[derive(Debug, Default)]
pub(super) struct Topology {
    vhosts: HashMap<String, Vhost>,
}

#[derive(Debug, Default)]
struct Vhost {
    policies: Policies,
    operator_policies: Policies,
    exchanges: HashMap<String, ExchangeBindings>,
    /// What is known of the routing keys of messages entering a queue, without the default exchange.
    keys: HashMap<String, Vec<RoutingKey>>,
}

/// An exchange, as the management API returns it.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ExchangeRow<'a> {
    #[serde(borrow, deserialize_with = "bounded::borrowed::<NAME, _>")]
    pub(super) vhost: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "bounded::borrowed::<NAME, _>")]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, rename = "type", deserialize_with = "bounded::borrowed::<NAME, _>")]
    pub(super) exchange_type: Cow<'a, str>,
    #[serde(default)]
    pub(super) arguments: ExchangeArguments,
    /// The name of the policy in force.
    #[serde(default, deserialize_with = "bounded::optional::<NAME, _>")]
    pub(super) policy: Option<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct ExchangeArguments {
    #[serde(rename = "alternate-exchange", deserialize_with = "bounded::optional::<NAME, _>")]
    pub(super) alternate: Option<String>,
}

/// A binding, as the management API returns it.
#[derive(Debug, serde::Deserialize)]
pub(super) struct BindingRow<'a> {
    #[serde(borrow, deserialize_with = "bounded::borrowed::<NAME, _>")]
    pub(super) vhost: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "bounded::borrowed::<NAME, _>")]
    pub(super) source: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "bounded::borrowed::<NAME, _>")]
    pub(super) destination: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "bounded::borrowed::<NAME, _>")]
    pub(super) destination_type: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "bounded::borrowed::<NAME, _>")]
    pub(super) routing_key: Cow<'a, str>,
}

/// The settings of one queue.
#[derive(Default)]
struct InForce<'a> {
    exchange: Option<&'a str>,
    routing_key: Option<&'a str>,
    expires: bool,
}

/// A queue that dead-letters into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeadLetterRoute {
    /// Positions among the queues.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) exchange: Arc<str>,
}

#[derive(Debug)]
pub(super) struct DeadLetters {
    pub(super) routes: Vec<DeadLetterRoute>,
    /// One per queue.
    pub(super) roles: Vec<Role>,
    /// The positions of queues that get what exchanges cannot route.
    pub(super) unroutable: Vec<usize>,
    /// Whether the [`Budget`] was enough for everything.
    pub(super) complete: bool,
}

/// Enough for 10,000 queues with a hundred bindings each; about a tenth of a second. The same limit applies to
/// policies.
const BUDGET: usize = 1_000_000;

/// Enough for 100,000 queues that each dead-letter into two others.
const MOST_ROUTES: usize = 200_000;

impl Topology {
    /// Policies and exchanges: enough where no queue has a dead-letter exchange, and no exchange an alternate one.
    pub(super) fn of(
        policies: Vec<PolicyRow>,
        operator_policies: Vec<PolicyRow>,
        exchanges: &[ExchangeRow<'_>],
    ) -> Self {
        let mut topology = Self::default();
        for (number, policy) in policies.into_iter().enumerate() {
            topology.vhost(&policy.vhost.clone()).policies.add(policy, number < MOST_PATTERNS);
        }
        for (number, policy) in operator_policies.into_iter().enumerate() {
            topology.vhost(&policy.vhost.clone()).operator_policies.add(policy, number < MOST_PATTERNS);
        }
        for row in exchanges.iter().filter(|row| !row.name.is_empty()) {
            topology.vhost(&row.vhost).add(row);
        }
        topology
    }

    /// Adds the bindings between exchanges and queues.
    pub(super) fn with(mut self, bindings: &[BindingRow<'_>]) -> Self {
        for row in bindings.iter().filter(|row| !row.source.is_empty()) {
            self.vhost(&row.vhost).bind(row);
        }
        self
    }

    /// Whether bindings matter: some queue has a dead-letter exchange, or some exchange an alternate one.
    pub(super) fn needs_bindings(&self, queues: &[Queue]) -> bool {
        let exchanges = self.vhosts.values().flat_map(|vhost| vhost.exchanges.values());
        if exchanges.filter_map(ExchangeBindings::alternate).next().is_some() {
            return true;
        }
        let nothing = Vhost::default();
        let vhost = |queue: &Queue| self.vhosts.get(&queue.vhost).unwrap_or(&nothing);
        let mut budget = Budget::of(BUDGET);
        let is_used = queues.iter().any(|queue| vhost(queue).settings(queue, &mut budget).exchange.is_some());
        is_used || budget.is_spent()
    }

    fn vhost(&mut self, name: &str) -> &mut Vhost {
        self.vhosts.entry(name.to_owned()).or_default()
    }

    /// Resolves the dead-lettering of all queues at once.
    pub(super) fn resolve(&self, queues: &[Queue]) -> DeadLetters {
        let nothing = Vhost::default();
        let positions: HashMap<_, _> =
            queues.iter().enumerate().map(|(at, of)| ((of.vhost.as_str(), of.name.as_str()), at)).collect();
        let (mut policies, mut budget) = (Budget::of(BUDGET), Budget::of(BUDGET));
        let mut routes = Vec::new();
        let mut expires = vec![false; queues.len()];
        for (from, queue) in queues.iter().enumerate() {
            let vhost = self.vhosts.get(&queue.vhost).unwrap_or(&nothing);
            let settings = vhost.settings(queue, &mut policies);
            expires[from] = settings.expires;
            let Some(exchange) = settings.exchange else { continue };
            let targets = vhost.targets(&queue.name, exchange, settings.routing_key, &mut budget);
            let positions =
                targets.iter().filter_map(|target| positions.get(&(queue.vhost.as_str(), target.as_str())));
            // A policy for all queues makes dead-letter queues send to themselves: ignore that.
            let others = positions.copied().filter(|&to| to != from);
            let exchange = Arc::<str>::from(exchange);
            let room = MOST_ROUTES - routes.len();
            routes.extend(others.take(room).map(|to| DeadLetterRoute {
                from,
                to,
                exchange: Arc::clone(&exchange),
            }));
        }
        let unroutable = self.unroutable(&positions, &mut budget);
        let roles = roles(queues, &routes, &expires, &unroutable);
        let complete = !budget.is_spent() && !policies.is_spent() && routes.len() < MOST_ROUTES;
        DeadLetters { routes, roles, unroutable, complete }
    }

    fn unroutable(&self, positions: &HashMap<(&str, &str), usize>, budget: &mut Budget) -> Vec<usize> {
        let mut found = Vec::new();
        for (name, vhost) in &self.vhosts {
            let queues = unroutable::queues(&vhost.exchanges, budget);
            found.extend(queues.iter().filter_map(|queue| positions.get(&(name.as_str(), *queue))));
        }
        found
    }
}

impl Vhost {
    /// Policies have to be known: an argument overrides them.
    fn add(&mut self, row: &ExchangeRow<'_>) {
        let by_policy = || self.policies.alternate_exchange(row.policy.as_deref()?);
        let alternate = row.arguments.alternate.as_deref().or_else(by_policy).map(str::to_owned);
        let exchange = ExchangeBindings::new(Matching::of(&row.exchange_type), alternate);
        self.exchanges.insert(row.name.to_string(), exchange);
    }

    fn bind(&mut self, row: &BindingRow<'_>) {
        let Some(exchange) = self.exchanges.get_mut(row.source.as_ref()) else { return };
        let name = row.destination.to_string();
        if row.destination_type == "queue" {
            let key = exchange.matching().key_of(&row.routing_key);
            self.keys.entry(name.clone()).or_default().push(key);
            exchange.bind(&row.routing_key, Destination::Queue(name));
        } else {
            exchange.bind(&row.routing_key, Destination::Exchange(name));
        }
    }

    /// The effective settings: arguments override policies, setting by setting, and of several times to live the
    /// shortest counts.
    fn settings<'a>(&'a self, queue: &'a Queue, budget: &mut Budget) -> InForce<'a> {
        if queue.queue_type == QueueType::Stream {
            return InForce::default();
        }
        let policies = [
            Some(&queue.arguments),
            self.operator_policies.in_force(queue, queue.operator_policy.as_deref(), budget),
            self.policies.in_force(queue, queue.policy.as_deref(), budget),
        ];
        let in_force = || policies.into_iter().flatten();
        InForce {
            exchange: in_force().find_map(|settings| settings.exchange.as_deref()),
            routing_key: in_force().find_map(|settings| settings.routing_key.as_deref()),
            expires: in_force().any(|settings| settings.expires),
        }
    }

    fn targets(
        &self,
        queue: &str,
        exchange: &str,
        routing_key: Option<&str>,
        budget: &mut Budget,
    ) -> Vec<String> {
        let keys = match routing_key {
            Some(key) => vec![RoutingKey::Exact(key.to_owned())],
            // Dead letters keep their routing key.
            None => {
                let by_name = std::iter::once(RoutingKey::Exact(queue.to_owned()));
                let known = self.keys.get(queue).into_iter().flatten().take_while(|_| budget.spend());
                by_name.chain(known.cloned()).collect()
            }
        };
        if exchange.is_empty() {
            let exact = |key| if let RoutingKey::Exact(name) = key { Some(name) } else { None };
            return keys.into_iter().filter_map(exact).collect();
        }
        routing::reach(&self.exchanges, exchange, &keys, budget).into_iter().map(str::to_owned).collect()
    }
}

fn roles(queues: &[Queue], routes: &[DeadLetterRoute], expires: &[bool], unroutable: &[usize]) -> Vec<Role> {
    let edges: Vec<(usize, usize)> = routes.iter().map(|route| (route.from, route.to)).collect();
    let loops = loops::of(queues.len(), &edges);
    // Only expired messages come back without a consumer: that is a retry, so they are work again.
    let mut retries = vec![false; queues.len()];
    for queue in (0..queues.len()).filter(|&queue| expires[queue]) {
        if let Some(number) = loops[queue] {
            retries[number] = true;
        }
    }
    let is_delay = |queue: usize| expires[queue] && !queues[queue].had_consumers;
    let mut roles = vec![Role::Work; queues.len()];
    let (mut gets_failures, mut leads_on) = (vec![false; queues.len()], vec![false; queues.len()]);
    for &(from, to) in &edges {
        leads_on[from] = true;
        if is_delay(from) {
            roles[from] = Role::Delay;
        } else {
            gets_failures[to] = true;
        }
    }
    for &(_, to) in &edges {
        let is_retried = loops[to].is_some_and(|number| retries[number]);
        // What a delay hands on is work where somebody takes it, or where it goes on if it fails.
        let is_work = !gets_failures[to] && (leads_on[to] || queues[to].had_consumers);
        if !is_retried && !is_work {
            roles[to] = Role::DeadLetter;
        }
    }
    // What nobody wanted is parked like dead letters, unless somebody takes it after all.
    let mut is_target = vec![false; queues.len()];
    edges.iter().for_each(|&(_, to)| is_target[to] = true);
    for &queue in unroutable {
        if roles[queue] == Role::Work && !is_target[queue] && !queues[queue].had_consumers {
            roles[queue] = Role::DeadLetter;
        }
    }
    roles
}

#[cfg(test)]
mod tests;
