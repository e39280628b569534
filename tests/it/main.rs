//! All integration tests, in one binary: it links once.

mod source;
mod stripe_stand_in;
mod support;
mod support_breaks;
mod support_starts;
mod support_starts_http;
