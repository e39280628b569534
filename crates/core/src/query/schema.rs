//! The JSON schema of a declared query.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::LanguageFacts;
use super::parse::{KEYS_BUILT_IN, KEYS_OF_VERSIONS, RawPart, RawQuery};
use crate::schema::properties;

/// The schema of a declared query in one of these languages.
pub fn schema(generator: &mut SchemaGenerator, languages: &[LanguageFacts]) -> Value {
    let of_languages =
        languages.iter().map(|language| (language.key.to_owned(), (language.schema)(generator)));
    let of_languages: Map<_, _> = of_languages.collect();
    let (mut part, mut query) = (properties::<RawPart>(generator), properties::<RawQuery>(generator));
    query.retain(|key, _| !KEYS_BUILT_IN.contains(&&**key) && !KEYS_OF_VERSIONS.contains(&&**key));
    part.extend(of_languages.clone());
    query.extend(of_languages);
    let part = json!({"type": "object", "properties": part, "required": ["source"]});
    let meaning = "The number of distinct ids in the results of several queries: the column `count`.";
    query.insert("distinct".to_owned(), json!({"type": "array", "items": part, "description": meaning}));
    json!({"type": "object", "properties": query, "required": ["name", "metrics"]})
}
