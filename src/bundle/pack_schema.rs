//! The JSON schema of a pack, for editors.

use platform_core::query;
use platform_core::schema::{self, document, properties};
use schemars::SchemaGenerator;
use serde_json::{Value, json};

use super::grammar::{RawDashboard, RawRow, RawVariable};
use super::panel_keys::RawPanel;
use super::rules::Group;
use crate::pack;
use crate::registry::languages;

/// The schema, as a document.
pub fn pack_schema() -> String {
    let mut document = document("Pack of platform_exporter", &["about"], |generator| {
        let [inputs, parameters] = pack::schema_of_head(generator);
        let query = query::schema(generator, &languages());
        let dashboard = dashboard(generator);
        let keys = [
            ("about", json!({"type": "string"})),
            ("inputs", inputs),
            ("parameters", parameters),
            ("queries", json!({"type": "array", "items": query})),
            ("roll_up", json!({"type": "object"})),
            ("dashboard", dashboard.clone()),
            ("restricted_dashboard", dashboard),
            ("rules", json!({"type": "array", "items": schema::of::<Group>(generator)})),
        ];
        keys.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect()
    });
    allow_parameters(&mut document);
    format!("{document:#}\n")
}

fn dashboard(generator: &mut SchemaGenerator) -> Value {
    let mut row = properties::<RawRow>(generator);
    row.insert("panels".to_owned(), json!({"type": "array", "items": schema::of::<RawPanel>(generator)}));
    let mut dashboard = properties::<RawDashboard>(generator);
    let variable = schema::of::<RawVariable>(generator);
    dashboard.insert("variables".to_owned(), json!({"type": "array", "items": variable}));
    let row = json!({"type": "object", "properties": row});
    dashboard.insert("rows".to_owned(), json!({"type": "array", "items": row}));
    json!({"type": "object", "properties": dashboard, "required": ["title", "about", "rows"]})
}

/// A parameter may be in the place of a value: `every: $(cadence)`.
fn allow_parameters(schema: &mut Value) {
    match schema {
        Value::Object(keys) => keys.values_mut().for_each(allow_parameters),
        Value::Array(elements) => elements.iter_mut().for_each(allow_parameters),
        _ => {}
    }
    let is_of = |of: &str| {
        schema
            .get("type")
            .is_some_and(|given| given == of || given.as_array().is_some_and(|all| all.contains(&of.into())))
    };
    let is_choice = schema.get("enum").is_some_and(Value::is_array);
    let is_number = ["integer", "number", "boolean"].into_iter().any(is_of);
    let is_texts = is_of("array") && schema["items"]["type"] == "string";
    if is_choice || is_number || is_texts {
        *schema = json!({"anyOf": [schema.take(), {"type": "string", "pattern": "\\$\\("}]});
    }
}
