//! All integration tests, in one binary: it links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alerting;
mod answers;
mod broken;
mod bundle;
mod collect;
mod compatibility;
mod compose;
mod config_files;
mod demo;
mod docs;
mod init;
mod kinds;
mod kit;
mod leaks;
mod life;
mod metric;
mod modules;
mod outage;
mod packs;
mod platform;
mod query;
mod releases;
mod reload;
mod remedies;
mod resilience;
mod roles;
mod roll_up;
mod server;
mod status;
mod systemd;
mod tidy;
mod tls;
