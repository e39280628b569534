//! What `check --live` prints for what an account lacks fixes it, as it is printed.

mod accounts;
mod origins;

use testkit::postgres::Postgres;
use testkit::redis::Redis;

use crate::packs::exported::check_live;

/// Before what fixes a problem, and where.
const REMEDY: &str = "to fix it, on ";
/// Some problems hide others, but not this often.
const MOST_ROUNDS: usize = 12;

async fn check(config: &str) -> (bool, String) {
    let (directory, config) = (tempfile::tempdir().unwrap(), config.to_owned());
    tokio::task::spawn_blocking(move || check_live(directory.path(), &config)).await.unwrap()
}

fn remedies(text: &str) -> Vec<&str> {
    let printed = text.lines().filter_map(|line| Some(line.trim().strip_prefix(REMEDY)?.split_once(": ")?.1));
    printed.collect()
}

/// Runs what is printed until nothing is, and returns it, for each round. Nothing is printed that was run before.
async fn pasted(config: &str, paste: impl AsyncFn(&str)) -> Vec<Vec<String>> {
    let mut rounds: Vec<Vec<String>> = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let (is_good, text) = check(config).await;
        if is_good {
            return rounds;
        }
        assert!(!text.contains("Minimum permissions"), "each message says what is missing:\n{text}");
        let remedies = remedies(&text);
        assert!(!remedies.is_empty(), "nothing to run:\n{text}");
        assert!(text.contains("run `check --live` again"), "{text}");
        for remedy in &remedies {
            assert!(!rounds.iter().flatten().any(|run| run == remedy), "{remedy} has been run:\n{text}");
            paste(remedy).await;
        }
        rounds.push(remedies.into_iter().map(str::to_owned).collect());
    }
    panic!("never good, with all of these:\n{}", rounds.concat().join("\n"));
}

#[tokio::test]
async fn what_is_printed_grants_what_queries_lack() {
    let rule = include_str!("../../kinds/redis/role.acl")
        .lines()
        .find_map(|line| line.strip_prefix("user "))
        .unwrap();
    let (database, cache) = tokio::join!(Postgres::start(), Redis::options().user(rule).start());
    database.sql("CREATE SCHEMA shop CREATE TABLE \"Order\" (parcel int, \"user\" text)").await;
    database.sql("CREATE TABLE parcels (id int, status text)").await;
    database.sql("CREATE MATERIALIZED VIEW \"Daily\" AS SELECT count(*) AS number FROM parcels").await;
    database.sql(include_str!("../../kinds/postgres/role.sql")).await;
    let config = format!(
        "sources:\n  db: {{postgres: {{url: '{}'}}}}\n  cache: {{redis: {{url: '{}'}}}}\n\
         queries:\n  \
         - {{name: parcels, source: db, every: 1m, sql: 'SELECT count(*) AS number FROM parcels', \
         metrics: [{{name: acme_parcels, value: number, help: Parcels.}}]}}\n  \
         - {{name: daily, source: db, every: 1m, sql: 'SELECT number FROM \"Daily\"', \
         metrics: [{{name: acme_daily, value: number, help: Parcels.}}]}}\n  \
         - {{name: orders, source: db, every: 1m, sql: 'SELECT count(o.\"user\") AS number FROM parcels p JOIN shop.\"Order\" o ON o.parcel = p.id', \
         metrics: [{{name: acme_orders, value: number, help: Orders.}}]}}\n  \
         - {{name: members, source: cache, every: 1m, redis: {{command: [SISMEMBER, members, me]}}, \
         metrics: [{{name: acme_member, value: value, help: Membership.}}]}}\n",
        database.url_as("platform_exporter", "", "postgres"),
        cache.url_as("platform_exporter", "PASSWORD"),
    );

    let (is_good, text) = check(&config).await;
    assert!(!is_good, "{text}");
    assert!(!text.contains("Minimum permissions"), "each message says what is missing:\n{text}");
    let remedies = remedies(&text);
    assert_eq!(
        remedies,
        [
            "GRANT SELECT ON parcels TO platform_exporter;",
            "GRANT SELECT (number) ON \"Daily\" TO platform_exporter;",
            "GRANT SELECT (id) ON parcels TO platform_exporter; GRANT USAGE ON SCHEMA shop TO platform_exporter; \
             GRANT SELECT (parcel, \"user\") ON shop.\"Order\" TO platform_exporter;",
            "ACL SETUSER platform_exporter +sismember"
        ],
        "{text}"
    );
    for remedy in remedies {
        match remedy.starts_with("ACL") {
            true => cache.run::<()>(&remedy.split(' ').collect::<Vec<_>>()).await,
            false => drop(database.sql(remedy).await),
        }
    }
    let (is_good, text) = check(&config).await;
    assert!(is_good, "{text}");
}

/// Permissions in one database say nothing about another on the same server.
#[tokio::test]
async fn each_database_has_its_own() {
    let server = Postgres::start().await;
    server.sql("CREATE ROLE watcher LOGIN IN ROLE pg_monitor").await;
    let mut sources = String::new();
    let mut queries = String::new();
    for name in ["east", "west"] {
        server.add_database(name).await;
        server.script(name, "CREATE TABLE parcels (id int)").await;
        let url = server.url_as("watcher", "", name);
        sources += &format!("  {name}: {{postgres: {{url: '{url}'}}}}\n");
        queries += &format!(
            "  - {{name: {name}, source: {name}, every: 1m, sql: 'SELECT count(*) AS n FROM parcels', \
             metrics: [{{name: acme_{name}, value: n, help: N.}}]}}\n"
        );
    }
    queries += "  - {name: both, every: 1m, distinct: [{source: east, sql: SELECT id::text AS id FROM parcels}, \
                {source: west, sql: SELECT id::text AS id FROM parcels}], \
                metrics: [{name: acme_both, value: count, help: N.}]}\n";
    let config = format!("sources:\n{sources}queries:\n{queries}");
    let (_, text) = check(&config).await;
    for name in ["east", "west"] {
        let expected = format!("/{name}: GRANT SELECT ON parcels TO watcher;");
        assert!(text.contains(&expected), "{expected}\n{text}");
    }
    // That of a part is for the database of the part.
    server.script("east", "GRANT SELECT ON parcels TO watcher").await;
    let (_, text) = check(&config).await;
    let both = text.split_once("FAIL  query both").map(|(_, rest)| rest.lines().nth(1).unwrap_or_default());
    assert!(both.is_some_and(|remedy| remedy.contains("/west: GRANT SELECT (id) ON parcels")), "{text}");
}

#[tokio::test]
async fn the_queries_of_a_source_that_is_down_are_not_problems_of_their_own() {
    let config = "sources:\n  db: {postgres: {url: 'postgres://watcher@127.0.0.1:1/shop'}}\n\
                  queries:\n  - {name: parcels, source: db, every: 1m, sql: 'SELECT 1 AS n', \
                  metrics: [{name: acme_n, value: n, help: N.}]}\n";
    let (is_good, text) = check(config).await;
    assert!(!is_good);
    assert_eq!(text.matches("FAIL").count(), 1, "{text}");
    assert!(text.contains("skip  query parcels: its source db is down"), "{text}");
}
