//! Finds backing services.

mod origin;
mod source;

pub use origin::Origin;
pub use source::{Findings, FoundSetting, FoundSource, FoundVariable};

use std::path::Path;

use crate::registry::Kind;

pub fn find(_directory: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Findings {
    let mut sources = Vec::new();
    if let Some(url) = variable("DATABASE_URL") {
        let v = FoundVariable::new("DATABASE_URL", Some(&url), false);
        sources.push(FoundSource {
            name: "db".to_owned(),
            kind: Kind::Postgres,
            address: "x".into(),
            settings: vec![FoundSetting::of_variable("url", v, Origin::Environment)],
            places: vec![Origin::Environment],
        });
    }
    Findings { sources, notes: vec![] }
}
