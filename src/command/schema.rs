//! `schema`: the JSON schema of what users write.

use crate::cli::SchemaOf;
use crate::{bundle, config};

/// The schema of a document.
pub fn schema(of: SchemaOf) -> String {
    match of {
        SchemaOf::Config => config::schema(),
        SchemaOf::Pack => bundle::pack_schema(),
    }
}
