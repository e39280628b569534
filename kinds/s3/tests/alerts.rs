//! The alerts that a store raises in which something goes wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use super::{store, yaml};
use crate::alerting::drill::Drills;
use crate::alerting::on_servers::{self, Seen};
use testkit::exporter::Exporter;
use testkit::proxy::{Mode, Proxy};
use testkit::web::{Web, reply};

const DEGRADED: Seen = ("PlatformSourceDegraded", "warning");
const FAILING: Seen = ("S3OperationFailing", "critical");
const MINUTE: Duration = Duration::from_secs(60);

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn of_operation(family: &str, source: &str, operation: &str) -> String {
    format!("{family}{{source=\"{source}\",bucket=\"backups\",operation=\"{operation}\"}}")
}

/// STS, which rejects every key while this is set.
async fn sts(rejects: Arc<AtomicBool>) -> Web {
    Web::start(move |_| match rejects.load(Ordering::Relaxed) {
        true => reply(403, "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>"),
        false => reply(200, "<Account>1</Account>"),
    })
    .await
}

#[tokio::test]
async fn failures_raise_their_alerts_and_no_others() {
    let rejects = Arc::new(AtomicBool::new(false));
    let (s3, sts) = (store().await, sts(Arc::clone(&rejects)).await);
    let proxy = Proxy::start(s3.address()).await;
    s3.add_object("backups", "nightly/dump", b"content");
    let objects = "objects: [{prefix: nightly/, interval: 1ms, max_age: 26h}]";
    let keys = format!(
        "{objects}, prefix: '', canary: {{prefix: health, interval: 1ms}}, sts: {{endpoint: '{}'}}",
        sts.url("")
    );
    let sources = format!(
        "uploads: {{{}, interval: 1s}}, slow: {{{}, interval: 5s}}",
        yaml(&s3.endpoint(), &keys),
        yaml(&format!("http://{}", proxy.address()), "prefix: a/"),
    );
    let exporter = Exporter::start(&format!("sources: {{{sources}}}")).await;
    let up = |operation| of_operation("s3_bucket_up", "uploads", operation);
    let mut drills = Drills::of(&exporter);

    drills.well().await;
    rejects.store(true, Ordering::Relaxed);
    exporter.wait_for("aws_credentials_valid{source=\"uploads\"}", 0.0, PATIENCE).await;
    drills.fires(15 * MINUTE, &[("S3CredentialsInvalid", "critical"), DEGRADED]).await;
    rejects.store(false, Ordering::Relaxed);

    drills.well().await;
    proxy.set(Mode::Delay(Duration::from_millis(1200))).await;
    let duration = of_operation("s3_operation_duration_seconds", "slow", "head");
    exporter.wait_until(&duration, |value| value > 1.0, PATIENCE).await;
    drills.fires(20 * MINUTE, &[("S3OperationSlow", "warning")]).await;
    proxy.set(Mode::Pass).await;
    exporter.wait_until(&duration, |value| value < 1.0, PATIENCE).await;

    drills.well().await;
    let two_days_ago = SystemTime::now() - 48 * 60 * MINUTE;
    s3.add_old_object("backups", "nightly/dump", b"content", two_days_ago);
    let date = "s3_last_modified_object_date{source=\"uploads\",bucket=\"backups\",prefix=\"nightly/\"}";
    let since = two_days_ago.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    exporter.wait_until(date, |time| time < since + 1.0, PATIENCE).await;
    drills.fires(20 * MINUTE, &[("S3ObjectsStale", "warning")]).await;
    s3.add_object("backups", "nightly/dump", b"content");
    exporter.wait_until(date, |time| time > since + 60.0, PATIENCE).await;

    drills.well().await;
    // Nothing can be put below an object that is no folder.
    s3.remove_bucket("backups");
    s3.add_bucket("backups");
    s3.add_object("backups", "health", b"");
    s3.add_object("backups", "nightly/dump", b"content");
    exporter.wait_for(&up("put"), 0.0, PATIENCE).await;
    exporter.wait_for(&up("list"), 1.0, PATIENCE).await;
    drills.fires(45 * MINUTE, &[FAILING, ("S3CanaryStale", "warning"), DEGRADED]).await;
    s3.remove_bucket("backups");
    s3.add_bucket("backups");
    s3.add_object("backups", "nightly/dump", b"content");

    drills.well().await;
    s3.remove_bucket("backups");
    exporter.wait_for(&up("head"), 0.0, PATIENCE).await;
    drills.fires(15 * MINUTE, &[FAILING, ("PlatformSourceDown", "critical")]).await;

    drills.have_seen(&on_servers::S3);
}
