//! 24 hours of platforms that are well and busy page nobody: with restarts, a deployment, a reload, gaps between scrapes,
//! a rotated log and failovers, by both ways of scraping that are shipped.
//!
//! The events are done to real servers, and what the exporter says before, during and after each is recorded: `takes.rs`.
//! A day is made of that, with each event at its time, and with waves and clocks as in production: `timeline.rs`,
//! `values.rs`. promtool evaluates the shipped rules over it: `judge.rs`.

mod judge;
mod recording;
mod takes;
mod target;
mod timeline;
mod values;

use self::judge::Day;
use self::target::{Target, of_metrics, of_probes};

const PAGE: &str = "{alertname=\"PlatformSourceDown\",severity=\"critical\",source=\"sessions\"}";

#[tokio::test]
async fn a_day_without_trouble_pages_nobody_and_one_failure_pages_once() {
    let takes = recording::record().await;
    let healthy = timeline::day(&timeline::healthy());
    // The rest of the day is the same.
    let evening = timeline::between(&timeline::day(&timeline::with_failure()), "17:00:00", "21:00:00");
    let day = |targets: &[Target]| {
        Day::new(&takes, targets, healthy.clone()).fires(&[]);
        Day::new(&takes, targets, evening.clone()).fires(&[PAGE]);
    };
    std::thread::scope(|ways| {
        ways.spawn(|| day(&of_metrics(&takes)));
        ways.spawn(|| day(&of_probes(&takes)));
    });
}
