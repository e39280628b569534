//! Which databases are read.

use ::mongodb::bson::{Bson, Document};

/// Multi-tenant servers have too many databases for series: only the largest are read.
const MOST_DATABASES: usize = 100;

/// The names of the databases in the answer to listDatabases, the largest first.
pub(super) fn largest(answer: &Document) -> Vec<String> {
    let listed = answer.get_array("databases").into_iter().flatten().filter_map(Bson::as_document);
    let mut databases: Vec<_> = listed
        .filter_map(|database| {
            let size = database.get("sizeOnDisk").and_then(|size| size.as_i64()).unwrap_or_default();
            Some((size, database.get_str("name").ok()?.to_owned()))
        })
        .collect();
    databases.sort_by(|(a, a_name), (b, b_name)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    databases.truncate(MOST_DATABASES);
    databases.into_iter().map(|(_, name)| name).collect()
}
