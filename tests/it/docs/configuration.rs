//! The configuration reference: each map of the JSON schema as a table of its keys.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::mem;

use serde_json::{Map, Value};

const INTRODUCTION: &str = "\
# Configuration reference

Every key of a configuration, generated from the types that it is read into: `platform_exporter schema` prints the same
as a JSON schema. [configuring.md](configuring.md) shows how the parts belong together. `NAME` stands for a name that
you choose, and `[]` for each element of a list.
";

/// The keys of the file, in the order in which a reader needs them.
const SECTIONS: [&str; 4] = ["sources", "queries", "packs", "modules"];

/// The languages of queries whose columns are explained on the page of a kind.
const LANGUAGES: [(&str, &str); 4] =
    [("sql", "postgres"), ("mongo", "mongodb"), ("redis", "redis"), ("log", "logfile")];

/// A map that gets a table.
struct Section<'a> {
    /// Where it is in a configuration: `sources.NAME.redis.sentinel`.
    path: String,
    schema: &'a Value,
}

pub(super) struct Reference<'a> {
    definitions: &'a Map<String, Value>,
    /// Where the maps of the definitions are described.
    paths: BTreeMap<&'a str, String>,
    waiting: VecDeque<Section<'a>>,
    text: String,
    /// The keys without a meaning.
    pub(super) unexplained: Vec<String>,
}

impl<'a> Reference<'a> {
    pub(super) fn of(document: &'a Value) -> Self {
        let definitions = document["definitions"].as_object().unwrap();
        let mut reference = Self {
            definitions,
            paths: BTreeMap::new(),
            waiting: VecDeque::new(),
            text: INTRODUCTION.to_owned(),
            unexplained: Vec::new(),
        };
        let sections = document["properties"].as_object().unwrap();
        assert_eq!(sections.len(), SECTIONS.len(), "expected {SECTIONS:?}");
        for key in SECTIONS {
            // What is in a section is described before the next one.
            reference.kind_of_value(key, &sections[key]);
            while let Some(section) = reference.waiting.pop_front() {
                reference.section(&section);
            }
        }
        reference
    }

    pub(super) fn markdown(&self) -> &str {
        &self.text
    }

    fn section(&mut self, Section { path, schema }: &Section<'a>) {
        write!(self.text, "\n## `{path}`\n\n").unwrap();
        let kind = path.strip_prefix("sources.NAME.").or_else(|| {
            let language = path.strip_prefix("queries[].")?;
            Some(LANGUAGES.iter().find(|(known, _)| *known == language)?.1)
        });
        if let Some(kind) = kind.filter(|kind| testkit::root().join("kinds").join(kind).exists()) {
            write!(self.text, "More on the page of the kind: [{kind}](../kinds/{kind}/README.md).\n\n")
                .unwrap();
        }
        self.text.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
        let required = schema["required"].as_array();
        // The maps in this one come before those that wait already.
        let later = mem::take(&mut self.waiting);
        let mut lists = Vec::new();
        for (key, value) in schema["properties"].as_object().unwrap() {
            let own = format!("{path}.{key}");
            let kind = self.kind_of_value(&own, value);
            let is_required = required.is_some_and(|keys| keys.iter().any(|required| required == key));
            let meaning = self.meaning(value);
            if meaning.is_empty() {
                self.unexplained.push(own);
            }
            let (meaning, named) = split(&meaning);
            let default =
                if is_required { "required".to_owned() } else { named.unwrap_or_else(|| default(value)) };
            writeln!(self.text, "| `{key}` | {kind} | {default} | {meaning} |").unwrap();
            lists.extend(self.values(value).map(|values| (key, values)));
        }
        self.waiting.extend(later);
        for (key, values) in lists {
            write!(self.text, "\n| value of `{key}` | meaning |\n|---|---|\n").unwrap();
            for value in values {
                let (name, meaning) = (text(&value["const"]), text(&value["description"]));
                writeln!(self.text, "| `{name}` | {} |", in_a_cell(meaning)).unwrap();
            }
        }
    }

    /// What a value looks like. A map with known keys gets a section.
    fn kind_of_value(&mut self, path: &str, value: &'a Value) -> String {
        if let Some(name) = name_of(value) {
            return match name {
                "Duration" => "duration".to_owned(),
                "Secret" => "secret".to_owned(),
                _ => self.defined(path, name),
            };
        }
        if let Some(choices) = value["anyOf"].as_array().or(value["allOf"].as_array()) {
            let kinds: Vec<_> = choices
                .iter()
                .filter(|choice| choice["type"] != "null")
                .map(|choice| self.kind_of_value(path, choice))
                .collect();
            return kinds.join(" or ");
        }
        if let Some(names) = value["enum"].as_array() {
            return names.iter().map(|name| format!("`{}`", text(name))).collect::<Vec<_>>().join(", ");
        }
        if let Some(choices) = value["oneOf"].as_array().filter(|choices| !choices[0]["const"].is_null()) {
            let names = choices.iter().map(|choice| format!("`{}`", text(&choice["const"])));
            return names.collect::<Vec<_>>().join(", ");
        }
        let kind = value["type"].as_array().map_or(&value["type"], |kinds| &kinds[0]);
        match text(kind) {
            "boolean" => "bool".to_owned(),
            "integer" | "number" => "number".to_owned(),
            "string" => "text".to_owned(),
            "array" => format!("list of: {}", self.kind_of_value(&format!("{path}[]"), &value["items"])),
            "object" if value["properties"].is_object() => {
                self.waiting.push_back(Section { path: path.to_owned(), schema: value });
                link(path)
            }
            "object" if value["additionalProperties"].is_object() => {
                let element = self.kind_of_value(&format!("{path}.NAME"), &value["additionalProperties"]);
                format!("map of names to: {element}")
            }
            "object" => "map".to_owned(),
            _ => "any".to_owned(),
        }
    }

    fn defined(&mut self, path: &str, name: &'a str) -> String {
        let schema = &self.definitions[name];
        if !schema["properties"].is_object() {
            return self.kind_of_value(path, schema);
        }
        if let Some(known) = self.paths.get(name) {
            return link(known);
        }
        self.paths.insert(name, path.to_owned());
        self.waiting.push_back(Section { path: path.to_owned(), schema });
        link(path)
    }

    /// What a key means: its own description, or that of its type.
    fn meaning(&self, value: &'a Value) -> String {
        let own = value["description"].as_str();
        let of_type = || text(&self.resolved(value)["description"]);
        in_a_cell(own.unwrap_or_else(of_type))
    }

    /// The values of an enumeration, or of a list of them, if each has a meaning.
    fn values(&self, value: &'a Value) -> Option<&'a Vec<Value>> {
        let value = self.resolved(value);
        let value = if value["items"].is_null() { value } else { self.resolved(&value["items"]) };
        value["oneOf"].as_array().filter(|choices| choices.iter().all(|one| one["description"].is_string()))
    }

    /// The schema itself, where it is only named.
    fn resolved(&self, value: &'a Value) -> &'a Value {
        let choice = value["anyOf"].get(0).or_else(|| value["allOf"].get(0)).unwrap_or(value);
        name_of(choice).map_or(choice, |name| &self.definitions[name])
    }
}

/// The definition that a schema refers to.
fn name_of(value: &Value) -> Option<&str> {
    value["$ref"].as_str()?.strip_prefix("#/definitions/")
}

fn link(path: &str) -> String {
    format!("[map](#{})", super::anchor(path))
}

/// A meaning, and the default that its last words name: `…; default: 15s.`
fn split(meaning: &str) -> (String, Option<String>) {
    match meaning.strip_suffix('.').and_then(|text| text.rsplit_once("; default: ")) {
        Some((meaning, default)) if !default.contains(". ") => {
            (format!("{meaning}."), Some(default.to_owned()))
        }
        _ => (meaning.to_owned(), None),
    }
}

/// What holds without the key. Nothing, if only its meaning can explain that.
fn default(value: &Value) -> String {
    match &value["default"] {
        Value::Null => String::new(),
        Value::String(text) if text.is_empty() => "none".to_owned(),
        Value::Array(elements) if elements.is_empty() => "none".to_owned(),
        Value::Object(keys) if keys.is_empty() => "none".to_owned(),
        Value::String(text) => format!("`{text}`"),
        Value::Number(number) if number.as_f64() == Some(1.0) => "`1`".to_owned(),
        other => format!("`{other}`"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The first paragraph on one line. What a sentence at its end introduces is on the page of the kind.
fn in_a_cell(description: &str) -> String {
    let paragraph =
        description.split("\n\n").next().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
    match paragraph.strip_suffix(':').and_then(|text| text.rsplit_once(". ")) {
        Some((before, _)) => format!("{before}."),
        None => paragraph,
    }
}
