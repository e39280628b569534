//! Dead letters in topologies of every kind.

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
    ExchangeRow {
        vhost: "/".into(),
        name: name.into(),
        exchange_type: exchange_type.into(),
        arguments: ExchangeArguments::default(),
        policy: None,
    }
}

/// An exchange with an alternate one.
fn leading<'a>(name: &'a str, exchange_type: &'a str, alternate: &str) -> ExchangeRow<'a> {
    let arguments = ExchangeArguments { alternate: Some(alternate.to_owned()) };
    ExchangeRow { arguments, ..exchange(name, exchange_type) }
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
    found
        .routes
        .iter()
        .map(|DeadLetterRoute { from, to, .. }| format!("{} → {}", name(*from), name(*to)))
        .collect()
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
    let found =
        Topology::of(policies, vec![], &[exchange("direct", "direct")]).with(&bindings).resolve(&queues);
    assert_eq!(routes(&queues, &found), ["a → strong", "b → strong", "c → weak"]);
}

/// Exchanges and bindings are only read where some queue dead-letters.
#[test]
fn arguments_and_policies_with_a_dead_letter_exchange_need_the_topology() {
    let plain = [queue("a", &json!({})), queue("b", &json!({"x-message-ttl": 1}))];
    let by = |definition: &Value| Topology::of(vec![policy("^a$", 1, definition)], vec![], &[]);
    assert!(!Topology::default().needs_bindings(&plain));
    assert!(!by(&json!({"message-ttl": 1})).needs_bindings(&plain));
    assert!(by(&json!({"dead-letter-exchange": "x"})).needs_bindings(&plain));
    assert!(Topology::default().needs_bindings(&[queue("c", &json!({"x-dead-letter-exchange": ""}))]));
}

#[test]
fn the_broker_s_word_on_the_policy_counts_most() {
    let mut queues = [queue("a", &json!({})), queue("b", &json!({})), queue("dead", &json!({}))];
    queues[0].policy = Some("^none$ 1".into());
    queues[1].policy = Some(String::new());
    let to = json!({"dead-letter-exchange": "", "dead-letter-routing-key": "dead"});
    let policies = vec![policy("^none$", 1, &to), policy("", 5, &to)];
    assert_eq!(routes(&queues, &Topology::of(policies, vec![], &[]).resolve(&queues)), ["a → dead"]);
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
    let found = Topology::of(vec![], vec![], &exchanges).with(&bindings).resolve(&queues);
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
    let found = Topology::of(vec![], vec![], &exchanges).with(&bindings).resolve(&queues);
    assert_eq!(routes(&queues, &found), ["work → dead"]);
    assert!(found.complete);
}

/// The default exchange routes to the queue that the key names; a binding with a wildcard does not say which.
#[test]
fn a_key_that_is_kept_names_a_queue_of_the_default_exchange() {
    let queues = [queue("work", &json!({"x-dead-letter-exchange": ""})), queue("dead", &json!({}))];
    let found = |key: &str| {
        let bindings = [binding("events", key, "work", "queue")];
        let topology = Topology::of(vec![], vec![], &[exchange("events", "topic")]).with(&bindings);
        routes(&queues, &topology.resolve(&queues))
    };
    assert_eq!(found("dead"), ["work → dead"]);
    assert!(found("*").is_empty());
}

#[test]
fn a_policy_for_all_does_not_make_dead_letter_queues_work_queues() {
    let queues = ["work", "dead", "archive"].map(|name| queue(name, &json!({})));
    let policies = vec![policy(".*", 0, &json!({"dead-letter-exchange": "dlx"}))];
    let bindings = [binding("dlx", "", "dead", "queue"), binding("dlx", "", "archive", "queue")];
    let found = Topology::of(policies, vec![], &[exchange("dlx", "fanout")]).with(&bindings).resolve(&queues);
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

/// The workers publish what failed to the queue that waits, so nothing leads back there.
#[test]
fn what_a_delay_hands_on_is_work() {
    let to = |key: &str| json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": key});
    let expiring = |key: &str| {
        let mut arguments = to(key);
        arguments["x-message-ttl"] = json!(1000);
        arguments
    };
    let roles = |queues: &[Queue]| Topology::default().resolve(queues).roles;
    let queues = [queue("retry", &expiring("posts")), queue("posts", &to("dead")), queue("dead", &json!({}))];
    assert_eq!(roles(&queues), [Role::Delay, Role::Work, Role::DeadLetter]);

    let mut queues = [queue("retry", &expiring("mails")), queue("mails", &json!({}))];
    assert_eq!(roles(&queues), [Role::Delay, Role::DeadLetter], "nobody takes what expires");
    queues[1].had_consumers = true;
    assert_eq!(roles(&queues), [Role::Delay, Role::Work]);

    let steps = [
        queue("retry-1m", &expiring("retry-5m")),
        queue("retry-5m", &expiring("posts")),
        queue("posts", &to("dead")),
        queue("dead", &json!({})),
    ];
    assert_eq!(roles(&steps), [Role::Delay, Role::Delay, Role::Work, Role::DeadLetter]);
}

/// Messages that nobody takes in time are dead letters, and the queue that they leave is still work.
#[test]
fn a_work_queue_whose_messages_expire_is_no_delay() {
    let expiring = json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "expired",
                          "x-message-ttl": 1000});
    let mut queues = [queue("orders", &expiring), queue("expired", &json!({}))];
    queues[0].had_consumers = true;
    assert_eq!(Topology::default().resolve(&queues).roles, [Role::Work, Role::DeadLetter]);
}

#[test]
fn routes_beyond_the_limit_are_left_out() {
    let each = 450;
    let dlx = json!({"x-dead-letter-exchange": "dlx"});
    let names: Vec<_> = (0..each).map(|number| format!("dead{number}")).collect();
    let mut queues: Vec<_> = names.iter().map(|name| queue(name, &json!({}))).collect();
    queues.extend((0..each).map(|number| queue(&format!("work{number}"), &dlx)));
    let bindings: Vec<_> = names.iter().map(|name| binding("dlx", "", name, "queue")).collect();
    let found = Topology::of(vec![], vec![], &[exchange("dlx", "fanout")]).with(&bindings).resolve(&queues);
    assert_eq!((found.routes.len(), found.complete), (MOST_ROUTES, false));
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
    let found = Topology::of(vec![], vec![], &exchanges).with(&keyed).resolve(&with_dead);
    assert!(found.complete && found.routes.len() == 10_000);

    let mut wild: Vec<_> =
        names.iter().zip(&keys).map(|(name, key)| binding("events", key, name, "queue")).collect();
    wild.extend(names.iter().zip(&keys).map(|(name, key)| binding("dlx", key, name, "queue")));
    assert!(!Topology::of(vec![], vec![], &exchanges).with(&wild).resolve(&queues).complete);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// What an exchange cannot route is parked, by whatever way it gets there, unless somebody takes it.
#[test]
fn a_queue_behind_an_alternate_exchange_only_is_no_work() {
    let mut queues = [
        queue("orders", &json!({})),
        queue("parked", &json!({})),
        queue("deep", &json!({})),
        queue("both", &json!({})),
    ];
    let by_policy = ExchangeRow { policy: Some("ae 0".into()), ..exchange("mail", "topic") };
    let exchanges = [
        leading("shop", "direct", "nowhere"),
        exchange("nowhere", "fanout"),
        exchange("deeper", "fanout"),
        by_policy,
        exchange("lost", "fanout"),
    ];
    let bindings = [
        binding("shop", "orders", "orders", "queue"),
        binding("shop", "both", "both", "queue"),
        binding("nowhere", "", "parked", "queue"),
        binding("nowhere", "", "both", "queue"),
        binding("lost", "", "deeper", "exchange"),
        binding("deeper", "", "deep", "queue"),
    ];
    let policies = || vec![policy("ae", 0, &json!({"alternate-exchange": "lost"}))];
    let topology = Topology::of(policies(), vec![], &exchanges);
    assert!(topology.needs_bindings(&queues));
    let topology = topology.with(&bindings);
    let roles = |queues: &[Queue]| topology.resolve(queues).roles;
    let [work, parked] = [Role::Work, Role::DeadLetter];
    assert_eq!(roles(&queues), [work, parked, parked, work]);
    queues[1].had_consumers = true;
    assert_eq!(roles(&queues), [work, work, parked, work]);
}

/// A dead letter that its exchange cannot route goes to the alternate one.
#[test]
fn dead_letters_take_alternate_exchanges() {
    let to = |key: &str| json!({"x-dead-letter-exchange": "dlx", "x-dead-letter-routing-key": key});
    let queues =
        [queue("a", &to("a")), queue("b", &to("b")), queue("a.dead", &json!({})), queue("lost", &json!({}))];
    let exchanges = [leading("dlx", "direct", "ae"), leading("ae", "fanout", "dlx")];
    let bindings = [binding("dlx", "a", "a.dead", "queue"), binding("ae", "", "lost", "queue")];
    let found = Topology::of(vec![], vec![], &exchanges).with(&bindings).resolve(&queues);
    assert_eq!(routes(&queues, &found), ["a → a.dead", "b → lost"]);
    assert_eq!(dead_letter_queues(&queues, &found), ["a.dead", "lost"]);
}

/// An operator's time to live makes a delay of a queue, with or without another policy for it.
#[test]
fn operator_policies_are_in_force_beside_the_others() {
    let to = json!({"dead-letter-exchange": "", "dead-letter-routing-key": "work"});
    let mut queues = [
        queue("wait", &json!({})),
        queue("by-argument", &json!({"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work"})),
        queue("work", &json!({})),
    ];
    queues[0].policy = Some("^wait$ 0".into());
    queues[2].had_consumers = true;
    let roles = |operator: Vec<PolicyRow>, queues: &[Queue]| {
        Topology::of(vec![policy("^wait$", 0, &to)], operator, &[]).resolve(queues).roles
    };
    let ttl = || vec![policy("^(wait|by-.*)$", 7, &json!({"message-ttl": 1000}))];
    assert_eq!(roles(ttl(), &queues), [Role::Delay, Role::Delay, Role::Work]);
    assert_eq!(roles(vec![], &queues), [Role::Work, Role::Work, Role::DeadLetter]);
    // Where the broker reports which one is in force, there may be none.
    queues[1].operator_policy = Some(String::new());
    assert_eq!(roles(ttl(), &queues)[1], Role::Work);
}
