//! Real servers for tests and for the demo: each starts on a free port in a temporary directory and ends on drop.
#![allow(
    clippy::allow_attributes,
    dead_code,
    unused_imports,
    reason = "each binary that includes this uses its own part of it"
)]

pub(crate) mod alertmanager;
mod clock;
pub(crate) mod dns;
pub(crate) mod exporter;
pub(crate) mod fake_broker;
pub(crate) mod hayon;
pub(crate) mod hivesync;
pub(crate) mod http;
pub(crate) mod joip;
mod memory;
pub(crate) mod mongodb;
pub(crate) mod mongodb_fake;
pub(crate) mod mongodb_set;
pub(crate) mod namespace;
pub(crate) mod platform;
pub(crate) mod platform_data;
pub(crate) mod platforms;
pub(crate) mod ports;
pub(crate) mod postgres;
pub(crate) mod postgres_stand_in;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod proxy;
mod proxy_connection;
pub(crate) mod rabbitmq;
pub(crate) mod redis;
pub(crate) mod redis_stand_in;
pub(crate) mod s3;
pub(crate) mod stripe;
pub(crate) mod sts;
pub(crate) mod subject;
pub(crate) mod tls;
mod tree;
pub(crate) mod wait;
pub(crate) mod web;

use std::path::{Path, PathBuf};

/// Makes ring the process' TLS provider, as `main` does; to be called before any TLS connection.
pub(crate) fn install_ring() {
    // An error means that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A file that `make deps` put into the directory of dependencies.
pub(crate) fn dependency(path: &str) -> PathBuf {
    let directory = std::env::var_os("PLATFORM_EXPORTER_DEPS").unwrap_or_else(|| ".deps".into());
    Path::new(env!("CARGO_MANIFEST_DIR")).join(directory).join(path)
}
