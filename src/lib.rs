//! One exporter for every backing service of a platform, and for its business numbers.
//!
//! The base is split into crates, so that imports can only point down: `platform_core` knows no kind of source, and
//! each kind is a crate that knows no other kind. This crate puts them together; its modules are layered, too:
//!
//! | layer | modules |
//! |---|---|
//! | 1 | [`registry`] |
//! | 2 | [`pack`] |
//! | 3 | [`config`] |
//! | 4 | [`capacity`], [`snapshot`], [`manual`], [`bundle`], [`schedule`], [`init`] |
//! | 5 | [`server`] |
//! | 6 | [`cli`], [`command`], [`telemetry`] |

pub mod bundle;
pub mod capacity;
pub mod cli;
pub mod command;
pub mod config;
pub mod init;
pub mod manual;
pub mod pack;
pub mod registry;
pub mod schedule;
pub mod server;
pub mod snapshot;
pub mod telemetry;
