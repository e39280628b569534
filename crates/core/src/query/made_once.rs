//! What follows from the rest of a value, made when it is first needed.

use std::sync::OnceLock;

/// What was made. It is no part of the value that has it: a copy starts without, and it does not count when two are
/// compared.
#[derive(Debug)]
pub struct MadeOnce<T>(OnceLock<T>);

impl<T> MadeOnce<T> {
    /// What was made, or is made now.
    pub(super) fn get(&self, make: impl FnOnce() -> T) -> &T {
        self.0.get_or_init(make)
    }
}

impl<T> Default for MadeOnce<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> Clone for MadeOnce<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> PartialEq for MadeOnce<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
