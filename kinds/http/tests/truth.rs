//! Every sample in hard states, recounted from what the test has the server answer.

use std::convert::Infallible;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use hyper::body::{Bytes, Frame};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

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
    /// Bytes of the body, if other than its length.
    body: Option<u32>,
    handshake: Option<Handshake>,
    slow: Option<(&'static str, Duration)>,
}

/// What a certificate is, and the end of the first one that ends.
struct Handshake {
    end: String,
    described: Series,
}

const PLAIN: Answer = Answer {
    code: 200,
    length: Some(4),
    redirects: 0,
    is_unexpected: false,
    body: None,
    handshake: None,
    slow: None,
};

/// FNV-1a of 127.0.0.1.
const HASH: f64 = 3_668_918_509.0;

impl Answer {
    /// All but the phases, which last between nothing and as long as the whole probe.
    fn series(&self) -> Series {
        let mut all = Series::from([
            ("probe_http_status_code".to_owned(), f64::from(self.code)),
            ("probe_http_version".to_owned(), 1.1),
            ("probe_http_redirects".to_owned(), f64::from(self.redirects)),
            ("probe_http_ssl".to_owned(), f64::from(self.handshake.is_some())),
            ("probe_ip_protocol".to_owned(), 4.0),
            ("probe_ip_addr_hash".to_owned(), HASH),
            ("probe_failed_due_to_regex".to_owned(), f64::from(self.is_unexpected)),
        ]);
        all.extend(self.length.map(|length| ("probe_http_content_length".to_owned(), f64::from(length))));
        let body = self.body.or(self.length).map(f64::from);
        all.extend(body.map(|length| ("probe_http_uncompressed_body_length".to_owned(), length)));
        if let Some(handshake) = &self.handshake {
            let end: jiff::Timestamp = format!("{}T00:00:00Z", handshake.end).parse().expect("a day");
            let end = u32::try_from(end.as_second()).expect("before 2106");
            all.insert("probe_ssl_earliest_cert_expiry".to_owned(), end.into());
            all.extend(handshake.described.clone());
        }
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
                Some(_) if phase == "tls" && self.handshake.is_none() => Duration::ZERO,
                Some(whole) => whole - rest,
                None => least,
            }
        };
        let name = "probe_http_duration_seconds";
        let of_phases = phases.iter().map(|phase| (series(name, &[phase]), time(phase).as_secs_f64()));
        let slow = self.slow.map_or(Duration::ZERO, |(_, least)| least).as_secs_f64();
        let rest = whole.map_or(0.0, |whole| whole.as_secs_f64() - slow);
        let of_probe = [("probe_dns_lookup_time_seconds", rest), ("probe_duration_seconds", slow + rest)];
        of_phases.chain(of_probe.map(|(name, value)| (name.to_owned(), value))).collect()
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
    let slowly = Answer { length: None, body: Some(8), slow: Some(("transfer", PAUSE)), ..PLAIN };
    slowly.check(&mut recounts, "a slow body without a length", &slow.url("/"), "expect: {body: fine}").await;

    let failing = web(|| reply(503, "maintenance")).await;
    let failure = Answer { code: 503, length: Some(11), ..PLAIN };
    failure.check(&mut recounts, "an error", &failing.url("/"), "").await;
    let large = web(|| with(reply(200, ""), "content-length", "5000000")).await;
    let head = Answer { length: Some(5_000_000), body: Some(0), ..PLAIN };
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
        (
            "TLS",
            root.issue_until(&["127.0.0.1", "web.test", "*.web.test"], (2060, 2, 3)),
            "2060-02-03".to_owned(),
        ),
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
        let handshake =
            Handshake { end: day, described: described(front.address(), root.certificate()).await };
        let answer = Answer { handshake: Some(handshake), ..PLAIN };
        answer.check(recounts, state, &format!("https://{}/", front.address()), &keys).await;
    }
    let front = TlsFront::start(server, &root.issue(&["127.0.0.1"])).await;
    let target = format!("https://{}/", front.address());
    let plain = Web::start(move |_| with(reply(302, ""), "location", &target)).await;
    let described = described(front.address(), root.certificate()).await;
    let handshake = Handshake { end: "2090-01-01".to_owned(), described };
    let upgraded = Answer { redirects: 1, handshake: Some(handshake), ..PLAIN };
    upgraded.check(recounts, "a redirect to TLS", &plain.url("/"), &keys).await;
}

/// What openssl sees at an address.
async fn described(address: &str, authority: &Path) -> Series {
    let connection = ["s_client", "-connect", address, "-CAfile", &authority.display().to_string()];
    let session = openssl(&connection, "").await;
    let certificate = ["x509", "-noout", "-subject", "-issuer", "-serial", "-fingerprint", "-sha256"];
    let options = ["-nameopt", "RFC2253", "-ext", "subjectAltName"];
    let shown = openssl(&[&certificate[..], &options].concat(), &session).await;
    let after = |text: &str, start: &str| -> String {
        let line = text.lines().find_map(|line| Some(line.trim().split_once(start)?.1.trim().to_owned()));
        line.unwrap_or_else(|| panic!("no {start} in {text}"))
    };
    let names = shown.lines().last().expect("names").split(", ");
    let hosts: Vec<_> = names.filter_map(|name| name.trim().strip_prefix("DNS:")).collect();
    let labels = [
        after(&shown, "Fingerprint=").replace(':', "").to_lowercase(),
        after(&shown, "subject="),
        after(&shown, "issuer="),
        hosts.join(","),
        after(&shown, "serial=").to_lowercase(),
    ];
    let agreed = after(&session, "New, TLSv");
    let (version, cipher) = agreed.split_once(", Cipher is ").expect("a version and a cipher");
    Series::from([
        (series("probe_ssl_last_chain_info", &labels.each_ref().map(String::as_str)), 1.0),
        (series("probe_tls_cipher_info", &[cipher]), 1.0),
        (series("probe_tls_version_info", &[&format!("TLS {version}")]), 1.0),
    ])
}

async fn openssl(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().expect("openssl is installed");
    process.stdin.take().expect("it is piped").write_all(input.as_bytes()).await.expect("it reads");
    let output = process.wait_with_output().await.expect("it ends");
    String::from_utf8(output.stdout).expect("text")
}
