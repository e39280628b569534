//! What a recipe proposes, with the names of what was found.

use std::collections::BTreeMap;

use platform_core::survey::{ColumnType, SurveyedColumn, SurveyedTable};
use serde_json::json;

use super::matching::{Applied, FoundColumn};
use super::words::{camel, snake, title};

/// The text of each `$(…)`.
pub(super) type Substitutes = BTreeMap<String, String>;

/// The names of an applied recipe.
pub(super) fn names(applied: &Applied<'_>) -> Substitutes {
    let mut names = Substitutes::new();
    for (key, table) in &applied.tables {
        names.insert((*key).to_owned(), table.written.clone());
        names.insert(format!("{key}.schema"), table.schema.clone());
        let namespace = table.schema.strip_suffix(':').unwrap_or(&table.schema);
        names.insert(format!("{key}.namespace"), namespace.to_owned());
        add_words(&mut names, key, &table.name);
        let condition = alive(table).map_or_else(|| "true".to_owned(), |(_, condition)| condition);
        names.insert(format!("{key}.alive"), condition);
    }
    for (key, found) in &applied.columns {
        names.insert((*key).to_owned(), found.reading.to_owned());
        add_words(&mut names, key, &found.column.name);
        names.insert(format!("{key}.event"), event(&found.column.name));
        names.insert(format!("{key}.now"), now(found.column.column_type).to_owned());
        names.insert(format!("{key}.values"), flow_list(&found.values));
        names.insert(format!("{key}.list"), sql_list(found.values.iter()));
        names.insert(format!("{key}.scale"), scale(&found.column.name).to_owned());
        let each = |write: fn(&str, &str) -> String| {
            let items = found.all().map(|column| write(&snake(&column.name), &column.written));
            items.collect::<Vec<_>>().join(", ")
        };
        names.insert(format!("{key}.rows"), each(|name, column| format!("('{name}', {column})")));
        let document = |name: &str, column: &str| format!("{{name: \"{name}\", value: \"${column}\"}}");
        names.insert(format!("{key}.documents"), each(document));
    }
    let patterns = applied.recipe.head.finds.values().flat_map(|table| &table.columns);
    for (key, _) in patterns.filter(|(_, pattern)| pattern.optional) {
        let written = applied.columns.get(key.as_str()).map(|found| found.reading);
        let condition =
            |test: &str| written.map_or("true".to_owned(), |column| format!("{column} IS {test}"));
        names.insert(format!("{key}.if_true"), condition("true"));
        names.insert(format!("{key}.if_null"), condition("NULL"));
    }
    for (key, group) in &applied.recipe.head.groups {
        let Some(FoundColumn { values, .. }) = applied.columns.get(group.of.as_str()) else { continue };
        let values: Vec<_> = values.iter().filter(|value| group.like.rank(value).is_some()).collect();
        let Some(first) = values.first() else { continue };
        names.insert(format!("{key}.first"), (*first).clone());
        names.insert(format!("{key}.list"), sql_list(values.iter().copied()));
        let patterns = values.iter().map(|value| value.replace('.', "[.]"));
        names.insert(format!("{key}.pattern"), patterns.collect::<Vec<_>>().join("|"));
    }
    names
}

/// The column that marks deleted rows, and the condition in SQL that a row is not deleted.
pub(super) fn alive(table: &SurveyedTable) -> Option<(&SurveyedColumn, String)> {
    table.columns.iter().find_map(|column| {
        let is_time = matches!(column.column_type, ColumnType::Time | ColumnType::LocalTime);
        let written = &column.written;
        match snake(&column.name).as_str() {
            "deleted_at" | "removed_at" if is_time => Some((column, format!("{written} IS NULL"))),
            "deleted" | "is_deleted" | "removed" | "is_removed" if column.column_type == ColumnType::Bool => {
                Some((column, format!("{written} IS NOT true")))
            }
            _ => None,
        }
    })
}

fn add_words(names: &mut Substitutes, key: &str, name: &str) {
    names.insert(format!("{key}.name"), snake(name));
    names.insert(format!("{key}.words"), snake(name).replace('_', " "));
    names.insert(format!("{key}.title"), title(name));
    names.insert(format!("{key}.camel"), camel(name));
}

/// A list of texts in YAML. A word that YAML could take for something else has quotes.
fn flow_list(values: &[String]) -> String {
    let is_word = |value: &str| {
        value.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !YAML_WORDS.contains(&value)
    };
    let items =
        values.iter().map(|value| if is_word(value) { value.clone() } else { json!(value).to_string() });
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

const YAML_WORDS: [&str; 9] = ["", "null", "true", "false", "yes", "no", "on", "off", "y"];

/// A list of texts in SQL, which is one in YAML as well.
fn sql_list<'a>(values: impl Iterator<Item = &'a String>) -> String {
    values.map(|value| format!("'{}'", value.replace('\'', "''"))).collect::<Vec<_>>().join(", ")
}

/// What makes the currency of an amount: 0.01 for cents.
fn scale(column: &str) -> &'static str {
    let name = snake(column);
    let is_cents = name.ends_with("cents")
        || name.split('_').any(|word| ["cent", "cents", "minor", "pence"].contains(&word));
    if is_cents { "0.01" } else { "1" }
}

/// What happens at a time, in words: `completed_at` is `completed`.
fn event(column: &str) -> String {
    let name = snake(column);
    let event = ["_at", "_on", "_date", "_time"].iter().find_map(|suffix| name.strip_suffix(suffix));
    event.unwrap_or(&name).replace('_', " ")
}

/// The present, as a column of this type has it. Frameworks write columns without a time zone in UTC.
fn now(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::LocalTime => "(now() AT TIME ZONE 'UTC')",
        _ => "now()",
    }
}

/// Replaces every `$(…)` of a text; those of `kept` stay. `None` if one has no value: the item does not apply.
pub(super) fn substitute(text: &str, names: &Substitutes, kept: &[&str]) -> Option<String> {
    let (mut result, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("$(") {
        let (name, after) = after.split_once(')')?;
        result.push_str(before);
        match names.get(name) {
            Some(value) => result.push_str(value),
            None if kept.contains(&name) => result.extend(["$(", name, ")"]),
            None => return None,
        }
        rest = after;
    }
    result.push_str(rest);
    Some(result)
}

/// Whether a text refers to a name, to a condition on it, or to all columns that it stands for.
pub(super) fn refers_to(text: &str, name: &str) -> bool {
    ["", ".if_true", ".if_null", ".rows", ".documents"]
        .iter()
        .any(|part| text.contains(&format!("$({name}{part})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_of_a_time_has_no_ending() {
        for (column, expected) in [
            ("completed_at", "completed"),
            ("processedOn", "processed"),
            ("closing_date", "closing"),
            ("processed", "processed"),
        ] {
            assert_eq!(event(column), expected, "{column}");
        }
    }
}
