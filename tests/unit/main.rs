//! Tests of the program that need neither servers nor its binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod capacity;
mod config;
mod dashboards;
mod dashboards_legibility;
mod deployments;
mod find;
mod incremental;
mod pack;
mod publication;
mod schedule;
mod schema;
mod status;
