//! Which queues get the dead letters of which others: from arguments, policies, exchanges and bindings. Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use super::loops;
use super::policy::{Policies, PolicyRow};
use super::queue::{Queue, Role, Settings};
use super::routing::{self, Budget, Destination, Exchange, Key, Matching};

/// The part of a broker's definitions that says where dead letters go. It changes seldom.
#[derive(Debug, Default)]
pub(super) struct Topology {
    vhosts: HashMap<String, Vhost>,
}

#[derive(Debug, Default)]
struct Vhost {
    policies: Policies,
    exchanges: HashMap<String, Exchange>,
    /// What is known of the routing keys with which messages come into a queue, without the default exchange.
    keys: HashMap<String, Vec<Key>>,
}

/// An exchange, as the management interface gives it.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ExchangeRow<'a> {
    #[serde(borrow)]
    pub(super) vhost: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub(super) exchange_type: Cow<'a, str>,
}

/// A binding, as the management interface gives it.
#[derive(Debug, serde::Deserialize)]
pub(super) struct BindingRow<'a> {
    #[serde(borrow)]
    pub(super) vhost: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) source: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) destination: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) destination_type: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) routing_key: Cow<'a, str>,
}

/// The dead letters of one queue go to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// Positions among the queues.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) exchange: String,
}

#[derive(Debug)]
pub(super) struct DeadLetters {
    pub(super) routes: Vec<Route>,
    /// One for each queue.
    pub(super) roles: Vec<Role>,
    /// Whether nothing had to be left out: see [`Budget`].
    pub(super) complete: bool,
}

/// Enough for 10,000 queues that each look at a hundred bindings; about a tenth of a second.
const BUDGET: usize = 1_000_000;

impl Topology {
    /// Policies alone: enough where no queue has a dead-letter exchange.
    pub(super) fn of(policies: Vec<PolicyRow>) -> Self {
        let mut topology = Self::default();
        for policy in policies {
            topology.vhost(&policy.vhost.clone()).policies.add(policy);
        }
        topology
    }

    /// Adds exchanges, and the bindings between them and queues.
    pub(super) fn with(mut self, exchanges: &[ExchangeRow<'_>], bindings: &[BindingRow<'_>]) -> Self {
        for row in exchanges.iter().filter(|row| !row.name.is_empty()) {
            let exchange = Exchange::new(Matching::of(&row.exchange_type));
            self.vhost(&row.vhost).exchanges.insert(row.name.to_string(), exchange);
        }
        for row in bindings.iter().filter(|row| !row.source.is_empty()) {
            self.vhost(&row.vhost).bind(row);
        }
        self
    }

    /// Whether any queue has a dead-letter exchange.
    pub(super) fn is_used_by(&self, queues: &[Queue]) -> bool {
        let nothing = Vhost::default();
        let settings = |queue: &Queue| self.vhosts.get(&queue.vhost).unwrap_or(&nothing).settings(queue);
        queues.iter().any(|queue| settings(queue).exchange.is_some())
    }

    fn vhost(&mut self, name: &str) -> &mut Vhost {
        self.vhosts.entry(name.to_owned()).or_default()
    }

    /// Resolves the dead-lettering of all queues at once.
    pub(super) fn resolve(&self, queues: &[Queue]) -> DeadLetters {
        let nothing = Vhost::default();
        let positions: HashMap<_, _> =
            queues.iter().enumerate().map(|(at, of)| ((of.vhost.as_str(), of.name.as_str()), at)).collect();
        let mut budget = Budget::of(BUDGET);
        let mut routes = Vec::new();
        let mut expires = vec![false; queues.len()];
        for (from, queue) in queues.iter().enumerate() {
            let vhost = self.vhosts.get(&queue.vhost).unwrap_or(&nothing);
            let settings = vhost.settings(queue);
            expires[from] = settings.expires;
            let Some(exchange) = settings.exchange else { continue };
            let targets = vhost.targets(&queue.name, &exchange, settings.routing_key, &mut budget);
            let positions =
                targets.iter().filter_map(|target| positions.get(&(queue.vhost.as_str(), target.as_str())));
            // A policy for all queues makes dead-letter queues send to themselves: that says nothing.
            let others = positions.copied().filter(|&to| to != from);
            routes.extend(others.map(|to| Route { from, to, exchange: exchange.clone() }));
        }
        let roles = roles(queues.len(), &routes, &expires);
        DeadLetters { routes, roles, complete: !budget.is_spent() }
    }
}

impl Vhost {
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

    /// The settings in force: an argument goes before a policy, each setting for itself.
    fn settings(&self, queue: &Queue) -> Settings {
        if queue.queue_type == "stream" {
            return Settings::default();
        }
        let (own, policy) = (&queue.arguments, self.policies.in_force(queue).cloned().unwrap_or_default());
        Settings {
            exchange: own.exchange.clone().or(policy.exchange),
            routing_key: own.routing_key.clone().or(policy.routing_key),
            expires: own.expires || policy.expires,
        }
    }

    fn targets(
        &self,
        queue: &str,
        exchange: &str,
        routing_key: Option<String>,
        budget: &mut Budget,
    ) -> Vec<String> {
        let keys = match routing_key {
            Some(key) => vec![Key::Exact(key)],
            // Dead letters keep the key with which they came.
            None => {
                let by_name = std::iter::once(Key::Exact(queue.to_owned()));
                by_name.chain(self.keys.get(queue).into_iter().flatten().cloned()).collect()
            }
        };
        if exchange.is_empty() {
            let exact = |key| if let Key::Exact(name) = key { Some(name) } else { None };
            return keys.into_iter().filter_map(exact).collect();
        }
        routing::reach(&self.exchanges, exchange, &keys, budget).into_iter().map(str::to_owned).collect()
    }
}

fn roles(queues: usize, routes: &[Route], expires: &[bool]) -> Vec<Role> {
    let edges: Vec<(usize, usize)> = routes.iter().map(|route| (route.from, route.to)).collect();
    let loops = loops::of(queues, &edges);
    // Only what expires goes round by itself: that is a retry, and what comes back is work again.
    let mut retries = vec![false; queues];
    for queue in (0..queues).filter(|&queue| expires[queue]) {
        if let Some(number) = loops[queue] {
            retries[number] = true;
        }
    }
    let mut roles = vec![Role::Work; queues];
    for &(from, to) in &edges {
        if expires[from] && roles[from] == Role::Work {
            roles[from] = Role::Delay;
        }
        if !loops[to].is_some_and(|number| retries[number]) {
            roles[to] = Role::DeadLetter;
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use super::*;

    fn queue(name: &str, arguments: &Value) -> Queue {
        let row = json!({"vhost": "/", "name": name, "type": "classic", "arguments": arguments});
        serde_json::from_value(row).unwrap()
    }

    fn policy(pattern: &str, priority: i64, definition: &Value) -> PolicyRow {
        let row = json!({"vhost": "/", "name": format!("{pattern} {priority}"), "pattern": pattern,
                         "apply-to": "all", "priority": priority, "definition": definition});
        serde_json::from_value(row).unwrap()
    }

    fn exchange<'a>(name: &'a str, exchange_type: &'a str) -> ExchangeRow<'a> {
        ExchangeRow { vhost: "/".into(), name: name.into(), exchange_type: exchange_type.into() }
    }

    fn binding<'a>(source: &'a str, key: &'a str, to: &'a str, destination_type: &'a str) -> BindingRow<'a> {
        BindingRow {
            vhost: "/".into(),
            source: source.into(),
            destination: to.into(),
            destination_type: destination_type.into(),
            routing_key: key.into(),
        }
    }

    fn routes(queues: &[Queue], found: &DeadLetters) -> Vec<String> {
        let name = |at: usize| &queues[at].name;
        found.routes.iter().map(|Route { from, to, .. }| format!("{} → {}", name(*from), name(*to))).collect()
    }

    fn dead_letter_queues<'a>(queues: &'a [Queue], found: &DeadLetters) -> Vec<&'a str> {
        let dead = queues.iter().zip(&found.roles).filter(|(_, role)| **role == Role::DeadLetter);
        dead.map(|(queue, _)| queue.name.as_str()).collect()
    }

    #[test]
    fn arguments_go_before_the_strongest_policy_each_for_itself() {
        let queues = [
            queue("a", &json!({})),
            queue("b", &json!({"x-dead-letter-exchange": ""})),
            queue("c", &json!({"x-dead-letter-routing-key": "weak"})),
            queue("amq.x", &json!({})),
            queue("strong", &json!([])),
            queue("weak", &json!({})),
        ];
        let to = |key: &str| json!({"dead-letter-exchange": "direct", "dead-letter-routing-key": key});
        let policies = vec![
            policy("^[abc]$", 1, &to("weak")),
            policy("^(?!amq\\.)[abcq.]", 9, &to("strong")),
            policy("", 0, &json!({"max-length": 5})),
        ];
        let bindings =
            [binding("direct", "strong", "strong", "queue"), binding("direct", "weak", "weak", "queue")];
        let found = Topology::of(policies).with(&[exchange("direct", "direct")], &bindings).resolve(&queues);
        assert_eq!(routes(&queues, &found), ["a → strong", "b → strong", "c → weak"]);
    }

    #[test]
    fn the_broker_s_word_on_the_policy_counts_most() {
        let mut queues = [queue("a", &json!({})), queue("b", &json!({})), queue("dead", &json!({}))];
        queues[0].policy = Some("^none$ 1".into());
        queues[1].policy = Some(String::new());
        let to = json!({"dead-letter-exchange": "", "dead-letter-routing-key": "dead"});
        let policies = vec![policy("^none$", 1, &to), policy("", 5, &to)];
        assert_eq!(routes(&queues, &Topology::of(policies).resolve(&queues)), ["a → dead"]);
    }

    #[test]
    fn a_dead_letter_keeps_its_key_where_none_is_set() {
        let dlx = json!({"x-dead-letter-exchange": "dlx"});
        let queues = [
            queue("mails", &dlx),
            queue("orders", &dlx),
            queue("all", &dlx),
            queue("mails.dead", &json!({})),
            queue("eu.dead", &json!({})),
            queue("by-name.dead", &json!({})),
            queue("us.dead", &json!({})),
        ];
        let exchanges = [
            exchange("mail", "direct"),
            exchange("events", "topic"),
            exchange("fan", "fanout"),
            exchange("dlx", "topic"),
        ];
        let bindings = [
            binding("mail", "welcome", "mails", "queue"),
            binding("events", "orders.eu.*", "orders", "queue"),
            binding("fan", "ignored", "all", "queue"),
            binding("dlx", "welcome", "mails.dead", "queue"),
            binding("dlx", "*.eu.#", "eu.dead", "queue"),
            binding("dlx", "orders", "by-name.dead", "queue"),
            binding("dlx", "*.us.#", "us.dead", "queue"),
        ];
        let found = Topology::default().with(&exchanges, &bindings).resolve(&queues);
        let expected = [
            "mails → mails.dead",
            "orders → by-name.dead",
            "orders → eu.dead",
            "all → by-name.dead",
            "all → eu.dead",
            "all → mails.dead",
            "all → us.dead",
        ];
        assert_eq!(routes(&queues, &found), expected);
    }

    #[test]
    fn exchanges_lead_to_exchanges_even_in_a_circle() {
        let queues = [queue("work", &json!({"x-dead-letter-exchange": "one"})), queue("dead", &json!({}))];
        let exchanges = [exchange("one", "fanout"), exchange("two", "fanout")];
        let bindings = [
            binding("one", "", "two", "exchange"),
            binding("two", "", "one", "exchange"),
            binding("two", "", "dead", "queue"),
        ];
        let found = Topology::default().with(&exchanges, &bindings).resolve(&queues);
        assert_eq!(routes(&queues, &found), ["work → dead"]);
    }

    #[test]
    fn a_policy_for_all_does_not_make_dead_letter_queues_work_queues() {
        let queues = ["work", "dead", "archive"].map(|name| queue(name, &json!({})));
        let policies = vec![policy(".*", 0, &json!({"dead-letter-exchange": "dlx"}))];
        let bindings = [binding("dlx", "", "dead", "queue"), binding("dlx", "", "archive", "queue")];
        let found = Topology::of(policies).with(&[exchange("dlx", "fanout")], &bindings).resolve(&queues);
        assert_eq!(dead_letter_queues(&queues, &found), ["dead", "archive"]);
    }

    #[test]
    fn a_retry_is_no_dead_letter_queue_but_what_leaves_it_is() {
        let to = |key: &str| json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": key});
        let mut wait = to("work");
        wait["x-message-ttl"] = json!(1000);
        let queues = [
            queue("work", &to("wait")),
            queue("wait", &wait),
            queue("other", &to("dead")),
            queue("dead", &json!({})),
        ];
        let found = Topology::default().resolve(&queues);
        assert_eq!(found.roles, [Role::Work, Role::Delay, Role::Work, Role::DeadLetter]);
    }

    #[test]
    fn many_queues_take_linear_time_and_too_many_bindings_an_end() {
        let names: Vec<_> = (0..10_000).map(|number| format!("tenant{number}.work")).collect();
        let dlx = json!({"x-dead-letter-exchange": "dlx"});
        let queues: Vec<_> = names.iter().map(|name| queue(name, &dlx)).collect();
        let keys: Vec<_> = (0..10_000).map(|number| format!("tenant{number}.#")).collect();
        let exchanges = [exchange("events", "topic"), exchange("dlx", "topic"), exchange("keyed", "direct")];
        let start = Instant::now();
        let keyed: Vec<_> = names.iter().map(|name| binding("dlx", name, "dead", "queue")).collect();
        let mut with_dead = queues.clone();
        with_dead.push(queue("dead", &json!({})));
        let found = Topology::default().with(&exchanges, &keyed).resolve(&with_dead);
        assert!(found.complete && found.routes.len() == 10_000);

        let mut wild: Vec<_> =
            names.iter().zip(&keys).map(|(name, key)| binding("events", key, name, "queue")).collect();
        wild.extend(names.iter().zip(&keys).map(|(name, key)| binding("dlx", key, name, "queue")));
        assert!(!Topology::default().with(&exchanges, &wild).resolve(&queues).complete);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
