//! Classes of workers that recipes have found, for a source of the kind `workers`.

use platform_core::heartbeat::is_name;
use platform_core::query::Question;
use platform_core::survey::TableUse;
use platform_core::yaml::{self, Faults, Path};
use serde_json::json;

use super::lines::indented;
use super::matching::Applied;
use super::substitution::{Substitutes, names, substitute};
use super::table_use::{table_uses, whole};
use super::worker_template::WorkerTemplate;
use crate::registry::SourceConfig;

/// A class of workers that was found.
#[derive(Clone, Debug)]
pub struct FoundWorkers {
    /// What it is known by, also in a later run: `workers(sidekiq)`.
    pub id: String,
    /// Its name in the recipe. Two sources may have one of the same name.
    pub class: String,
    /// The source that has its heartbeats.
    pub from: String,
    /// Its keys, without `from` and `expected`.
    pub(super) settings: Vec<(String, String)>,
    /// The tables that are read.
    pub(super) uses: Vec<TableUse>,
}

/// A class of workers of whom some are alive.
#[derive(Clone, Debug)]
pub struct LiveWorkers {
    /// What was found.
    pub found: FoundWorkers,
    /// How many are alive.
    pub alive: u32,
    /// What its account must be allowed.
    pub reads: Vec<Question>,
}

/// The classes that an applied recipe has in this source. One that refers to `$(COLUMN.each)` is there once for each value.
pub(super) fn found(applied: &Applied<'_>, source: &str) -> Vec<FoundWorkers> {
    let names = names(applied);
    let templates = applied.recipe.workers.iter();
    templates.flat_map(|template| of_template(template, applied, &names, source)).collect()
}

fn of_template(
    template: &WorkerTemplate,
    applied: &Applied<'_>,
    names: &Substitutes,
    source: &str,
) -> Vec<FoundWorkers> {
    let written: Vec<&String> = template.settings.iter().map(|(_, text)| text).collect();
    let each = |name: &str| format!("$({name}.each)");
    let refers = |name: &&&str| {
        let each = each(name);
        template.class.contains(&each) || written.iter().any(|text| text.contains(&each))
    };
    let of_reads = template.reads.iter().filter_map(|name| applied.tables.get(name.as_str()));
    let mut uses = table_uses(applied, &written);
    uses.extend(of_reads.map(|table| whole(table)));
    let with = |names: &Substitutes| {
        let class = substitute(&template.class, names, &[])?;
        let filled =
            template.settings.iter().map(|(key, text)| Some((key.clone(), substitute(text, names, &[])?)));
        let settings = filled.collect::<Option<_>>()?;
        let has_tables = template.reads.iter().all(|name| applied.tables.contains_key(name.as_str()));
        let found = FoundWorkers {
            id: format!("workers({class})"),
            class,
            from: source.to_owned(),
            settings,
            uses: uses.clone(),
        };
        (has_tables && is_name(&found.class)).then_some(found)
    };
    match applied.columns.keys().find(refers) {
        None => with(names).into_iter().collect(),
        Some(name) => {
            let values = applied.columns[name].values.iter();
            let key = format!("{name}.each");
            values
                .filter_map(|value| {
                    let mut names = names.clone();
                    names.insert(key.clone(), value.clone());
                    with(&names)
                })
                .collect()
        }
    }
}

impl FoundWorkers {
    /// A source with only this class.
    ///
    /// # Errors
    /// When the names in it cannot be in a configuration.
    pub fn source(&self) -> Result<SourceConfig, Faults> {
        let mut faults = Faults::of(&self.id);
        let text = format!("workers:\n  classes:\n{}", indented(&self.lines(&self.class, None), 4));
        let tree = yaml::parse_literally(&text, &mut faults);
        let source = tree.and_then(|tree| yaml::decode(&tree, &Path::default(), &mut faults));
        source.ok_or(faults)
    }

    /// The class as it is in a configuration.
    pub(super) fn lines(&self, name: &str, expected: Option<u32>) -> String {
        let expected = expected.map(|expected| ("expected", expected.to_string()));
        let texts = self.settings.iter().map(|(key, text)| (key.as_str(), text.trim_end()));
        let is_long = |text: &str| text.contains('\n');
        if texts.clone().any(|(_, text)| is_long(text)) {
            let value = |(key, text): (&str, &str)| match is_long(text) {
                true => format!("  {key}: |\n{}", indented(text, 4)),
                false => format!("  {key}: {}\n", scalar(text)),
            };
            let rest: String = texts.map(value).collect();
            let expected = expected.map(|(key, text)| format!("  {key}: {text}\n")).unwrap_or_default();
            return format!("{name}:\n  from: {}\n{rest}{expected}", self.from);
        }
        let written = texts.map(|(key, text)| format!("{key}: {}", scalar(text)));
        let expected = expected.map(|(key, text)| format!("{key}: {text}"));
        let all: Vec<_> =
            std::iter::once(format!("from: {}", self.from)).chain(written).chain(expected).collect();
        format!("{name}: {{{}}}\n", all.join(", "))
    }
}

/// A text in YAML, with quotes unless it is a plain word.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && text.parse::<f64>().is_err()
        && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&text);
    if is_plain { text.to_owned() } else { json!(text).to_string() }
}
