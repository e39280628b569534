//! What other tests rely on does what they expect of it.

mod breaks;
mod starts;
mod starts_http;
mod stripe;
