//! What rules have made of columns: sources with the same columns share it, which would otherwise be most of what each
//! keeps in memory.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// What was made, as long as a source uses it.
#[derive(Debug)]
pub struct SharedByColumns<T>(Mutex<HashMap<Arc<[String]>, Weak<T>>>);

impl<T> SharedByColumns<T> {
    /// What is made of these columns, and the columns themselves.
    pub(super) fn of(
        &self,
        columns: Vec<String>,
        make: impl FnOnce(&[String]) -> T,
    ) -> (Arc<[String]>, Arc<T>) {
        let known = |columns: &[String]| {
            let made = self.0.lock();
            let (columns, value) = made.get_key_value(columns)?;
            Some((Arc::clone(columns), value.upgrade()?))
        };
        if let Some(known) = known(&columns) {
            return known;
        }
        let (value, columns) = (Arc::new(make(&columns)), Arc::from(columns));
        let mut made = self.0.lock();
        made.retain(|_, value| value.strong_count() > 0);
        made.insert(Arc::clone(&columns), Arc::downgrade(&value));
        (columns, value)
    }
}

impl<T> Default for SharedByColumns<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_with_the_same_columns_share_what_is_made_of_them_as_long_as_one_uses_it() {
        let shared = SharedByColumns::default();
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let joined = |columns: &[String]| columns.join(" ");
        let (_, one) = shared.of(columns(&["a", "b"]), joined);
        let (_, other) = shared.of(columns(&["a", "b"]), |_| panic!("it is there"));
        assert!(Arc::ptr_eq(&one, &other));
        let (_, different) = shared.of(columns(&["a"]), joined);
        assert_eq!(*different, "a");
        drop((one, other));
        let (_, again) = shared.of(columns(&["c"]), joined);
        assert_eq!((again.as_str(), shared.0.lock().len()), ("c", 2));
    }
}
