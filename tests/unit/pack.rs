//! Packs: what a configuration makes of them, and how faults are reported.

use platform_core::query::Ask;
use platform_exporter::config::{self, Config, Surroundings};

const PACK: &str = r#"
about: How the shop is doing.
inputs:
  db: {kind: postgres, help: The shop's database.}
  cache: {kind: redis, help: Its sessions., optional: true}
parameters:
  orders: {type: sql_name, default: orders, help: The table of orders.}
  paid: {type: texts, default: [paid, shipped], help: The states of an order that has been paid.}
  cadence: {type: duration, default: 5m, help: How often to ask.}
  session: {type: text, default: "session:", help: What the key of a session begins with.}
  rate: {type: number, help: The price of one euro.}
queries:
  - name: orders
    source: $(db)
    every: $(cadence)
    sql: |
      SELECT state, count(*) AS orders, sum(euros) * $(rate) AS worth
      FROM $(orders) WHERE state IN ($(paid)) AND note !~ '$(x' GROUP BY state
    labels: [state]
    expect: {state: $(paid)}
    metrics:
      - {name: shop_orders, value: orders, help: Orders by state.}
      - {name: shop_orders_worth, value: worth, help: "Worth of $(orders), ${not a variable}."}
  - name: sessions
    source: $(cache)
    redis: {scan: "$(session)*"}
    metrics: [{name: shop_sessions, value: count, help: Sessions.}]
  - name: visitors
    distinct:
      - {source: $(db), sql: "SELECT id FROM visits"}
      - {source: $(cache), redis: {scan: "$(session)*", id: "^session:(.+)$"}}
    metrics: [{name: shop_visitors, value: count, help: Visitors.}]
dashboard:
  - {title: Orders, about: "$(orders)", source: $(db), pattern: 'state=~"$(paid)"'}
  - {title: Sessions, source: $(cache)}
"#;

const SOURCES: &str =
    "sources: {app: {postgres: {url: postgres://db/shop}}, store: {redis: {url: redis://cache}}}\n";

fn load(text: &str, pack: &str) -> Result<Config, String> {
    let file = |name: &str| match name {
        "shop.yml" => Ok(pack.to_owned()),
        _ => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    let surroundings = Surroundings { variable: &|name| Some(format!("value of {name}")), file: &file };
    config::load(&format!("{SOURCES}{text}"), "platform.yml", surroundings)
        .map_err(|faults| faults.to_string())
}

fn sql(config: &Config, query: &str) -> String {
    let found = config.queries().iter().find(|known| known.spec.name == query).unwrap();
    match &found.ask {
        Ask::One { question, .. } => question.value().as_str().expect("it is SQL").to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn inputs_and_parameters_stand_in_every_part() {
    let text = "packs: {shop: {file: shop.yml, db: app, cache: store, rate: 1.5, orders: 'shop.\"Orders\"'}}";
    let config = load(text, PACK).unwrap();
    let names: Vec<_> = config.queries().iter().map(|query| query.spec.name.as_str()).collect();
    assert_eq!(names, ["shop.orders", "shop.sessions", "shop.visitors"]);
    let orders = &config.queries()[0];
    assert_eq!(orders.ask.source().as_str(), "app");
    assert_eq!(orders.every.to_string(), "5m");
    assert_eq!(orders.spec.expect["state"], ["paid", "shipped"]);
    assert_eq!(
        sql(&config, "shop.orders"),
        "SELECT state, count(*) AS orders, sum(euros) * 1.5 AS worth\n\
         FROM shop.\"Orders\" WHERE state IN ('paid', 'shipped') AND note !~ '$(x' GROUP BY state\n"
    );
    assert_eq!(orders.spec.metrics[1].help, "Worth of shop.\"Orders\", ${not a variable}.");
    let dashboard = config.packs()[0].section("dashboard").unwrap().elements();
    assert_eq!(dashboard.len(), 2);
    let pattern = &dashboard[0].get("pattern").unwrap().value;
    assert!(matches!(pattern, platform_core::yaml::Value::String(text) if text == "state=~\"paid|shipped\""));
}

/// What names an optional input that is not given is left out, and nothing else.
#[test]
fn a_pack_works_without_its_optional_inputs() {
    let config = load("packs: {shop: {file: shop.yml, db: app, rate: 1}}", PACK).unwrap();
    let names: Vec<_> = config.queries().iter().map(|query| query.spec.name.as_str()).collect();
    assert_eq!(names, ["shop.orders", "shop.visitors"]);
    let Ask::Distinct(parts) = &config.queries()[1].ask else { panic!("{:?}", config.queries()[1]) };
    assert_eq!(parts.len(), 1);
    assert_eq!(config.packs()[0].section("dashboard").unwrap().elements().len(), 1);
}

#[test]
fn a_pack_may_be_used_twice() {
    let text =
        "packs: {shop: {file: shop.yml, db: app, rate: 1}, other: {file: shop.yml, db: more, rate: 2}}\n";
    let more =
        "sources: {app: {postgres: {url: postgres://db/a}}, more: {postgres: {url: postgres://db/b}}}\n";
    let file = |_: &str| Ok(PACK.to_owned());
    let surroundings = Surroundings { variable: &|_| None, file: &file };
    let config = config::load(&format!("{more}{text}"), "platform.yml", surroundings).unwrap();
    let names: Vec<_> = config.queries().iter().map(|query| query.spec.name.as_str()).collect();
    assert_eq!(names, ["shop.orders", "shop.visitors", "other.orders", "other.visitors"]);
    let same =
        load("packs: {a: {file: shop.yml, db: app, rate: 1}, b: {file: shop.yml, db: app, rate: 1}}", PACK);
    let faults = same.unwrap_err();
    assert!(
        faults.contains(
            "platform.yml:2:72: packs.b.db: the source `app` serves the pack `a` already (give `b` a source of its own)"
        ),
        "{faults}"
    );
}

#[test]
fn faults_of_a_usage_are_reported_together() {
    let text = "packs:\n  shop: {file: shop.yml, db: store, cach: store, orders: \"a;b\", paid: [\"x'y\"]}\n  \
                gone: {file: gone.yml}\n  hivesink: {db: app}\n  flat: [1]\n  spaced out: {file: shop.yml, db: ap, rate: 1}\n";
    let faults = load(text, PACK).unwrap_err();
    for expected in [
        "platform.yml:3:30: packs.shop.db: expected a postgres source, but `store` is a redis source",
        "platform.yml:3:37: packs.shop.cach: the pack has no such input or parameter; expected one of cache, cadence, db, orders, paid, rate, session (did you mean `cache`?)",
        "packs.shop.orders: expected an SQL name, such as users",
        "packs.shop.paid: expected a list of texts without quotes",
        "packs.shop: the key `rate` is missing: The price of one euro.",
        "packs.gone.file: cannot read gone.yml: entity not found",
        "packs.hivesink: there is no pack `hivesink`; expected one of",
        "packs.flat: expected a map",
        "packs.spaced out: expected 1 to 63 letters",
        "packs.spaced out.db: there is no source `ap` (did you mean `app`?)",
    ] {
        assert!(faults.contains(expected), "{expected}\nnot in\n{faults}");
    }
    assert_eq!(faults.lines().count(), 10, "{faults}");
}

/// Faults of a pack are reported with its own file.
#[test]
fn faults_of_a_pack_are_reported_together() {
    let pack = "\
about: It is wrong.
input: {}
inputs:
  db: {kind: postgress, help: The database.}
parameters:
  file: {type: text, help: Reserved.}
  Upper: {type: text, help: Not a name.}
  price: {type: number, default: much, help: A price.}
queries:
  - {name: a}
";
    let faults = load("packs: {shop: {file: shop.yml, db: app}}", pack).unwrap_err();
    for expected in [
        "shop.yml:2:1: input: unknown key; expected one of about, inputs, parameters, queries",
        "shop.yml:4:14: inputs.db.kind: expected one of postgres, mongodb",
        "shop.yml:6:3: parameters.file: `file` is reserved",
        "shop.yml:7:3: parameters.Upper: expected a name of the form",
        "shop.yml:8:34: parameters.price.default: expected a number",
    ] {
        assert!(faults.contains(expected), "{expected}\nnot in\n{faults}");
    }
    let pack = "\
about: Its queries are wrong.
inputs: {db: {kind: postgres, help: The database.}}
queries:
  - {name: a, source: $(bd), sql: SELECT 1 AS a, metrics: [{name: a, value: a, help: A.}]}
  - {name: b, source: $(db), sql: SELECT 1 AS b, metrics: [{name: pg_up, value: b, help: B.}]}
";
    let faults = load("packs: {shop: {file: shop.yml, db: app}}", pack).unwrap_err();
    assert_eq!(
        faults,
        "shop.yml:4:23: queries[0].source: there is no input or parameter `bd` (did you mean `db`?)\n\
         shop.yml:5:67: queries[1].metrics[0].name: pg_up belongs to the postgres kind: choose another name"
    );
    let faults = load("packs: {shop: {file: shop.yml, db: app}}", &pack.replace("bd", "db")).unwrap_err();
    assert_eq!(
        faults,
        "shop.yml:5:59: queries[1].metrics: pg_up belongs to the postgres kind: choose another name"
    );
}

/// Fixed labels distinguish the samples of two queries of one source.
#[test]
fn a_metric_may_come_from_two_queries_that_cannot_collide() {
    let query = |name: &str, queue: &str| {
        format!(
            "  - {{name: {name}, source: store, redis: {{command: [LLEN, {name}]}}, metrics: \
             [{{name: depth, value: value, help: Tasks., labels: {{queue: {queue}}}}}]}}\n"
        )
    };
    let good = format!("queries:\n{}{}", query("a", "ai"), query("b", "preview"));
    assert_eq!(load(&good, PACK).unwrap().queries().len(), 2);
    let bad = format!("queries:\n{}{}", query("a", "ai"), query("b", "ai"));
    let faults = load(&bad, PACK).unwrap_err();
    assert!(faults.contains("depth is already exported by the query `a` of the same source"), "{faults}");
}

#[test]
fn every_pack_of_the_binary_is_good() {
    for (name, pack) in platform_exporter::pack::all() {
        assert!(pack.about.ends_with('.'), "{name}");
        for (parameter, about) in &pack.parameters {
            assert!(about.default.is_some() != about.optional, "{name}: {parameter} has no default");
        }
    }
}

/// What docs/packs.md shows works as it is.
#[test]
fn the_documented_pack_is_good() {
    let page = include_str!("../../docs/packs.md");
    let blocks: Vec<_> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    // The tutorial between them has a test of its own.
    let [usage, .., pack] = blocks[..] else { panic!("{} blocks", blocks.len()) };
    let variable = |name: &str| match name {
        "DATABASE_URL" => Some("postgres://db/shop".to_owned()),
        _ => Some("redis://cache".to_owned()),
    };
    let file = |name: &str| if name == "packs/acme.yml" { Ok(pack.to_owned()) } else { panic!("{name}") };
    let config = config::load(usage, "platform.yml", Surroundings { variable: &variable, file: &file });
    let config = config.unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(
        sql(&config, "acme.orders"),
        "SELECT state, count(*) AS orders FROM shop.orders WHERE state IN ('new', 'paid') GROUP BY state"
    );
}
