//! `tls_server_config`: the server's side of TLS.

use std::sync::Arc;

use platform_core::yaml::Faults;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use super::certificates::{SectionReader, present};
use super::clients::{ClientCheck, Clients};
use super::files::Files;
use super::section::Section;

/// The ALPN name of HTTP/2.
pub(in crate::server) const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

pub(super) const KEYS: [&str; 13] = [
    "cert_file",
    "key_file",
    "cert",
    "key",
    "client_auth_type",
    "client_ca_file",
    "client_ca",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
];

/// The server's TLS settings.
#[derive(Debug)]
pub(super) struct ServerTls {
    pub(super) config: Arc<ServerConfig>,
    pub(super) clients: Clients,
}

/// Reads the section. Returns `None` if there are errors; all of them are then in `faults`.
pub(super) fn read(
    section: &Section<'_>,
    http2: bool,
    files: &mut Files,
    faults: &mut Faults,
) -> Option<ServerTls> {
    let mut reading = SectionReader { section, files, faults };
    let provider = Arc::new(reading.provider());
    let versions = reading.versions();
    let certificate = reading.certificate();
    let clients = reading.clients(&provider);
    let prefers_own_order = section.key("prefer_server_cipher_suites", reading.faults).unwrap_or(true);
    let (chain, key) = certificate?;
    let builder = match ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions?) {
        Ok(builder) => builder,
        Err(error) => {
            section.fault("cipher_suites", format!("they do not match the TLS versions: {error}"), faults);
            return None;
        }
    };
    let clients = clients?;
    let builder = match &clients.check {
        Some(check) => builder.with_client_cert_verifier(Arc::<ClientCheck>::clone(check)),
        None => builder.with_no_client_auth(),
    };
    let mut config = match builder.with_single_cert(chain, key) {
        Ok(config) => config,
        Err(rustls::Error::InconsistentKeys(_)) => {
            section.fault(present(section, "key"), "the key does not match the certificate", faults);
            return None;
        }
        Err(error) => {
            section.fault(present(section, "cert"), format!("cannot be used: {error}"), faults);
            return None;
        }
    };
    config.ignore_client_order = prefers_own_order;
    // A resumed session would readmit a client whose certificate is no longer valid.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = if http2 { vec![HTTP2.to_vec(), HTTP1.to_vec()] } else { vec![HTTP1.to_vec()] };
    Some(ServerTls { config: Arc::new(config), clients })
}

impl SectionReader<'_> {
    fn versions(&mut self) -> Option<Vec<&'static SupportedProtocolVersion>> {
        let [Some(min), Some(max)] =
            [("min_version", 12), ("max_version", 13)].map(|(key, default)| self.version(key, default))
        else {
            return None;
        };
        if min > max {
            self.fault("min_version", "expected at most `max_version`");
            return None;
        }
        let versions = [(12, &TLS12), (13, &TLS13)].into_iter();
        Some(
            versions
                .filter(|(version, _)| (min..=max).contains(version))
                .map(|(_, version)| version)
                .collect(),
        )
    }

    fn version(&mut self, key: &str, default: u8) -> Option<u8> {
        if !self.section.has(key) {
            return Some(default);
        }
        let name: String = self.section.key(key, self.faults)?;
        match name.as_str() {
            "TLS12" => Some(12),
            "TLS13" => Some(13),
            "TLS10" | "TLS11" => {
                self.fault(key, "TLS 1.0 and 1.1 are insecure and not supported: expected TLS12 or TLS13");
                None
            }
            _ => {
                self.fault(key, format!("expected TLS12 or TLS13, found `{name}`"));
                None
            }
        }
    }

    fn provider(&mut self) -> CryptoProvider {
        let mut provider = ring::default_provider();
        let suites: Vec<_> =
            provider.cipher_suites.iter().map(|suite| (suite_name(*suite), *suite)).collect();
        if let Some(chosen) = self.section.choice("cipher_suites", &suites, self.faults) {
            // As in Go, those of TLS 1.3 are not configurable.
            let is_new = |suite: &SupportedCipherSuite| suite.tls13().is_some();
            provider.cipher_suites.retain(is_new);
            provider.cipher_suites.extend(chosen.into_iter().filter(|suite| !is_new(suite)));
        }
        let curves: Vec<_> = provider.kx_groups.iter().map(|group| (curve_name(*group), *group)).collect();
        if let Some(chosen) = self.section.choice("curve_preferences", &curves, self.faults)
            && !chosen.is_empty()
        {
            provider.kx_groups = chosen;
        }
        provider
    }
}

/// Go's name of a cipher suite, which is the registered one.
fn suite_name(suite: SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
}

/// Go's name of a curve.
fn curve_name(group: &dyn SupportedKxGroup) -> String {
    format!("{:?}", group.name()).replacen("secp", "CurveP", 1).replacen("r1", "", 1)
}
