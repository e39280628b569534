//! Tests of the core that need no server, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod metric;
mod query;
mod setting;
mod yaml;
