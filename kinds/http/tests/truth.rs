//! Every sample in hard states, recounted from what the test has the server answer.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Frame};

use super::{ok, web};
use testkit::proxy::{Mode, Proxy};
use testkit::recount::{Recounts, Series, series};
use testkit::subject::Surroundings;
use testkit::tls::{Ca, TlsFront};
use testkit::web::{Reply, Web, reply, with};

/// For how long slow servers take.
const PAUSE: Duration = Duration::from_millis(300);

/// What an answer is, and how long at least its phases take.
struct Answer {
    code: u16,
    length: Option<u32>,
    redirects: u32,
    is_unexpected: bool,
    /// The end of the first certificate that ends.
    expiry: Option<String>,
    slow: Option<(&'static str, Duration)>,
}

const PLAIN: Answer =
    Answer { code: 200, length: Some(4), redirects: 0, is_unexpected: false, expiry: None, slow: None };

impl Answer {
    /// All but the phases, which last between nothing and as long as the whole probe.
    fn series(&self) -> Series {
        let mut all = Series::from([
            ("probe_http_status_code".to_owned(), f64::from(self.code)),
            ("probe_http_version".to_owned(), 1.1),
            ("probe_http_redirects".to_owned(), f64::from(self.redirects)),
            ("probe_http_ssl".to_owned(), f64::from(self.expiry.is_some())),
            ("probe_failed_due_to_regex".to_owned(), f64::from(self.is_unexpected)),
        ]);
        all.extend(self.length.map(|length| ("probe_http_content_length".to_owned(), f64::from(length))));
        all.extend(self.expiry.as_ref().map(|day| {
            let end: jiff::Timestamp = format!("{day}T00:00:00Z").parse().expect("a day");
            let end = u32::try_from(end.as_second()).expect("before 2106");
            ("probe_ssl_earliest_cert_expiry".to_owned(), f64::from(end))
        }));
        all
    }

    fn phases(&self, whole: Option<Duration>) -> Series {
        let phases = ["resolve", "connect", "tls", "processing", "transfer"];
        let time = |phase: &str| {
            let slow = self.slow.filter(|(name, _)| *name == phase);
            let least = slow.map_or(Duration::ZERO, |(_, least)| least);
            // No handshake takes no time, and what else is left of the whole probe is not of the slow phase.
            let rest = self
                .slow
                .map_or(Duration::ZERO, |(name, least)| if name == phase { Duration::ZERO } else { least });
            match whole {
                Some(_) if phase == "tls" && self.expiry.is_none() => Duration::ZERO,
                Some(whole) => whole - rest,
                None => least,
            }
        };
        let name = "probe_http_duration_seconds";
        phases.iter().map(|phase| (series(name, &[phase]), time(phase).as_secs_f64())).collect()
    }

    async fn check(&self, recounts: &mut Recounts, state: &str, url: &str, keys: &str) {
        let surroundings = Surroundings { timeout: Duration::from_secs(20), ..Surroundings::default() };
        let mut subject = surroundings.source(&format!("http: {{url: '{url}', {keys}}}"));
        let (mut before, mut after) = (self.series(), self.series());
        before.extend(self.phases(None));
        let began = Instant::now();
        let observation = subject.probe().await.expect("an answer");
        after.extend(self.phases(Some(began.elapsed())));
        recounts.compare(state, &before, &observation.families, &after, &[]);
    }
}

/// Two pieces of a body, of which the second comes late, and without a length.
fn in_pieces() -> Reply {
    let pieces = stream::iter([Duration::ZERO, PAUSE]).then(|pause| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"fine")))
    });
    Response::new(BodyExt::boxed(StreamBody::new(pieces)))
}

#[tokio::test]
async fn every_sample_is_true_in_every_state() {
    let mut recounts = Recounts::default();
    let server = web(ok).await;
    PLAIN.check(&mut recounts, "a plain answer", &server.url("/"), "").await;
    let wrong = Answer { is_unexpected: true, ..PLAIN };
    wrong.check(&mut recounts, "wrong content", &server.url("/"), "expect: {body: up}").await;
    wrong.check(&mut recounts, "forbidden content", &server.url("/"), "expect: {not_body: fine}").await;

    let proxy = Proxy::start(server.address()).await;
    proxy.set(Mode::Delay(PAUSE)).await;
    let late = Answer { slow: Some(("processing", PAUSE)), ..PLAIN };
    late.check(&mut recounts, "a late answer", &format!("http://{}/", proxy.address()), "").await;
    let slow = web(in_pieces).await;
    let slowly = Answer { length: None, slow: Some(("transfer", PAUSE)), ..PLAIN };
    slowly.check(&mut recounts, "a slow body without a length", &slow.url("/"), "expect: {body: fine}").await;

    let failing = web(|| reply(503, "maintenance")).await;
    let failure = Answer { code: 503, length: Some(11), ..PLAIN };
    failure.check(&mut recounts, "an error", &failing.url("/"), "").await;
    let large = web(|| with(reply(200, ""), "content-length", "5000000")).await;
    let head = Answer { length: Some(5_000_000), ..PLAIN };
    head.check(&mut recounts, "HEAD of something large", &large.url("/"), "method: HEAD").await;
    redirects(&mut recounts).await;
    certificates(&mut recounts, server.address()).await;
    recounts.finish("http");
}

async fn redirects(recounts: &mut Recounts) {
    let chain = Web::start(|asked| match asked.path.as_str() {
        "/" => with(reply(301, "moved"), "location", "/a"),
        "/a" => with(reply(307, "moved"), "location", "/b"),
        _ => ok(),
    })
    .await;
    let proxy = Proxy::start(chain.address()).await;
    proxy.set(Mode::Delay(PAUSE)).await;
    let url = format!("http://{}/", proxy.address());
    let followed = Answer { redirects: 2, slow: Some(("processing", PAUSE * 3)), ..PLAIN };
    followed.check(recounts, "two redirects, each of them late", &url, "").await;
    let first = Answer { code: 301, length: Some(5), ..PLAIN };
    let keys = "follow_redirects: false, expect: {status: [301]}";
    first.check(recounts, "a redirect that is not followed", &chain.url("/"), keys).await;
    let endless = Web::start(|_| with(reply(302, ""), "location", "/again")).await;
    let last = Answer { code: 302, length: Some(0), redirects: 10, ..PLAIN };
    last.check(recounts, "redirects without an end", &endless.url("/"), "").await;
}

async fn certificates(recounts: &mut Recounts, server: &str) {
    let root = Ca::generate();
    let between = root.subordinate_until((2050, 5, 6));
    let keys = format!("tls: {{ca_file: {}}}", root.certificate().display());
    let tomorrow =
        jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date().tomorrow().expect("a day");
    let soon = (tomorrow.year().into(), tomorrow.month().unsigned_abs(), tomorrow.day().unsigned_abs());
    let days = [
        ("TLS", root.issue_until(&["127.0.0.1"], (2060, 2, 3)), "2060-02-03".to_owned()),
        (
            "a certificate that ends within a day",
            root.issue_until(&["127.0.0.1"], soon),
            tomorrow.to_string(),
        ),
        (
            "an intermediate authority that ends before the certificate",
            between.issue_until(&["127.0.0.1"], (2060, 2, 3)),
            "2050-05-06".to_owned(),
        ),
    ];
    for (state, identity, day) in days {
        let front = TlsFront::start(server, &identity).await;
        let answer = Answer { expiry: Some(day), ..PLAIN };
        answer.check(recounts, state, &format!("https://{}/", front.address()), &keys).await;
    }
    let front = TlsFront::start(server, &root.issue(&["127.0.0.1"])).await;
    let target = format!("https://{}/", front.address());
    let plain = Web::start(move |_| with(reply(302, ""), "location", &target)).await;
    let upgraded = Answer { redirects: 1, expiry: Some("2090-01-01".to_owned()), ..PLAIN };
    upgraded.check(recounts, "a redirect to TLS", &plain.url("/"), &keys).await;
}
