//! The alerts that real files raise.

use std::fs::OpenOptions;
use std::time::Duration;

use serde_json::json;

use super::{Logs, line};
use crate::alerting::drill::{Drills, beside};
use crate::alerting::on_servers;
use testkit::exporter::Exporter;
use testkit::time::now;
use testkit::wait::{PAUSE, eventually};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: f64 = 3600.0;

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A hole that takes longer to read than this test, and no room on the disk.
const BACKLOG: u64 = 1 << 40;

#[tokio::test]
async fn failures_raise_their_alerts_and_no_others() {
    let logs = Logs::new();
    // Nearly silent for too long.
    logs.append(line(&json!({"ts": now() - 5.8 * HOUR})));
    let source = format!("{{logfile: {{path: '{}', from: beginning}}, interval: 5s}}", logs.label());
    let exporter = Exporter::start(&format!("sources: {{app: {source}}}")).await;
    let series = |family: &str| format!("logfile_{family}{{source=\"app\",path=\"{}\"}}", logs.label());
    let mut drills = Drills::of(&exporter);

    drills.well().await;
    drills.fires(25 * MINUTE, &[("LogfileSilent", "info")]).await;

    logs.append(line(&json!({"ts": now()})));
    exporter.wait_for(&series("lines_total"), 2.0, PATIENCE).await;
    drills.well().await;
    let append = async || {
        logs.append(line(&json!({"ts": now()})) + "nonsense\n");
        tokio::time::sleep(PAUSE).await;
    };
    beside(append, 1, drills.fires(40 * MINUTE, &[("LogfileMalformed", "warning")])).await;
    drills.settled().await;

    drills.well().await;
    OpenOptions::new().write(true).open(logs.path()).unwrap().set_len(BACKLOG).unwrap();
    let (size, offset) = (series("size_bytes"), series("offset_bytes"));
    eventually(PATIENCE, "not all is read", async || {
        let page = exporter.get("/metrics").await;
        let value = |series: &str| testkit::exporter::value(&page, series).unwrap_or_default();
        value(&size) - value(&offset) > (BACKLOG / 2) as f64
    })
    .await;
    let degraded = ("PlatformSourceDegraded", "warning");
    drills.fires(15 * MINUTE, &[("LogfileBacklog", "warning"), degraded]).await;

    drills.have_seen(&on_servers::LOGFILE);
}
