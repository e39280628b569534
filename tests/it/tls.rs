//! The keys of `tls` that mean the same for every kind which speaks HTTP or brings its connection: another name in the
//! certificate, a certificate of the client's own. The other kinds have tests of their own.

use platform_core::probe::{Problem, Reason};

use testkit::redis::Redis;
use testkit::s3::S3;
use testkit::stripe::{ApiKey, Permission, StripeServer};
use testkit::subject::{Subject, Surroundings};
use testkit::tls::{Ca, TlsFront};
use testkit::web::{Web, reply};

const NAME: &str = "service.internal.example";

/// A source with time enough on a busy machine.
fn source(yaml: &str) -> Subject {
    let timeout = std::time::Duration::from_secs(20);
    Surroundings { timeout, ..Surroundings::default() }.source(yaml)
}

/// Why a source is down, if it is.
async fn down(yaml: &str) -> Option<Problem> {
    match source(yaml).probe().await {
        Ok(observation) => observation.failure,
        Err(problem) => Some(problem),
    }
}

/// How a source is written: with its address and the content of its `tls`.
type Yaml = fn(&str, &str) -> String;

/// Plain servers, with how a source that asks them is written.
struct Servers {
    s3: S3,
    stripe: StripeServer,
    web: Web,
}

impl Servers {
    async fn start() -> Self {
        let s3 = S3::start("key", "secret").await;
        s3.add_bucket("backups");
        let stripe = StripeServer::start().await;
        let all = [Permission::Events, Permission::WebhookEndpoints, Permission::EventDestinations];
        stripe.state().keys = vec![ApiKey::restricted("rk_live_planted1234", &all)];
        Self { s3, stripe, web: Web::start(|_| reply(200, "fine")).await }
    }

    fn all(&self) -> [(String, Yaml); 3] {
        let stripe = self.stripe.url().trim_start_matches("http://").to_owned();
        [
            (self.s3.address().to_owned(), |address, tls| {
                format!(
                    "s3: {{bucket: backups, endpoint: 'https://{address}', access_key_id: key, \
                     secret_access_key: secret, tls: {{{tls}}}}}"
                )
            }),
            (stripe, |address, tls| {
                format!(
                    "stripe: {{api_key: rk_live_planted1234, api_base: 'https://{address}', tls: {{{tls}}}}}"
                )
            }),
            (self.web.address().to_owned(), |address, tls| {
                format!("http: {{url: 'https://{address}', tls: {{{tls}}}}}")
            }),
        ]
    }
}

fn ca_file(ca: &Ca) -> String {
    format!("ca_file: '{}'", ca.certificate().display())
}

#[tokio::test]
async fn the_certificate_may_bear_another_name_than_the_host() {
    let (servers, ca) = (Servers::start().await, Ca::generate());
    let identity = ca.issue(&[NAME]);
    for (address, yaml) in servers.all() {
        let front = TlsFront::start(&address, &identity).await;
        for address in [front.address().to_owned(), front.address().replace("127.0.0.1", "localhost")] {
            let named = yaml(&address, &format!("{}, server_name: {NAME}", ca_file(&ca)));
            assert_eq!(down(&named).await, None, "{named}");
            for tls in [ca_file(&ca), format!("{}, server_name: other.example", ca_file(&ca))] {
                let misnamed = yaml(&address, &tls);
                assert_eq!(down(&misnamed).await.expect(&misnamed).reason, Reason::Tls, "{misnamed}");
            }
        }
    }
    // It is asked for under its own name all the same.
    let hosts: Vec<_> = servers.web.asked().iter().map(|asked| asked.header("host").to_owned()).collect();
    assert!(!hosts.is_empty() && hosts.iter().all(|host| !host.contains(NAME)), "{hosts:?}");
}

#[tokio::test]
async fn redis_may_bear_another_name_than_the_host() {
    let ca = Ca::generate();
    let server = Redis::options().tls(&ca, &ca.issue(&[NAME])).start().await;
    let yaml = |tls: &str| format!("redis: {{url: '{}', tls: {{{}{tls}}}}}", server.url(), ca_file(&ca));
    assert_eq!(down(&yaml(&format!(", server_name: {NAME}"))).await, None);
    assert_eq!(down(&yaml("")).await.expect("another name").reason, Reason::Tls);
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let (servers, ca, clients) = (Servers::start().await, Ca::generate(), Ca::generate());
    let (identity, own) = (ca.issue(&["127.0.0.1"]), clients.issue(&["exporter"]));
    for (address, yaml) in servers.all() {
        let front = TlsFront::start_for(&address, &identity, &clients).await;
        let shown = yaml(front.address(), &format!("{}, {}", ca_file(&ca), own.keys()));
        assert_eq!(down(&shown).await, None, "{shown}");
        for strange in ["", &format!(", {}", Ca::generate().issue(&["exporter"]).keys())] {
            let yaml = yaml(front.address(), &format!("{}{strange}", ca_file(&ca)));
            let problem = down(&yaml).await.expect(&yaml);
            // By TLS 1.3, the server refuses after the client is done; its alert may be lost with the connection.
            assert!(matches!(problem.reason, Reason::Tls | Reason::Connect), "{problem}");
        }
    }
}

/// A redirection leads to whom it names, not to whom the configuration names.
#[tokio::test]
async fn another_host_bears_its_own_name() {
    let (ca, web) = (Ca::generate(), Web::start(|_| reply(200, "fine")).await);
    let there = TlsFront::start(web.address(), &ca.issue(&["localhost"])).await;
    let target = format!("https://{}/", there.address().replace("127.0.0.1", "localhost"));
    let moved = Web::start(move |_| testkit::web::with(reply(302, ""), "location", &target)).await;
    let here = TlsFront::start(moved.address(), &ca.issue(&[NAME])).await;
    let tls = format!("{}, server_name: {NAME}", ca_file(&ca));
    assert_eq!(down(&format!("http: {{url: 'https://{}/', tls: {{{tls}}}}}", here.address())).await, None);
    assert_eq!(web.asked().len(), 1);
}
