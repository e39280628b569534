//! The JSON schema of a configuration, for editors.

use platform_core::query;
use platform_core::schema::{document, properties};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::enabled_roll_ups;
use super::module::Targets;
use super::source::Common;
use crate::pack;
use crate::registry::{SourceConfig, languages};

/// The schema, as a document.
pub fn schema() -> String {
    let document = document("Configuration of platform_exporter", &[], |generator| {
        let source = source(generator);
        let names =
            |value: Value| json!({"type": "object", "additionalProperties": value, "minProperties": 1});
        let query = query::schema(generator, &languages());
        let keys = [
            ("modules", names(module(&source, generator))),
            ("sources", names(source)),
            ("packs", names(pack_usage(generator))),
            ("queries", json!({"type": "array", "items": query, "minItems": 1})),
        ];
        keys.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect()
    });
    format!("{document:#}\n")
}

/// The keys of every kind, of which a source has one, and those of every source.
fn source(generator: &mut SchemaGenerator) -> Value {
    let mut keys = properties::<Common>(generator);
    let kinds: Map<_, _> = kinds(generator).collect();
    let one = kinds.keys().map(|kind| json!({"required": [kind]})).collect::<Vec<_>>();
    keys.extend(kinds);
    json!({"type": "object", "properties": keys, "oneOf": one})
}

/// Each kind with the schema of its keys.
fn kinds(generator: &mut SchemaGenerator) -> impl Iterator<Item = (String, Value)> {
    let kinds = SourceConfig::json_schema(generator).to_value();
    let kinds = kinds.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    kinds.into_iter().filter_map(|kind| {
        let keys = kind.get("properties")?.as_object()?.clone();
        keys.into_iter().next()
    })
}

/// A source without an interval, and with the addresses that it may get.
fn module(source: &Value, generator: &mut SchemaGenerator) -> Value {
    let mut module = source.clone();
    if let Some(keys) = module.get_mut("properties").and_then(Value::as_object_mut) {
        keys.remove("interval");
        keys.extend(properties::<Targets>(generator));
    }
    module["required"] = json!(["targets"]);
    module
}

/// The inputs and parameters are those of the pack.
fn pack_usage(generator: &mut SchemaGenerator) -> Value {
    let names: Vec<_> = pack::EMBEDDED.iter().map(|pack| pack.name).collect();
    json!({
        "type": "object",
        "properties": {
            "pack": {"enum": names, "description": "A built-in pack; by default the one that the entry is named after."},
            "file": {"type": "string", "description": "A file with a pack of your own."},
            "severities": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Severities of the pack's alerts, and what they are here.",
            },
            "roll_up": enabled_roll_ups::schema(generator),
        },
        "additionalProperties": true,
    })
}
