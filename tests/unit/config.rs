//! Whole configurations: what is accepted, and how faults are reported.

use std::fs;
use std::time::Duration;

use platform_core::setting::SourceName;
use platform_exporter::config::{Config, from_environment};

use testkit::config::load;

fn read(text: &str) -> Result<Config, String> {
    load(text, "platform.yml", &|name| (name == "REDIS_URL").then(|| "redis://cache".to_owned()))
        .map_err(|faults| faults.to_string())
}

fn faults(text: &str) -> String {
    match read(text) {
        Ok(_) => panic!("no faults in:\n{text}"),
        Err(faults) => faults,
    }
}

#[test]
fn defaults_are_those_of_the_kind() {
    let config = read("sources: {cache: {redis: {url: \"${REDIS_URL}\"}}}").unwrap();
    let source = &config.sources()["cache"];
    assert_eq!((source.interval, source.timeout), (Duration::from_secs(15), Duration::from_secs(5)));
    assert_eq!(source.slow_after, None);
    let config = read(
        "sources: {cache: {redis: {url: redis://cache}, interval: 2s, timeout: 500ms, degraded: {latency: 50ms}}}",
    );
    let config = config.unwrap();
    let source = &config.sources()["cache"];
    assert_eq!((source.interval, source.timeout), (Duration::from_secs(2), Duration::from_millis(500)));
    assert_eq!(source.slow_after, Some(Duration::from_millis(50)));
    // A timeout that is not given never exceeds a short interval.
    let config = read("sources: {cache: {redis: {url: redis://cache}, interval: 1s}}").unwrap();
    assert_eq!(config.sources()["cache"].timeout, Duration::from_secs(1));
}

#[test]
fn faults_of_sources_are_reported_together() {
    assert_eq!(
        faults(
            "\
sorces: {}
sources:
  cache: {redis: {url: redis://cache}, intervall: 5s}
  both: {redis: {url: redis://a}, http: {url: http://b}}
  none: {interval: 5s}
  wrong kind: {redsi: {url: redis://a}}
  slow: {redis: {url: redis://a}, interval: 5s, timeout: 6s}
  never: {redis: {url: redis://a}, interval: 0s, timeout: soon}
"
        ),
        "\
platform.yml:1:1: sorces: unknown key; expected one of sources, modules, packs, queries (did you mean `sources`?)
platform.yml:3:40: sources.cache.intervall: unknown key; expected one of postgres, mongodb, redis, rabbitmq, \
stripe, s3, workers, logfile, http, interval, timeout, degraded (did you mean `interval`?)
platform.yml:4:9: sources.both: expected exactly one kind, as in `NAME: {redis: {url: …}}`; the kinds are postgres, \
mongodb, redis, rabbitmq, stripe, s3, workers, logfile, http
platform.yml:5:9: sources.none: expected exactly one kind, as in `NAME: {redis: {url: …}}`; the kinds are postgres, \
mongodb, redis, rabbitmq, stripe, s3, workers, logfile, http
platform.yml:6:3: sources.wrong kind: expected 1 to 63 letters, digits, `_`, `-` or `.`, found `wrong kind`
platform.yml:7:58: sources.slow.timeout: expected at most the interval, which is 5s
platform.yml:8:46: sources.never.interval: expected a duration above zero
platform.yml:8:59: sources.never.timeout: expected a duration such as 15s, 250ms, 5m or 1h, found `soon`"
    );
}

#[test]
fn faults_of_queries_are_reported_together() {
    let text = "\
sources: {db: {postgres: {url: postgres://db}}, page: {http: {url: http://page}}}
queries:
  - name: users
    source: bd
    sql: SELECT 1 AS n
    metrics: [{name: acme_users, value: n, help: Users.}]
  - name: users
    source: page
    sql: SELECT 1 AS n
    metrics: [{name: acme_users_total, value: n, help: Users.}]
  - name: jobs
    source: db
    sql: SELECT 1 AS n
    redis: {command: [LLEN, jobs]}
    every: 1s
    labels: [le]
    metrics: [{name: acme-jobs, value: n, help: Jobs.}, {name: pg_locks_count, value: n, help: Jobs.}]
  - name: orders
    source: db
    sql: SELECT 1 AS n
    labels: [plan]
    expect: {paln: [free]}
    max_series: 0
    metrics: [{name: pg_locks_count, value: n, help: Orders.}]
";
    assert_eq!(
        faults(text),
        "\
platform.yml:4:13: queries[0].source: there is no source `bd` (did you mean `db`?)
platform.yml:7:11: queries[1].name: `users` is already the name of queries[0], in platform.yml:3
platform.yml:10:14: queries[1].metrics: acme_users_total is a gauge: only counters end in `_total`; rename it, or, if another exporter gave it this name, add `established_name: true`
platform.yml:11:5: queries[2]: expected exactly one of sql, mongo, redis, log, distinct
platform.yml:16:14: queries[2].labels[0]: the label `le` is reserved: choose another name
platform.yml:17:22: queries[2].metrics[0].name: expected a metric name of the form [a-zA-Z_][a-zA-Z0-9_]*, found \
`acme-jobs`
platform.yml:17:64: queries[2].metrics[1].name: pg_locks_count belongs to the postgres kind: choose another name
platform.yml:22:13: queries[3].expect: expected values for every label; plan has none
platform.yml:22:13: queries[3].expect: `paln` is not one of `labels`
platform.yml:23:17: queries[3].max_series: expected 1 to 10000
platform.yml:24:22: queries[3].metrics[0].name: pg_locks_count belongs to the postgres kind: choose another name"
    );
}

/// Expected label sets are never left out, so a budget has to hold them all.
#[test]
fn a_budget_holds_what_is_expected_and_the_rest() {
    let with = |max_series: u32| {
        format!(
            "
sources:
  db: {{postgres: {{url: \"postgres://127.0.0.1/a\"}}}}
queries:
  - name: users
    source: db
    sql: SELECT 1 AS n
    labels: [plan, state]
    expect: {{plan: [free, pro], state: [on, off]}}
    max_series: {max_series}
    metrics: [{{name: acme_users, value: n, help: Users.}}]
"
        )
    };
    assert_eq!(
        faults(&with(4)),
        "platform.yml:10:17: queries[0].max_series: expected at least 5: the label sets of `expect`, and `other`"
    );
    assert!(load(&with(5), "platform.yml", &|_| None).is_ok());
}

/// A fault in a query does not hide that it also asks nobody.
#[test]
fn a_query_with_a_fault_of_its_own_is_checked_against_the_sources() {
    let text = "\
sources: {db: {postgres: {url: postgres://db}}}
queries:
  - {name: a, source: bd, sql: '', metrics: [{name: acme_a, value: n, help: N.}]}
  - name: online
    every: never
    distinct: [{source: db, sql: SELECT id}, {source: cache, sql: SELECT id}]
    metrics: [{name: acme_online, value: count, help: N.}]
";
    assert_eq!(
        faults(text),
        "\
platform.yml:3:23: queries[0].source: there is no source `bd` (did you mean `db`?)
platform.yml:3:32: queries[0].sql: expected a SELECT
platform.yml:5:12: queries[1].every: expected a duration such as 15s, 250ms, 5m or 1h, found `never`
platform.yml:6:55: queries[1].distinct[1].source: there is no source `cache`"
    );
}

#[test]
fn names_are_unique_and_not_those_of_kinds() {
    let query = |name: &str, metric: &str| {
        format!(
            "  - {{name: {name}, source: db, sql: SELECT 1 AS n, metrics: [{{name: {metric}, value: n, help: N.}}]}}\n"
        )
    };
    let head = "sources: {db: {postgres: {url: postgres://db}}}\nqueries:\n";
    let both = format!("{head}{}{}", query("a", "acme_a"), query("a", "acme_b"));
    assert!(faults(&both).contains("`a` is already the name of queries[0]"), "{}", faults(&both));
    let both = format!("{head}{}{}", query("a", "acme_a"), query("b", "acme_a"));
    assert!(
        faults(&both).contains("is already exported by the query `a` of the same source"),
        "{}",
        faults(&both)
    );
    let taken = format!("{head}{}", query("a", "pg_stat_activity_count"));
    assert!(faults(&taken).contains("belongs to the postgres kind"), "{}", faults(&taken));
    let reserved = format!("{head}{}", query("a", "platform_source_up"));
    assert!(
        faults(&reserved).contains("names that start with `platform_` are reserved"),
        "{}",
        faults(&reserved)
    );
}

#[test]
fn a_source_answers_only_its_own_sort_of_question() {
    let text = "\
sources: {page: {http: {url: http://page}}, db: {postgres: {url: postgres://db}}}
queries:
  - {name: a, source: page, sql: SELECT 1 AS n, metrics: [{name: acme_a, value: n, help: N.}]}
  - name: online
    distinct:
      - {source: db, sql: SELECT id FROM users}
      - {source: db, redis: {scan: 'ws:*', id: '(.*)'}}
    metrics: [{name: acme_online, value: count, help: N.}]
";
    assert_eq!(
        faults(text),
        "\
platform.yml:3:23: queries[0].source: `page` is a http source, which does not support `sql`
platform.yml:7:18: queries[1].distinct[1].source: `db` is a postgres source, which does not support `redis`"
    );
}

#[test]
fn a_class_of_pushing_workers_belongs_to_one_source() {
    let classes = "{workers: {classes: {backup: {push: true, token: t, interval: 1h}}}}";
    assert_eq!(
        faults(&format!("sources:\n  day: {classes}\n  night: {classes}\n")),
        "platform.yml:3:10: sources.night: workers of the class `backup` already push to `day`"
    );
}

#[test]
fn the_environment_of_an_application_is_enough() {
    let environment = |name: &str| {
        let value = match name {
            "DATABASE_URL" => "postgres://app:geheim@db/app",
            "MONGO_URL" => "mongodb://app:geheim@mongo/app",
            "REDIS_URL" => "redis://:geheim@cache",
            "RABBITMQ_URL" => "amqp://app:geheim@broker",
            "STRIPE_API_KEY" => "rk_test_geheim",
            "S3_BUCKET" => "media",
            "AWS_ACCESS_KEY_ID" => "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY" => "geheim",
            "AWS_REGION" => "eu-central-1",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let text = from_environment(&environment).unwrap();
    assert!(!text.contains("geheim"), "{text}");
    let config = load(&text, "environment", &environment).map_err(|faults| faults.to_string()).unwrap();
    let names: Vec<_> = config.sources().keys().map(SourceName::as_str).collect();
    assert_eq!(names, ["mongodb", "postgres", "rabbitmq", "redis", "s3", "stripe"]);
    let none = from_environment(&|_| None).unwrap_err().to_string();
    assert!(none.contains("--config.file") && none.contains("DATABASE_URL"), "{none}");
}

#[test]
fn every_example_loads() {
    let root = testkit::root();
    let variable = |name: &str| {
        Some(match name {
            name if name.contains("DATABASE") => "postgres://db/app".to_owned(),
            name if name.contains("MONGO") => "mongodb://mongo/app".to_owned(),
            name if name.contains("REDIS") => "redis://cache".to_owned(),
            name if name.contains("AMQP") || name.contains("RABBITMQ") => "amqp://broker".to_owned(),
            name if name.contains("STRIPE") => "rk_test_key".to_owned(),
            _ => "value".to_owned(),
        })
    };
    let mut examples = 0;
    for folder in ["kinds", "platforms"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let folder = entry.unwrap().path();
            let path = folder.join("example.yml");
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let config = load(&text, &path.display().to_string(), &variable);
            let config = config.unwrap_or_else(|faults| panic!("{faults}"));
            let name = folder.file_name().unwrap().to_str().unwrap();
            let shows = config.sources().values().any(|source| source.config.kind().as_str() == name)
                || config.packs().iter().any(|pack| pack.name == name);
            assert!(shows, "{} shows no {name}", path.display());
            examples += 1;
        }
    }
    assert!(examples >= platform_exporter::registry::Kind::ALL.len() + 3, "{examples}");
}
