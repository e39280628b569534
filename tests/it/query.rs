//! `query NAME`: what it prints of one declared query.

use std::fs;
use std::process::Command;

use mongodb::bson::doc;
use serde_json::Value;
use tempfile::TempDir;
use testkit::exporter::binary;
use testkit::mongodb::Mongodb;
use testkit::postgres::Postgres;
use testkit::redis::Redis;

const QUERIES: &str = r#"
queries:
  - name: plans
    source: cache
    every: 10s
    redis: {command: [HGETALL, plans]}
    labels: [key]
    metrics:
      - {name: acme_users, value: value, help: Users by plan.}
  - name: renamed
    source: cache
    every: 10s
    redis: {command: [GET, no_number]}
    metrics:
      - {name: acme_renamed, value: value, help: A number.}
"#;

/// The exit code, the output, and the errors.
fn run(directory: &TempDir, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(binary());
    command.current_dir(directory).arg("query").args(arguments).args(["--config.file", "platform.yml"]);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_query_shows_its_rows_its_series_and_what_it_costs() {
    let redis = Redis::start().await;
    redis.run::<()>(&["HSET", "plans", "pro", "8", "free\u{1b}[31m", "120"]).await;
    redis.run::<()>(&["SET", "no_number", "many"]).await;
    let directory = TempDir::with_prefix("query-").unwrap();
    let sources = format!("sources: {{cache: {{redis: {{url: '{}'}}}}}}", redis.url());
    fs::write(directory.path().join("platform.yml"), sources + QUERIES).unwrap();

    let (code, text, errors) = run(&directory, &["plans"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{text}");
    assert!(text.starts_with("key             value\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "nothing controls the terminal: {text:?}");
    for part in [
        "free\\u{1b}[31m  120\n",
        "pro             8\n",
        "acme_users{source=\"cache\",key=\"pro\"} 8\n",
        "\n2 rows, 2 series, ",
        "; every 10s, that is 0.",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }

    let (code, text, _) = run(&directory, &["plans", "--format", "prometheus"]);
    assert_eq!(code, Some(0));
    assert!(
        text.starts_with("# HELP acme_users Users by plan.\n# TYPE acme_users gauge\nacme_users{"),
        "{text}"
    );

    let (code, text, _) = run(&directory, &["plans", "--format", "json"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(
        (&json["query"], &json["source"], &json["every_seconds"]),
        (&"plans".into(), &"cache".into(), &10.0.into())
    );
    assert_eq!(json["columns"], serde_json::json!(["key", "value"]));
    let pro =
        json["series"].as_array().unwrap().iter().find(|series| series["labels"]["key"] == "pro").unwrap();
    assert_eq!(pro["value"], 8.0);

    let (code, text, errors) = run(&directory, &["renamed"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("many\n"), "the row shows why: {text}");
    assert!(errors.contains("renamed: query: "), "{errors}");

    let (code, _, errors) = run(&directory, &["plan"]);
    assert_eq!(code, Some(1));
    let expected = "platform_exporter: there is no query `plan` in platform.yml: did you mean `plans`?\n";
    assert_eq!(errors, expected);
}

#[tokio::test]
async fn the_plan_of_a_query_shows_which_index_it_uses_and_how_much_it_reads() {
    let database = Postgres::start().await;
    database.sql("CREATE TABLE parcels (id int PRIMARY KEY, status text)").await;
    database.sql("INSERT INTO parcels SELECT n, 'new' FROM generate_series(1, 5000) n").await;
    database.sql("ANALYZE parcels").await;
    let directory = TempDir::with_prefix("query-").unwrap();
    let config = format!(
        "sources: {{db: {{postgres: {{url: '{}'}}}}}}\nqueries:\n  \
         - {{name: scan, source: db, every: 1m, sql: \"SELECT count(*) AS number FROM parcels WHERE status = 'new' -- all\", \
         metrics: [{{name: acme_new, value: number, help: Parcels.}}]}}\n  \
         - {{name: one, source: db, every: 1m, sql: 'SELECT id FROM parcels WHERE id = 7', \
         metrics: [{{name: acme_one, value: id, help: Parcels.}}]}}\n",
        database.url()
    );
    fs::write(directory.path().join("platform.yml"), config).unwrap();

    let (code, text, errors) = run(&directory, &["scan"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{text}");
    let steps: Vec<_> = text.lines().skip_while(|line| !line.starts_with("step ")).collect();
    assert_eq!(
        steps[0].split_whitespace().collect::<Vec<_>>(),
        ["step", "table", "index", "rows", "read", "cost"]
    );
    assert!(steps[1].starts_with("Aggregate "), "{text}");
    let scan: Vec<_> = steps[2].split_whitespace().collect();
    assert_eq!(scan[..5], ["Seq", "Scan", "parcels", "-", "5000"], "{text}");

    let (code, text, _) = run(&directory, &["one", "--format", "json"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, Some(0), "{text}");
    let [step] = json["plan"].as_array().unwrap().as_slice() else { panic!("{text}") };
    assert_eq!((&step["index"], &step["rows_read"]), (&"parcels_pkey".into(), &1.0.into()), "{text}");
}

#[tokio::test]
async fn a_query_of_mongodb_has_a_plan() {
    let server = Mongodb::start().await;
    let orders = server.client().await.database("shop").collection("orders");
    let numbered = |n: i32| doc! {"n": n, "state": if n < 7 { "open" } else { "done" }};
    orders.insert_many((0..500).map(numbered)).await.unwrap();
    let directory = TempDir::with_prefix("query-").unwrap();
    let open = "  - {name: open, source: db, every: 1m, mongo: {database: shop, collection: orders, pipeline: \
                [{$match: {state: open}}, {$group: {_id: null, n: {$sum: 1}}}]}, \
                metrics: [{name: acme_open, value: n, help: N.}]}\n";
    let info = "  - {name: info, source: db, every: 1m, mongo: {command: {ping: 1}}, \
                metrics: [{name: acme_info, value: ok, help: N.}]}\n";
    let config = format!("sources: {{db: {{mongodb: {{url: '{}'}}}}}}\nqueries:\n{open}{info}", server.url());
    fs::write(directory.path().join("platform.yml"), config).unwrap();
    let plan = |name: &str| {
        let (code, text, errors) = run(&directory, &[name]);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{text}");
        let steps = text.lines().skip_while(|line| !line.starts_with("step "));
        let steps = steps.take_while(|line| !line.is_empty());
        steps.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let without = plan("open");
    assert_eq!(without[0], ["step", "index", "keys", "read", "documents", "read"]);
    let scan = without.iter().find(|step| step.contains(&"500".to_owned()));
    assert!(scan.is_some() && without.iter().any(|step| step[0] == "COLLSCAN"), "{without:?}");
    let index = mongodb::IndexModel::builder().keys(doc! {"state": 1}).build();
    orders.create_index(index).await.unwrap();
    let with = plan("open");
    assert!(with.iter().any(|step| step[0].ends_with("SCAN") && step[1] == "state_1"), "{with:?}");
    assert_eq!(plan("info"), Vec::<Vec<String>>::new());
}

/// Only what a query reads is kept of its answer; a name that is wrong is looked for among all.
#[tokio::test]
async fn a_missing_column_is_looked_for_among_all_that_there_are() {
    let server = Mongodb::start().await;
    let orders = server.client().await.database("shop").collection("orders");
    orders.insert_one(doc! {"state": "open"}).await.unwrap();
    let directory = TempDir::with_prefix("query-").unwrap();
    let states = "  - {name: states, source: db, every: 1m, labels: [state], \
                  mongo: {database: shop, collection: orders, pipeline: [{$group: {_id: $state, n: {$sum: 1}}}]}, \
                  metrics: [{name: acme_states, value: n, help: N.}]}\n";
    let config = format!("sources: {{db: {{mongodb: {{url: '{}'}}}}}}\nqueries:\n{states}", server.url());
    fs::write(directory.path().join("platform.yml"), config).unwrap();
    let (code, text, errors) = run(&directory, &["states"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(errors.contains("no column `state` in the result; it has _id, n"), "{errors}\n{text}");
    assert!(text.lines().any(|line| line.split_whitespace().eq(["open", "1"])), "{text}");
}
