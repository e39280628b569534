//! What every kind of source and the program build on: metrics, settings, YAML with placed faults, queries, connections,
//! and what a kind has to be. Knows no kind.

pub mod beat;
pub mod bounded;
pub mod built_in;
pub mod classify;
pub mod client;
pub mod descriptors;
pub mod dial;
pub mod kind;
pub mod metric;
pub mod moment;
pub mod off_thread;
pub mod parameters;
pub mod probe;
pub mod query;
pub mod setting;
pub mod state;
pub mod supervisor;
pub mod tls;
pub mod yaml;
