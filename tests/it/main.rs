//! All integration tests, in one binary: it links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alerting;
mod answers;
mod broken;
mod bundle;
mod compatibility;
mod compose;
mod config;
mod demo;
mod docs;
mod kinds;
mod kit;
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
mod systemd;
mod tidy;
mod tls;
mod yaml;
