//! The metrics that rules have made of columns: sources with the same columns share them, which would otherwise be most of
//! what each keeps in memory.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::QuerySpec;

/// What was made of one query, as long as a source uses it. A copy of the query starts without.
#[derive(Debug, Default)]
pub struct SharedSpecs(Mutex<HashMap<Arc<[String]>, Weak<QuerySpec>>>);

impl SharedSpecs {
    /// What is made of these columns, and the columns themselves.
    pub(super) fn of(
        &self,
        columns: Vec<String>,
        make: impl FnOnce(&[String]) -> QuerySpec,
    ) -> (Arc<[String]>, Arc<QuerySpec>) {
        let known = |columns: &[String]| {
            let made = self.0.lock();
            let (columns, spec) = made.get_key_value(columns)?;
            Some((Arc::clone(columns), spec.upgrade()?))
        };
        if let Some(known) = known(&columns) {
            return known;
        }
        let (spec, columns) = (Arc::new(make(&columns)), Arc::from(columns));
        let mut made = self.0.lock();
        made.retain(|_, spec| spec.strong_count() > 0);
        made.insert(Arc::clone(&columns), Arc::downgrade(&spec));
        (columns, spec)
    }
}

impl Clone for SharedSpecs {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for SharedSpecs {
    /// What was made does not change what the query is.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn spec(columns: &[String]) -> QuerySpec {
        QuerySpec {
            name: columns.join(" "),
            labels: Vec::new(),
            columns: BTreeMap::new(),
            expect: BTreeMap::new(),
            max_series: 1,
            scope: None,
            metrics: Vec::new(),
            flatten: None,
        }
    }

    #[test]
    fn sources_with_the_same_columns_share_what_is_made_of_them_as_long_as_one_uses_it() {
        let shared = SharedSpecs::default();
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (_, one) = shared.of(columns(&["a", "b"]), spec);
        let (_, other) = shared.of(columns(&["a", "b"]), |_| panic!("it is there"));
        assert!(Arc::ptr_eq(&one, &other));
        let (_, different) = shared.of(columns(&["a"]), spec);
        assert_eq!(different.name, "a");
        drop((one, other));
        let (_, again) = shared.of(columns(&["c"]), spec);
        assert_eq!((again.name.as_str(), shared.0.lock().len()), ("c", 2));
    }
}
