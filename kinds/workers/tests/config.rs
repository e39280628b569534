//! The keys of a class, and what is wrong with them.

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
    let dependencies = definition.dependencies();
    let asked =
        dependencies.iter().map(|asked| (asked.source.as_str(), asked.question.key(), asked.keys.join(".")));
    let asked: Vec<_> = asked.collect();
    let keys = |of: &str| format!("workers.classes.{of}");
    assert_eq!(
        asked,
        [
            ("cache", "redis", keys("a.layout")),
            ("db", "sql", keys("b.sql")),
            ("mongo", "mongo", keys("c.mongo"))
        ]
    );
}

#[test]
fn a_source_that_is_missing_or_of_another_kind_is_reported() {
    let text = "
sources:
  cache: {redis: {url: redis://localhost}}
  jobs: {workers: {classes: {a: {from: cash, layout: rq}, b: {from: cache, sql: SELECT 1}}}}
";
    let faults = testkit::config::load(text, "platform.yml", &|_| None).unwrap_err().to_string();
    let expected = "\
platform.yml:4:40: sources.jobs.workers.classes.a.from: there is no source `cash` (did you mean `cache`?)
platform.yml:4:81: sources.jobs.workers.classes.b.sql: `cache` is a redis source, which does not support `sql`";
    assert_eq!(faults, expected);
}

/// A query for workers is checked as a declared query is.
#[test]
fn a_wrong_query_is_an_error_at_its_line() {
    let text = "
sources:
  db: {postgres: {url: postgres://localhost}}
  docs: {mongodb: {url: mongodb://localhost}}
  jobs:
    workers:
      classes:
        a: {from: db, sql: ' '}
        b: {from: docs, mongo: {collection: w, pipeline: [{$out: x}]}}
        c:
          from: docs
          mongo:
            colection: w
";
    let faults = testkit::config::load(text, "platform.yml", &|_| None).unwrap_err().to_string();
    let lines: Vec<_> = faults.lines().collect();
    let expected = [
        ("platform.yml:8:28: sources.jobs.workers.classes.a.sql: ", "expected a SELECT"),
        (
            "platform.yml:9:59: sources.jobs.workers.classes.b.mongo.pipeline[0]: ",
            "`$out` and `$merge` write",
        ),
        (
            "platform.yml:13:13: sources.jobs.workers.classes.c.mongo.colection: ",
            "did you mean `collection`?",
        ),
    ];
    assert_eq!(lines.len(), expected.len(), "{faults}");
    for (line, (place, message)) in lines.iter().zip(expected) {
        assert!(line.starts_with(place) && line.contains(message), "{line}");
    }
}

#[test]
fn the_example_is_valid() {
    let example = include_str!("../example.yml");
    let config = testkit::config::load(example, "kinds/workers/example.yml", &|name| Some(name.to_owned()));
    config.unwrap_or_else(|faults| panic!("{faults}"));
}
