//! All integration tests, in one binary: it links once.

mod config;
mod docs;
mod life;
mod metric;
mod query;
mod schedule;
mod server;
mod source;
mod stripe_stand_in;
mod support;
mod support_breaks;
mod support_starts;
mod tidy;
mod yaml;
