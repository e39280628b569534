//! Every recipe, on tables as its framework has them.

use std::fs;
use std::ops::RangeInclusive;

use testkit::exporter::{binary, value};
use testkit::postgres::Postgres;
use testkit::root;

use super::{Project, text};
use crate::docs::yaml_blocks;

/// The recipes that propose nothing: they keep others from their tables.
const CLAIMS_ONLY: [&str; 1] = ["migrations"];

/// What a recipe proposes passes with the account that its own role makes, which reads nothing else. The comment of each
/// schema has the values that must come out, and what looks alike and must not be proposed.
#[tokio::test]
async fn each_finds_its_tables_and_counts_right_as_its_own_role() {
    let server = Postgres::start().await;
    let mut wrong = Vec::new();
    for name in names("kinds/postgres/recipes", "yml") {
        let schema = fs::read_to_string(root().join(format!("tests/it/init/recipes/{name}.sql")));
        let schema =
            schema.unwrap_or_else(|error| panic!("a recipe has tables that it finds: {name}: {error}"));
        server.add_database(&name).await;
        server.script(&name, &schema).await;
        let mut project = Project::new(server.url_as("postgres", "", &name));
        let printed = project.init(&[]);
        if CLAIMS_ONLY.contains(&name.as_str()) {
            assert!(printed.contains("nothing new to propose"), "{name}: {printed}");
            continue;
        }
        assert!(printed.contains(&format!(" {name}(")), "{name} finds nothing: {printed}");
        for unwanted in schema.lines().filter_map(|line| line.strip_prefix("-- init does not find: ")) {
            assert!(!printed.contains(&format!(" {unwanted} ")), "{unwanted} is proposed: {printed}");
        }
        server.script(&name, &project.read("packs/shop.role.sql")).await;
        // What the owner of the tables does.
        let own = schema.lines().filter_map(|line| line.strip_prefix("-- as the owner: "));
        server.script(&name, &own.map(|line| format!("{line};")).collect::<String>()).await;
        project.url = server.url_as("platform_exporter", "", &name);
        project.passes();
        let exposition = exposition(&project) + &project.workers();
        wrong.extend(schema.lines().filter_map(expected).filter_map(|(series, range)| {
            let value = value(&exposition, &series);
            let is_right = value.is_some_and(|value| range.contains(&value));
            (!is_right).then(|| format!("{name}: {series} is {value:?}, expected {range:?}"))
        }));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A comment that expects a value, as a series with its range: `-- app_users{plan="free"} 3`, `# app_oldest 60 to 70`,
/// `-- workers_alive{class="que"} 1`.
pub(super) fn expected(line: &str) -> Option<(String, RangeInclusive<f64>)> {
    let (series, range) =
        line.strip_prefix("--").or_else(|| line.strip_prefix('#'))?.trim().split_once(' ')?;
    let of_pack = series.strip_prefix("app_").map(|series| format!("shop_{series}"));
    let series = of_pack.or_else(|| series.starts_with("workers_alive{").then(|| series.to_owned()))?;
    let (least, most) = range.split_once(" to ").unwrap_or((range, range));
    Some((series, least.parse().unwrap()..=most.parse().unwrap()))
}

/// The recipe on the page about recipes, in a directory of one's own.
#[tokio::test]
async fn the_recipe_of_the_documentation_works() {
    let (_server, project) = Project::with(
        "CREATE TABLE parcels (id serial, due_at timestamptz, state text);
         INSERT INTO parcels (due_at, state)
           SELECT now() + (i - 30) * interval '1 hour', (ARRAY['created', 'in_transit', 'delivered'])[1 + i % 3]
           FROM generate_series(1, 60) i;
         ANALYZE;",
    )
    .await;
    let page = fs::read_to_string(root().join("docs/init.md")).unwrap();
    let recipe = yaml_blocks(&page).find(|block| block.starts_with("# parcels.yml")).unwrap();
    fs::create_dir(project.path("recipes")).unwrap();
    fs::write(project.path("recipes/parcels.yml"), recipe).unwrap();
    project.init(&["--recipes", "recipes"]);
    project.passes();
    let query = ["query", "shop.parcels_late", "--config.file", "platform.yml"];
    let answer = project.run(&binary(), &query);
    assert!(answer.contains("shop_parcels_late{source=\"db\"} 20"), "{answer}");
    assert!(project.read("packs/shop.yml").contains("shop_parcels_late{source=~\"$(db)\"} > 40"));
}

/// A panel, an alert and a test of a metric that no query has, because its column is not there.
#[tokio::test]
async fn what_refers_to_a_metric_that_is_left_out_is_left_out() {
    let (_server, project) = Project::with("CREATE TABLE parcels (id serial, due_at timestamptz)").await;
    fs::create_dir(project.path("recipes")).unwrap();
    let query = |name: &str, sql: &str| {
        format!(
            "  - name: {name}\n    source: $(db)\n    every: $(every)\n    timeout: $(timeout)\n    \
             sql: {sql}\n    metrics:\n      - {{name: $(prefix)_{name}, value: number, help: Parcels.}}\n"
        )
    };
    let panel =
        |name: &str| format!("  - {{stat: {name}, expr: 'sum($(prefix)_{name}{{source=~\"$(db)\"}})'}}\n");
    let alert = |name: &str| {
        format!(
            "  - alert: {name}\n    expr: $(prefix)_{name}{{source=~\"$(db)\"}} > 1\n    \
             labels: {{severity: warning}}\n    annotations: {{summary: Late.}}\n"
        )
    };
    let recipe = format!(
        "about: parcels\nkind: postgres\nfinds:\n  parcels:\n    name: [parcels]\n    columns:\n      \
         due: {{name: [due_at]}}\n      lost: {{name: [lost_at], optional: true}}\nqueries:\n{}{}\
         panels:\n{}{}alerts:\n{}{}",
        query("parcels_late", "SELECT count(*) AS number FROM $(parcels) WHERE $(due) < now()"),
        query("parcels_lost", "SELECT count(*) AS number FROM $(parcels) WHERE $(lost) < now()"),
        panel("parcels_late"),
        panel("parcels_lost"),
        alert("parcels_late"),
        alert("parcels_lost"),
    );
    fs::write(project.path("recipes/parcels.yml"), recipe).unwrap();
    project.init(&["--recipes", "recipes"]);
    project.passes();
    let pack = project.read("packs/shop.yml");
    assert_eq!(
        (pack.matches("parcels_late").count(), pack.matches("parcels_lost").count()),
        (6, 0),
        "{pack}"
    );
}

/// What the exporter exports of the database with what was written.
fn exposition(project: &Project) -> String {
    project.run(&binary(), &["probe", "db", "--config.file", "platform.yml", "--format", "prometheus"])
}

/// Names in camel case without quotes, of which PostgreSQL makes lower case; one is about people.
#[tokio::test]
async fn names_without_separators_are_found() {
    let (_server, project) = Project::with(
        "CREATE TABLE users (id serial PRIMARY KEY, subscriptionTier text, maritalStatus text, lastLoginAt timestamptz);
         INSERT INTO users (subscriptionTier, maritalStatus, lastLoginAt)
           SELECT (ARRAY['free', 'premium'])[1 + i % 2], (ARRAY['open', 'closed'])[1 + i % 2], now() - i * interval '1 hour'
           FROM generate_series(1, 100) i;
         ANALYZE;",
    )
    .await;
    project.init(&[]);
    project.passes();
    let exposition = exposition(&project);
    let premium = value(&exposition, "shop_users_by_subscriptiontier{group=\"premium\"}");
    let active = value(&exposition, "shop_users_active{window=\"24h\"}");
    assert_eq!((premium, active), (Some(50.0), Some(23.0)), "{exposition}");
    assert!(!exposition.contains("maritalstatus"), "{exposition}");
}

/// Two recipes are about the same column of a table: what signs people in is a provider and a type, and what an account is
/// is a group and a type.
#[tokio::test]
async fn a_column_that_two_recipes_are_about_has_one_query() {
    let (_server, project) = Project::with(
        "CREATE TABLE events (id serial PRIMARY KEY, auth_type text, created_at timestamptz);
         CREATE TABLE users (id serial PRIMARY KEY, user_type text, created_at timestamptz);
         INSERT INTO events (auth_type, created_at)
           SELECT (ARRAY['api', 'oauth'])[1 + i % 2], now() - i * interval '1 hour' FROM generate_series(1, 100) i;
         INSERT INTO users (user_type, created_at)
           SELECT (ARRAY['admin', 'member'])[1 + i % 2], now() - i * interval '1 hour' FROM generate_series(1, 100) i;
         ANALYZE;",
    )
    .await;
    project.init(&[]);
    project.passes();
    let pack = project.read("packs/shop.yml");
    for query in ["events_by_auth_type", "users_by_user_type"] {
        assert_eq!(pack.matches(&format!("- name: {query}\n")).count(), 1, "{query} in {pack}");
    }
    let again = project.init(&[]);
    assert!(again.contains("db: nothing new to propose"), "{again}");
}

/// Tables, columns and values in German.
#[tokio::test]
async fn names_in_other_languages_are_found() {
    let (_server, project) = Project::with(
        "CREATE TABLE bestellungen (id serial PRIMARY KEY, zustand text, erstellt_am timestamptz, vorname text);
         INSERT INTO bestellungen (zustand, erstellt_am, vorname)
           SELECT (ARRAY['ausstehend', 'bezahlt', 'fehlgeschlagen'])[1 + i % 3], now() - i * interval '10 minutes', 'Hildburg'
           FROM generate_series(1, 300) i;
         ANALYZE;",
    )
    .await;
    project.init(&[]);
    project.passes();
    let exposition = exposition(&project);
    for (series, expected) in [
        ("shop_bestellungen_by_zustand{state=\"bezahlt\"}", 100.0),
        ("shop_bestellungen_waiting", 100.0),
        ("shop_bestellungen_failed_recently", 2.0),
        ("shop_bestellungen_new{window=\"7d\"}", 300.0),
    ] {
        assert_eq!(value(&exposition, series), Some(expected), "{series} in {exposition}");
    }
    assert!(!exposition.contains("Hildburg"));
}

#[tokio::test]
async fn errors_of_recipes_are_reported_at_their_place() {
    let (_server, project) = Project::with("CREATE TABLE parcels (id serial)").await;
    fs::create_dir(project.path("recipes")).unwrap();
    let recipe = "about: late\nkind: postgres\nfinds:\n  parcels:\n    nane: [parcels]\n    columns: {due: {name: ['(']}}\n";
    fs::write(project.path("recipes/late.yml"), recipe).unwrap();
    let output = project.command(&binary(), &["init", "--yes", "--recipes", "recipes"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("recipes/late.yml:5:5: finds.parcels.nane: "), "{text}");
    assert!(text.contains("recipes/late.yml:6:") && text.contains("unclosed group"), "{text}");
    assert!(!project.path("platform.yml").exists());
}

/// Tables for a recipe that there is not are a leftover.
#[test]
fn every_schema_is_that_of_a_recipe() {
    assert_eq!(names("tests/it/init/recipes", "sql"), names("kinds/postgres/recipes", "yml"));
}

/// The names of the files in a folder, in order.
pub(super) fn names(folder: &str, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|own| own == extension));
    let mut names: Vec<_> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}
