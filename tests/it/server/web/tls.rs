//! The server's side of TLS, as other implementations see it.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nix::sys::signal::{Signal, kill};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Files, Site, TLS, output, run};
use testkit::http;

fn openssl(site: &Site, arguments: &[&str]) -> String {
    let (address, ca) = (site.address(), site.files.path("ca.pem"));
    let all = ["s_client", "-connect", &address, "-CAfile", &ca, "-verify_return_error"];
    output("openssl", &[&all[..], arguments].concat())
}

impl Site {
    /// A connection on which HTTP/2 is spoken.
    async fn http2(&self) -> SendRequest<Empty<Bytes>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.files.ca.certificate()).unwrap()).unwrap();
        testkit::install_ring();
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(self.address()).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

fn curl(site: &Site, arguments: &[&str]) -> String {
    let (url, ca) = (site.url("/metrics"), site.files.path("ca.pem"));
    let all = ["--silent", "--show-error", "--noproxy", "*", "--cacert", &ca, "--output", "/dev/null"];
    output("curl", &[&all[..], &["--write-out", "%{http_version} %{http_code}"], arguments, &[&url]].concat())
}

#[tokio::test]
async fn metrics_are_served_by_https_in_both_versions_of_http() {
    let site = Site::start(TLS).await;
    assert_eq!(site.status(site.client(), "/metrics").await, Ok(200));
    assert_eq!(curl(&site, &["--http2"]), "2 200");
    assert_eq!(curl(&site, &["--http1.1"]), "1.1 200");
    assert_eq!(curl(&site, &["--http2", "--compressed", "--head"]), "2 200");
    let long = format!("X-Long: {}", "x".repeat(20_000));
    assert_eq!(curl(&site, &["--http2", "--header", &long]), "2 431");
    for (arguments, expected) in [
        (&["-tls1_3"][..], "New, TLSv1.3"),
        (&["-tls1_2"], "New, TLSv1.2"),
        (&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], "no peer certificate available"),
    ] {
        let reported = openssl(&site, arguments);
        assert!(reported.contains(expected), "{arguments:?}: {reported}");
    }
    // Whoever comes without TLS gets that answer, both ways.
    let plain = http::client().get(site.exporter.url("/metrics")).send().await.unwrap();
    assert_eq!(plain.status().as_u16(), 400);
    assert!(plain.text().await.unwrap().contains("HTTPS"));
    assert!(site.exporter.log().contains("tls=true"), "{}", site.exporter.log());
}

#[tokio::test]
async fn versions_suites_and_curves_are_those_of_the_file() {
    let web = "\
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  max_version: TLS12
  cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
  curve_preferences: [CurveP384]
http_server_config: {http2: false}
";
    let site = Site::start(web).await;
    assert_eq!(curl(&site, &["--http2"]), "1.1 200");
    let reported =
        openssl(&site, &["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"]);
    for expected in ["New, TLSv1.2, Cipher is ECDHE-ECDSA-CHACHA20-POLY1305", "ECDH, secp384r1, 384 bits"] {
        assert!(reported.contains(expected), "{expected}: {reported}");
    }
    for refused in [&["-tls1_3"][..], &["-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], &["-curves", "X25519"]] {
        let reported = openssl(&site, refused);
        assert!(reported.contains("no peer certificate available"), "{refused:?}: {reported}");
    }
    site.files.write("web.yml", &web.replace("max_version: TLS12", "prefer_server_cipher_suites: false"));
    let order = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305";
    let reported = openssl(&site, &["-tls1_2", "-cipher", order]);
    assert!(reported.contains("Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"), "{reported}");
    assert!(openssl(&site, &["-tls1_3"]).contains("New, TLSv1.3"));
}

#[tokio::test]
async fn certificate_and_key_may_stand_in_the_file() {
    let files = Files::new("");
    let indented = |name: &str| fs::read_to_string(files.path(name)).unwrap().replace('\n', "\n    ");
    let web = format!(
        "tls_server_config:\n  cert: |\n    {}\n  key: |\n    {}\n",
        indented("server.pem"),
        indented("server.key")
    );
    files.write("web.yml", &web);
    let key_line = fs::read_to_string(files.path("server.key")).unwrap().lines().nth(1).unwrap().to_owned();
    let site = files.serve().await;
    assert_eq!(site.status(site.client(), "/metrics").await, Ok(200));
    site.files.write("web.yml", &web.replace("cert:", "crt:"));
    assert_eq!(site.status(site.client(), "/metrics").await, Ok(200));
    let log = site.exporter.log();
    assert!(log.contains("did you mean `cert`?") && !log.contains(&key_line), "{log}");
}

/// Connections on which nothing is asked do not hold up the end, whatever is spoken on them.
#[tokio::test]
async fn idle_connections_are_drained() {
    let mut site = Site::start(TLS).await;
    let _silent = TcpStream::connect(site.address()).await.unwrap();
    let kept = site.client();
    assert_eq!(site.status(kept.clone(), "/metrics").await, Ok(200));
    let mut http2 = site.http2().await;
    let request = hyper::Request::get(site.url("/metrics")).body(Empty::<Bytes>::new()).unwrap();
    let response = http2.send_request(request).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, hyper::Version::HTTP_2));
    drop(response);
    let process = site.exporter.process();
    kill(process.pid(), Signal::SIGTERM).unwrap();
    assert_eq!(process.ended(Duration::from_secs(10)).await.code(), Some(0));
    let log = site.exporter.log();
    assert!(!log.contains("still running"), "{log}");
}

/// It asks in plain HTTP, whatever is spoken, and wants no certificate and no password.
#[tokio::test]
async fn the_health_check_needs_neither_certificate_nor_password() {
    let clients = "{cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem, \
                   client_auth_type: RequireAndVerifyClientCert}";
    let hash = super::hash("geheim");
    for web in [
        String::new(),
        TLS.to_owned(),
        format!("tls_server_config: {clients}\n"),
        format!("basic_auth_users: {{alice: {hash}}}\n"),
        format!("tls_server_config: {clients}\nbasic_auth_users: {{alice: {hash}}}\n"),
    ] {
        let site = Site::start(&web).await;
        let output = run(&["healthcheck", "--web.listen-address", &site.address()]);
        assert!(output.status.success(), "{web}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let site = Site::start(TLS).await;
    let address = site.address();
    drop(site);
    assert!(!run(&["healthcheck", "--web.listen-address", &address]).status.success());
}
