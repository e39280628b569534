//! Every recipe, on tables as its framework has them.

use std::fs;

use testkit::postgres::Postgres;
use testkit::root;

use super::Project;

/// The recipes that propose nothing: they keep others from their tables.
const CLAIMS_ONLY: [&str; 1] = ["migrations"];

/// What a recipe proposes passes with the account that its own role makes, which reads nothing else.
#[tokio::test]
async fn each_finds_its_tables_and_passes_as_its_own_role() {
    let server = Postgres::start().await;
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
        let pack = project.read("packs/shop.yml");
        assert!(pack.contains(&format!("# {name}(")), "{name} finds nothing: {printed}");
        server.script(&name, &project.read("packs/shop.role.sql")).await;
        project.url = server.url_as("platform_exporter", "", &name);
        project.passes();
    }
}

/// Tables for a recipe that there is not are a leftover.
#[test]
fn every_schema_is_that_of_a_recipe() {
    assert_eq!(names("tests/it/init/recipes", "sql"), names("kinds/postgres/recipes", "yml"));
}

/// The names of the files in a folder, in order.
fn names(folder: &str, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|own| own == extension));
    let mut names: Vec<_> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}
