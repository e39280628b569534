//! All integration tests, in one binary: it links once.

mod source;
mod support;
mod support_breaks;
mod support_starts;
mod support_starts_http;
