//! Classes of workers in recipes: which heartbeats a known structure has, and how the kind `workers` reads them.

use platform_core::yaml::{self, Fault, Faults, Key, Node, Path, Value};
use serde::Deserialize;

use crate::registry::{Kind, SourceConfig};

/// The section of a recipe.
pub(super) const SECTION: &str = "workers";

/// A class of workers, as a recipe has it.
#[derive(Clone, Debug)]
pub(super) struct WorkerTemplate {
    /// Its name.
    pub(super) class: String,
    /// The tables that its layout reads, by the recipe's names. What its `sql` reads is in the text.
    pub(super) reads: Vec<String>,
    /// Its keys in a configuration, without `from` and `expected`.
    pub(super) settings: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct WorkerHead {
    class: String,
    #[serde(default)]
    reads: Vec<String>,
}

/// The keys of [`WorkerHead`].
const OWN: [&str; 2] = ["class", "reads"];

/// The keys of a class in a configuration that a recipe can have.
const SETTINGS: [&str; 9] =
    ["layout", "sql", "key", "pattern", "namespace", "queue", "prefix", "interval", "grace"];

/// Reads the section of a recipe that finds these tables. None without the kind `workers`.
pub(super) fn read(recipe: &Node, tables: &[&str], faults: &mut Faults) -> Vec<WorkerTemplate> {
    let has_kind = Kind::ALL.iter().any(|kind| kind.as_str() == SECTION);
    let Some(section) = recipe.get(SECTION).filter(|_| has_kind) else { return Vec::new() };
    let path = Path::default().key(SECTION);
    if !matches!(section.value, Value::List(_)) {
        faults.at(section.place, &path, "expected a list of classes: `- {class: sidekiq, layout: sidekiq}`");
    }
    let items = section.elements().iter().enumerate();
    items.filter_map(|(index, item)| template(item, &path.index(index), tables, faults)).collect()
}

fn template(item: &Node, path: &Path, tables: &[&str], faults: &mut Faults) -> Option<WorkerTemplate> {
    yaml::refuse_unknown_keys(item, path, &[&OWN[..], &SETTINGS[..]].concat(), faults);
    check(&item.only(&SETTINGS), path, faults);
    let WorkerHead { class, reads } = yaml::decode(&item.only(&OWN), path, faults)?;
    for (index, name) in reads.iter().enumerate() {
        if tables.contains(&name.as_str()) {
            continue;
        }
        let place = item.get("reads").map_or(item.place, |reads| reads.elements()[index].place);
        let message = format!("expected a table of `finds`, found `{name}`");
        let hint = yaml::hint(name, tables.iter().copied());
        faults.add(Fault { place, path: path.key("reads").index(index), message, hint });
    }
    let settings = item.only(&SETTINGS);
    let texts = settings
        .entries()
        .iter()
        .filter_map(|(key, value)| Some((key.text.clone(), value.text()?.to_owned())));
    Some(WorkerTemplate { class, reads, settings: texts.collect() })
}

/// Checks the keys as the kind does, at their place in the recipe.
fn check(settings: &Node, path: &Path, faults: &mut Faults) {
    let place = settings.place;
    let map = |entries: Vec<(&str, Node)>| {
        let key = |text: &str| Key { place, text: text.to_owned() };
        Node::new(place, Value::Map(entries.into_iter().map(|(text, node)| (key(text), node)).collect()))
    };
    let text = |text: &str| Node::new(place, Value::String(text.to_owned()));
    let entries = settings.entries().iter().map(|(key, node)| (key.text.as_str(), node.clone()));
    let class = map(std::iter::once(("from", text("source"))).chain(entries).collect());
    let source = map(vec![(SECTION, map(vec![("classes", map(vec![("class", class)]))]))]);
    let mut of_kind = Faults::default();
    yaml::decode::<SourceConfig>(&source, &Path::default(), &mut of_kind);
    for fault in of_kind.sorted() {
        let within = fault.path.to_string();
        let key = within.strip_prefix("workers.classes.class.").filter(|key| *key != "from");
        let path = key.map_or_else(|| path.clone(), |key| path.key(key));
        faults.add(Fault { path, ..fault.clone() });
    }
}

// Without the kind, the section is not read.
#[cfg(test)]
#[cfg(feature = "workers")]
mod tests {
    use super::*;

    fn faults(recipe: &str) -> String {
        let mut faults = Faults::of("late.yml");
        let tree = yaml::parse_literally(recipe, &mut faults).unwrap();
        read(&tree, &["jobs"], &mut faults);
        faults.to_string()
    }

    #[test]
    fn a_class_has_the_keys_that_it_has_in_a_configuration() {
        let good = "workers:\n  - {class: \"mail-$(queue.each)\", layout: bullmq, queue: $(queue.each)}\n  \
                    - {class: good_job, layout: good_job, reads: [jobs], interval: 1m}\n";
        assert_eq!(faults(good), "");
    }

    #[test]
    fn errors_of_classes_have_their_place_and_key() {
        for (recipe, expected) in [
            ("workers: {class: a, layout: rq}", "late.yml:1:10: workers: expected a list of classes"),
            ("workers:\n  - {layout: rq}", "late.yml:2:5: workers[0]: the key `class` is missing"),
            ("workers:\n  - {class: a}", "late.yml:2:5: workers[0]: expected exactly one of `layout`, `sql`"),
            (
                "workers:\n  - {class: a, layout: sidekick}",
                "late.yml:2:24: workers[0].layout: expected one of",
            ),
            (
                "workers:\n  - {class: a, layout: hash}",
                "late.yml:2:5: workers[0]: this layout needs the key `key`",
            ),
            ("workers:\n  - {class: a, layout: rq, queu: mail}", "late.yml:2:28: workers[0].queu: "),
            ("workers:\n  - {class: a, layout: rq, expected: 3}", "late.yml:2:28: workers[0].expected: "),
            ("workers:\n  - {class: a, layout: rq, interval: soon}", "late.yml:2:38: workers[0].interval: "),
            (
                "workers:\n  - {class: a, layout: good_job, reads: [job]}",
                "late.yml:2:42: workers[0].reads[0]: expected a table of `finds`, found `job` (did you mean `jobs`?)",
            ),
        ] {
            let found = faults(recipe);
            assert!(found.contains(expected), "{found}\n{expected}");
        }
    }
}
