//! The configuration: written the first time, and added to from then on.

use std::collections::BTreeSet;
use std::time::Duration;

use platform_core::survey::{NamesForm, ScriptLanguage, SurveyedNames};
use platform_core::yaml::{self, Faults, Node};
use serde_json::{Map, Value, json};

use super::find::FoundSource;
use super::lines::insert;
use super::privacy::is_personal_value;
use super::workers_source::WorkersSource;

/// A pack that a configuration uses.
#[derive(Clone, Debug)]
pub struct PackEntry {
    /// Its name.
    pub name: String,
    /// Its file, relative to that of the configuration.
    pub file: String,
    /// The source that it queries.
    pub source: String,
    /// The language of the scripts for it.
    pub script: ScriptLanguage,
}

/// What is in a configuration.
#[derive(Debug, Default)]
pub struct Present {
    /// The names of its sources.
    pub sources: BTreeSet<String>,
    /// The names of its packs.
    pub packs: BTreeSet<String>,
    /// The variables that it refers to.
    pub variables: BTreeSet<String>,
}

/// Reads what is in a configuration.
///
/// # Errors
/// When it is no YAML.
pub fn present(text: &str, file: &str) -> Result<Present, Faults> {
    let mut faults = Faults::of(file);
    let Some(tree) = yaml::parse_literally(text, &mut faults) else { return Err(faults) };
    let names = |section: &str| {
        let node = tree.get(section).map_or(&[][..], Node::entries);
        node.iter().map(|(key, _)| key.text.clone()).collect()
    };
    let mut variables = BTreeSet::new();
    add_variables(&tree, &mut variables);
    Ok(Present { sources: names("sources"), packs: names("packs"), variables })
}

fn add_variables(node: &Node, variables: &mut BTreeSet<String>) {
    let parts = node.text().unwrap_or_default().split("${").skip(1);
    let names = parts.filter_map(|part| part.split(['}', ':']).next());
    variables.extend(names.map(str::to_owned));
    node.entries().iter().for_each(|(_, child)| add_variables(child, variables));
    node.elements().iter().for_each(|child| add_variables(child, variables));
}

const HEAD: &str = "# Written by `platform_exporter init`. Change what you like: another run only adds.\n\
                    # The values of the variables are in the environment, as they are for the application.\n";

/// The configuration with more sources, workers and packs, at the end of their sections.
pub fn platform_text(
    existing: Option<&str>,
    sources: &[&FoundSource],
    workers: Option<&WorkersSource>,
    packs: &[PackEntry],
) -> String {
    let text = existing.map_or_else(|| format!("{HEAD}\n"), str::to_owned);
    let lines: String = sources.iter().map(|source| entry(source)).collect();
    let text = insert(&text, "sources", &lines);
    let text = workers.map_or_else(|| text.clone(), |workers| workers.added_to(&text));
    let lines = packs
        .iter()
        .map(|PackEntry { name, file, source, .. }| format!("  {name}: {{file: {file}, db: {source}}}\n"));
    insert(&text, "packs", &lines.collect::<String>()).trim_start_matches('\n').to_owned()
}

/// Names without those that may be about a person, and without keys that have none left.
pub fn impersonal(names: Vec<SurveyedNames>) -> Vec<SurveyedNames> {
    // A dot in the name of a queue is between words.
    let is_usable = |name: &String| !is_personal_value(&name.replace(['.', '-'], "_"));
    let names = names.into_iter().map(|SurveyedNames { key, form, mut names }| {
        names.retain(is_usable);
        SurveyedNames { key, form, names }
    });
    names.filter(|found| !found.names.is_empty()).collect()
}

/// A source. Values stay variables, so no secret is in the text.
fn entry(source: &FoundSource) -> String {
    let mut settings = Value::Object(Map::new());
    for setting in &source.settings {
        let slot = setting.key.split('.').fold(&mut settings, |node, key| &mut node[key]);
        *slot = Value::String(setting.text.clone());
    }
    let mut comment = "";
    for SurveyedNames { key, form, names } in &source.names {
        let value = match form {
            NamesForm::List => json!(names),
            NamesForm::Prefixes(ages) => {
                comment = GUESS;
                names.iter().map(|name| prefix_entry(name, ages.get(name))).collect()
            }
            NamesForm::Include => {
                let names: Vec<_> = names.iter().map(|name| regex::escape(name)).collect();
                json!({"include": format!("^({})$", names.join("|"))})
            }
        };
        settings[*key] = value;
    }
    format!("{comment}  {}: {{{}: {}}}\n", source.name, source.kind, flow(&settings))
}

const GUESS: &str = "  # `max_age` is a guess, from the times between the objects that were there: change it to what is acceptable.\n";

fn prefix_entry(prefix: &str, max_age: Option<&Duration>) -> Value {
    match max_age {
        Some(age) => json!({"prefix": prefix, "max_age": format!("{}h", age.as_secs().div_ceil(3600))}),
        None => json!({"prefix": prefix}),
    }
}

/// A value on one line. Keys need no quotes.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}: {}", flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_about_a_person_are_left_out() {
        let found = |names: &[&str]| SurveyedNames {
            key: "queues",
            form: NamesForm::List,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let names = impersonal(vec![found(&["orders.created", "anna@example.com"]), found(&["Anna Novak"])]);
        assert_eq!(names, [found(&["orders.created"])]);
    }

    #[test]
    fn what_is_there_stays_and_is_known() {
        let text = "sources:\n  db: {postgres: {url: \"${DATABASE_URL}\"}}\n\nqueries: []\n";
        let known = present(text, "platform.yml").unwrap();
        assert!(known.sources.contains("db") && known.variables.contains("DATABASE_URL"));
        let pack = PackEntry {
            name: "shop".to_owned(),
            file: "packs/shop.yml".to_owned(),
            source: "db".to_owned(),
            script: ScriptLanguage { extension: "sql", comment: "--", run: "psql -f" },
        };
        let added = platform_text(Some(text), &[], None, &[pack]);
        assert_eq!(added, format!("{text}\npacks:\n  shop: {{file: packs/shop.yml, db: db}}\n"));
    }
}
