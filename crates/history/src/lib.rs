//! A month of believable history for a Prometheus that has just been started.
//!
//! An exporter is watched for a moment, and the past of each of its series is derived from what was seen: by its type
//! and its name (`shape.rs`), over days, nights and weekends (`calendar.rs`), with two incidents (`incident.rs`).
//! `promtool` makes the blocks. Dashboards then have something to show from the first minute.

mod blocks;
mod calendar;
mod exposition;
mod incident;
mod past;
mod recorded;
mod series;
mod shape;
mod watch;

pub use self::past::Past;
pub use self::recorded::{Rule, stages};
pub use self::watch::Watch;
