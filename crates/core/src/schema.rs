//! JSON schemas of what is written in YAML, from the types that it is read into.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The keys of a type that is a map, each with its schema.
pub fn properties<T: JsonSchema>(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let schema = T::json_schema(generator).to_value();
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// A schema, or where it is defined.
pub fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// A document with these keys.
pub fn document(
    title: &str,
    required: &[&str],
    keys: impl FnOnce(&mut SchemaGenerator) -> Map<String, Value>,
) -> Value {
    let mut generator = SchemaSettings::draft07().into_generator();
    let keys = keys(&mut generator);
    closed(json!({
        "$schema": generator.settings().meta_schema,
        "title": title,
        "type": "object",
        "properties": keys,
        "required": required,
        "definitions": generator.take_definitions(true),
    }))
}

/// The same schema, in which a key that it does not name is an error.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(keys) => {
            if keys.contains_key("properties") && !keys.contains_key("additionalProperties") {
                keys.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            keys.values_mut().for_each(|value| *value = closed(value.take()));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|value| *value = closed(value.take())),
        _ => {}
    }
    schema
}
