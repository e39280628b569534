//! The alerts that failures of real endpoints raise.

use std::time::Duration;

use jiff::{Timestamp, ToSpan, tz::TimeZone};

use super::ok;
use crate::alerting::drill::Drills;
use crate::alerting::on_servers;
use testkit::exporter::Exporter;
use testkit::proxy::{Mode, Proxy};
use testkit::tls::{Ca, TlsFront};
use testkit::wait::eventually;
use testkit::web::Web;

const MINUTE: Duration = Duration::from_secs(60);

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The date in so many days: year, month, day.
fn in_days(days: i64) -> (i32, u8, u8) {
    let day = Timestamp::now().to_zoned(TimeZone::UTC).date() + days.days();
    let small = |number: i8| u8::try_from(number).expect("months and days are positive");
    (i32::from(day.year()), small(day.month()), small(day.day()))
}

#[tokio::test]
async fn failures_raise_their_alerts_and_no_others() {
    let (web, ca) = (Web::start(|_| ok()).await, Ca::generate());
    let proxy = Proxy::start(web.address()).await;
    let good = ca.issue(&["127.0.0.1"]);
    let front = TlsFront::start(&proxy.address(), &good).await;
    let http = format!(
        "http: {{url: 'https://{}/', tls: {{ca_file: {}}}}}",
        front.address(),
        ca.certificate().display()
    );
    let exporter = Exporter::start(&format!("sources: {{site: {{{http}, interval: 3s}}}}")).await;
    let expiry = async || exporter.value("probe_ssl_earliest_cert_expiry{source=\"site\"}").await;
    let mut drills = Drills::of(&exporter);

    for (days, alerts) in [
        (10, &[("HttpCertificateExpires", "warning")][..]),
        (2, &[("HttpCertificateExpires", "critical"), ("HttpCertificateExpires", "warning")]),
    ] {
        drills.well().await;
        let before = expiry().await;
        front.show(&ca.issue_until(&["127.0.0.1"], in_days(days)));
        eventually(PATIENCE, "it expires earlier", async || expiry().await < before).await;
        drills.fires(75 * MINUTE, alerts).await;
        front.show(&good);
        eventually(PATIENCE, "it expires late", async || expiry().await == before).await;
    }

    drills.well().await;
    proxy.set(Mode::Delay(Duration::from_millis(1500))).await;
    let processing = "probe_http_duration_seconds{source=\"site\",phase=\"processing\"}";
    exporter.wait_until(processing, |value| value > 1.2, PATIENCE).await;
    drills.fires(20 * MINUTE, &[("HttpSlow", "warning")]).await;
    proxy.set(Mode::Pass).await;
    exporter.wait_until(processing, |value| value < 1.0, PATIENCE).await;

    drills.well().await;
    web.end().await;
    exporter.wait_for("platform_source_up{source=\"site\",kind=\"http\"}", 0.0, PATIENCE).await;
    drills.fires(15 * MINUTE, &[("PlatformSourceDown", "critical")]).await;

    drills.have_seen(&on_servers::HTTP);
}
