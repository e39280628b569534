//! All integration tests, in one binary: it links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alerting;
mod broken;
mod bundle;
mod compatibility;
mod compose;
mod config;
mod demo;
mod docs;
mod faults;
mod leaks;
mod life;
mod metric;
mod pack;
mod packs;
mod platform;
mod query;
mod reload;
mod resilience;
mod roles;
mod roll_up;
mod schedule;
mod server;
mod setting;
mod source;
mod stripe_stand_in;
mod support;
mod support_breaks;
mod support_starts;
mod support_starts_http;
mod systemd;
mod tidy;
mod yaml;
