//! Real servers for tests and for the demo: each starts on a free port in a temporary directory and ends on drop.

#![expect(missing_docs, reason = "what is made up for tests has names that say it")]

pub mod alertmanager;
mod clock;
pub mod config;
pub mod disk;
pub mod dns;
pub mod exporter;
pub mod failures;
pub mod fake_broker;
pub mod grafana;
pub mod hayon;
pub mod history;
pub mod hivesync;
pub mod http;
pub mod joip;
mod memory;
pub mod mongodb;
pub mod mongodb_fake;
pub mod mongodb_set;
pub mod namespace;
pub mod platform;
pub mod platform_data;
pub mod platforms;
pub mod ports;
pub mod postgres;
pub mod postgres_stand_in;
pub mod process;
pub mod prometheus;
pub mod proxy;
mod proxy_connection;
pub mod rabbitmq;
pub mod recount;
pub mod redis;
pub mod redis_stand_in;
pub mod s3;
pub mod selector;
pub mod stripe;
pub mod sts;
pub mod subject;
pub mod time;
pub mod tls;
mod tree;
pub mod turns;
pub mod victoria_metrics;
pub mod wait;
pub mod web;

use std::path::{Path, PathBuf};

/// Makes ring the process' TLS provider, as `main` does; to be called before any TLS connection.
pub fn install_ring() {
    // An error means that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A file that `make deps` put into the directory of dependencies.
pub fn dependency(path: &str) -> PathBuf {
    let directory = std::env::var_os("PLATFORM_EXPORTER_DEPS").unwrap_or_else(|| ".deps".into());
    root().join(directory).join(path)
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this is crates/testkit")
}
