//! The keys of a class, and what is wrong with them.

use platform_core::query::Question;

use testkit::subject::config;

fn fault(class: &str) -> String {
    config(&format!("workers: {{classes: {{c: {class}}}}}")).expect_err("a fault").to_string()
}

#[test]
fn the_keys_of_a_class_go_together() {
    for (class, expected) in [
        ("{from: cache}", "expected exactly one of `layout`, `sql`, `mongo` and `push: true`"),
        ("{from: cache, layout: rq, sql: SELECT 1}", "expected exactly one of"),
        ("{from: cache, layout: rq, push: true}", "expected exactly one of"),
        ("{layout: rq}", "missing key `from`"),
        ("{from: cache, layout: zset}", "needs the key `key`"),
        ("{from: cache, layout: hash, key: ''}", "needs the key `key`"),
        ("{from: cache, layout: keys, key: hb}", "needs the key `pattern`"),
        ("{from: cache, layout: bullmq}", "needs the key `queue`"),
        ("{from: cache, layout: zset, key: hb, queue: x}", "`queue` is not valid"),
        ("{from: cache, layout: sidekiq, prefix: x}", "`prefix` is not valid"),
        ("{from: cache, layout: bullmq, queue: x, interval: 1m}", "have no heartbeat"),
        ("{from: cache, layout: celery}", "expected one of zset"),
        ("{from: db, sql: ' '}", "expected a SELECT"),
        ("{from: db, mongo: {collection: w, pipeline: [{$out: x}]}}", "`$out` and `$merge` write"),
        ("{push: true, interval: 1m}", "expected `token_file` or `token`"),
        ("{push: true, token: a, token_file: /b, interval: 1m}", "not both"),
        ("{push: true, token: a}", "expected `interval`"),
        ("{push: true, token: a, interval: 1m, from: cache}", "`from` is not valid"),
        ("{from: cache, layout: rq, token: a}", "`token` is only valid with `push: true`"),
        ("{from: cache, layout: rq, expected: -1}", "expected a whole number"),
    ] {
        let faults = fault(class);
        assert!(faults.contains(expected) && faults.contains("classes.c"), "{class}: {faults}");
    }
    let faults = config("workers: {classes: {}}").unwrap_err().to_string();
    assert!(faults.contains("at least one class"), "{faults}");
    let faults = config("workers: {classes: {'a b': {from: cache, layout: rq}}}").unwrap_err().to_string();
    assert!(faults.contains("expected a class name"), "{faults}");
}

#[test]
fn a_class_asks_its_source() {
    let config = config(
        "workers: {classes: {
           a: {from: cache, layout: rq},
           b: {from: db, sql: SELECT 1},
           c: {from: mongo, mongo: {collection: w, pipeline: []}},
           d: {push: true, token: t, interval: 1m}}}",
    )
    .unwrap();
    let definition = config.definition();
    assert_eq!(definition.target(), "a in cache, b in db, c in mongo, d by push");
    let asks = definition.asks();
    let asked: Vec<_> = asks.iter().map(|(from, question)| (from.as_str(), question.key())).collect();
    assert_eq!(asked, [("cache", "redis"), ("db", "sql"), ("mongo", "mongo"), ("mongo", "mongo")]);
    assert!(asks.iter().all(|(_, question): &(_, Question)| question.check().is_ok()));
}

#[test]
fn a_source_that_is_missing_or_of_another_kind_is_told() {
    let text = "
sources:
  cache: {redis: {url: redis://localhost}}
  jobs: {workers: {classes: {a: {from: cash, layout: rq}, b: {from: cache, sql: SELECT 1}}}}
";
    let faults = testkit::config::load(text, "platform.yml", &|_| None).unwrap_err().to_string();
    assert!(faults.contains("there is no source `cash`"), "{faults}");
    assert!(faults.contains("`cache` is a redis source, which does not support `sql`"), "{faults}");
}

#[test]
fn the_example_is_valid() {
    let example = include_str!("../example.yml");
    let config = testkit::config::load(example, "kinds/workers/example.yml", &|name| Some(name.to_owned()));
    config.unwrap_or_else(|faults| panic!("{faults}"));
}
