//! What follows from the rest of a value, and is kept with it.

use std::ops::Deref;

/// It is no part of the value that has it: a copy starts without, and it does not count when two are compared.
#[derive(Debug, Default)]
pub struct Derived<T>(T);

impl<T> Deref for Derived<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Default> Clone for Derived<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> PartialEq for Derived<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
