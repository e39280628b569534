//! One exporter for every backing service of a platform, and for its business numbers.
//!
//! The modules stand in layers; imports point down only:
//!
//! | layer | modules |
//! |---|---|
//! | 0 | [`off_thread`], [`supervisor`], [`descriptors`], [`metric`], [`setting`], [`yaml`], [`beat`] |
//! | 1 | [`probe`] |
//! | 2 | [`query`] |
//! | 3 | [`source`] |
//! | 4 | [`pack`] |
//! | 5 | [`config`] |
//! | 6 | [`snapshot`], [`schedule`] |
//! | 7 | [`server`], [`bundle`] |
//! | 8 | [`cli`], [`command`], [`telemetry`] |

pub mod beat;
pub mod bundle;
pub mod cli;
pub mod command;
pub mod config;
pub mod descriptors;
pub mod metric;
pub mod off_thread;
pub mod pack;
pub mod probe;
pub mod query;
pub mod schedule;
pub mod server;
pub mod setting;
pub mod snapshot;
pub mod source;
pub mod supervisor;
pub mod telemetry;
pub mod yaml;
