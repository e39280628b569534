//! All integration tests, in one binary: it links once.

mod config;
mod metric;
mod query;
mod schedule;
mod source;
mod stripe_stand_in;
mod support;
mod support_breaks;
mod support_starts;
mod yaml;
