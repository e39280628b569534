//! What the tests run against.

pub(crate) mod stripe;
