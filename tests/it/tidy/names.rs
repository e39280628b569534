//! One name for one thing.

use std::collections::BTreeMap;

use regex::Regex;

use super::sources;

/// Names of types that stand for the same thing wherever they are: the keys of a source or of the whole file, and what a
/// build without PostgreSQL has in its place.
const SHARED_NAMES: [&str; 3] = ["Config", "RollUp", "Watched"];

#[test]
fn a_type_has_its_name_for_itself() {
    let declaration =
        Regex::new(r"(?m)^pub(?:\([^)]*\))? (?:struct|enum|trait|type|union) ([A-Z]\w*)").unwrap();
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in sources() {
        for name in declaration.captures_iter(&text) {
            files.entry(name[1].to_owned()).or_default().push(file.clone());
        }
    }
    files.retain(|name, files| files.len() > 1 && !SHARED_NAMES.contains(&name.as_str()));
    assert!(files.is_empty(), "{files:#?}");
}
