//! The source of the kind `workers` in a configuration: written the first time, and added to from then on.

use std::collections::BTreeSet;

use platform_core::yaml::{self, Faults, Node};

use super::lines::{indented, insert};
use super::workers::{FoundWorkers, LiveWorkers};

/// The name of the source, and of the key of its kind.
const WORKERS: &str = "workers";

/// Classes of workers with the names that they get in a source.
#[derive(Clone, Debug)]
pub struct WorkersSource {
    /// The name of the source.
    pub name: String,
    /// The classes with their names.
    pub classes: Vec<(String, LiveWorkers)>,
}

/// A block with the classes of a source, to which more can be added.
struct ClassesBlock {
    /// The name of the source.
    source: String,
    /// The names of its classes.
    names: BTreeSet<String>,
    /// Behind which line.
    end: usize,
    /// How far its lines are to the right.
    indentation: usize,
}

impl WorkersSource {
    /// Names for these classes, in the source that the configuration has, or else in a new one. `taken` are the names of
    /// all sources.
    pub fn of(existing: Option<&str>, taken: &BTreeSet<String>, workers: Vec<LiveWorkers>) -> Self {
        let block = existing.and_then(|text| blocks(text).into_iter().next());
        let mut names = block.as_ref().map(|block| block.names.clone()).unwrap_or_default();
        let mut name = WORKERS.to_owned();
        while block.is_none() && taken.contains(&name) {
            name.push_str("-2");
        }
        let name = block.map_or(name, |block| block.source);
        let mut free = |LiveWorkers { found: FoundWorkers { class, from, .. }, .. }: &LiveWorkers| {
            let mut free = class.clone();
            if names.contains(&free) {
                free = format!("{class}-{from}");
            }
            while !names.insert(free.clone()) {
                free.push_str("-2");
            }
            free
        };
        Self { name, classes: workers.into_iter().map(|workers| (free(&workers), workers)).collect() }
    }

    /// Only the classes whose heartbeats are in this source.
    #[must_use]
    pub fn read_from(&self, source: &str) -> Self {
        let classes = self.classes.iter().filter(|(_, workers)| workers.found.from == source);
        Self { name: self.name.clone(), classes: classes.cloned().collect() }
    }

    /// A configuration with these classes.
    pub(super) fn added_to(&self, text: &str) -> String {
        if self.classes.is_empty() {
            return text.to_owned();
        }
        let classes: String = self.classes.iter().map(|(name, workers)| lines(name, workers)).collect();
        match blocks(text).into_iter().find(|block| block.source == self.name) {
            Some(ClassesBlock { end, indentation, .. }) => {
                let mut lines: Vec<_> = text.split_inclusive('\n').map(str::to_owned).collect();
                if !lines[end - 1].ends_with('\n') {
                    lines[end - 1].push('\n');
                }
                lines.insert(end, indented(&classes, indentation));
                lines.concat()
            }
            None => {
                let head = format!("  {}:\n    {WORKERS}:\n      classes:\n", self.name);
                insert(text, "sources", &(head + &indented(&classes, 8)))
            }
        }
    }
}

fn lines(name: &str, LiveWorkers { found, alive, .. }: &LiveWorkers) -> String {
    let guess = "# `expected` is a guess: so many were alive when this was written.\n";
    guess.to_owned() + &found.lines(name, Some(*alive))
}

/// Whether a configuration has this class already, under whatever name.
pub fn is_configured(text: &str, found: &FoundWorkers) -> bool {
    let tree = yaml::parse_literally(text, &mut Faults::default());
    let tree = tree.as_ref();
    let sources = tree.and_then(|tree| tree.get("sources")).map_or(&[][..], Node::entries);
    let classes = sources.iter().filter_map(|(_, source)| source.get(WORKERS)?.get("classes"));
    let mut classes = classes.flat_map(Node::entries);
    let has = |class: &Node, key: &str, text: &str| {
        class.get(key).and_then(Node::text).is_some_and(|own| own.trim_end() == text.trim_end())
    };
    classes.any(|(_, class)| {
        has(class, "from", &found.from) && found.settings.iter().all(|(key, text)| has(class, key, text))
    })
}

/// The sources of workers whose classes are each on lines of their own.
fn blocks(text: &str) -> Vec<ClassesBlock> {
    let Some(tree) = yaml::parse_literally(text, &mut Faults::default()) else { return Vec::new() };
    let lines: Vec<_> = text.lines().collect();
    let sources = tree.get("sources").map_or(&[][..], Node::entries).iter();
    let block = |(source, node): &(yaml::Key, Node)| {
        let classes = node.get(WORKERS)?.entries().iter().find(|(key, _)| key.text == "classes")?;
        let (heading, entries) = (classes.0.place.line as usize, classes.1.entries());
        let indentation = entries.first()?.0.place.column as usize - 1;
        let is_block = lines.get(heading - 1)?.trim() == "classes:";
        let is_inside = |line: &&&str| {
            line.trim().is_empty() || line.len() - line.trim_start_matches(' ').len() >= indentation
        };
        let mut end = heading + lines[heading..].iter().take_while(is_inside).count();
        while lines[end - 1].trim().is_empty() {
            end -= 1;
        }
        let names = entries.iter().map(|(key, _)| key.text.clone()).collect();
        is_block.then(|| ClassesBlock { source: source.text.clone(), names, end, indentation })
    };
    sources.filter_map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(from: &str) -> LiveWorkers {
        let settings =
            vec![("layout".to_owned(), "sidekiq".to_owned()), ("namespace".to_owned(), String::new())];
        let found = FoundWorkers {
            id: "workers(sidekiq)".to_owned(),
            class: "sidekiq".to_owned(),
            from: from.to_owned(),
            settings,
            uses: Vec::new(),
        };
        LiveWorkers { found, alive: 2, reads: Vec::new() }
    }

    const FIRST: &str = "\
sources:
  cache: {redis: {url: \"${REDIS_URL}\"}}
  workers:
    workers:
      classes:
        # `expected` is a guess: so many were alive when this was written.
        sidekiq: {from: cache, layout: sidekiq, namespace: \"\", expected: 2}
";

    #[test]
    fn the_first_class_makes_a_source() {
        let text = "sources:\n  cache: {redis: {url: \"${REDIS_URL}\"}}\n";
        let source = WorkersSource::of(Some(text), &BTreeSet::new(), vec![live("cache")]);
        assert_eq!(source.added_to(text), FIRST);
        assert!(is_configured(FIRST, &live("cache").found) && !is_configured(FIRST, &live("queue").found));
    }

    #[test]
    fn another_class_is_added_to_the_source_that_is_there() {
        let edited = FIRST.replace("  workers:\n    workers", "  jobs:\n    # Ours.\n    workers")
            + "    interval: 30s\n\npacks: {}\n";
        let source = WorkersSource::of(Some(&edited), &BTreeSet::new(), vec![live("queue")]);
        assert_eq!(source.name, "jobs");
        let line = "        sidekiq-queue: {from: queue, layout: sidekiq, namespace: \"\", expected: 2}\n";
        let guess = "        # `expected` is a guess: so many were alive when this was written.\n";
        let expected = edited.replace("    interval: 30s", &format!("{guess}{line}    interval: 30s"));
        assert_eq!(source.added_to(&edited), expected);
    }

    #[test]
    fn a_source_on_one_line_stays_as_it_is() {
        let text =
            "sources:\n  workers: {workers: {classes: {mail: {from: cache, layout: hash, key: hb}}}}\n";
        let taken = BTreeSet::from(["workers".to_owned()]);
        let source = WorkersSource::of(Some(text), &taken, vec![live("cache")]);
        assert_eq!(source.name, "workers-2");
        let added = source.added_to(text);
        assert!(added.starts_with(text) && added.contains("\n  workers-2:\n    workers:\n"), "{added}");
    }
}
