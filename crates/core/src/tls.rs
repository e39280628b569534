//! TLS to sources: trusted CAs and client certificates.

mod lenient;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use secrecy::{ExposeSecret, SecretString};

use self::lenient::Lenient;
use crate::off_thread::{CurrentFile, OffThread};
use crate::probe::{Problem, Reason};

/// The `tls` key of a source.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Raw")]
#[schemars(with = "Raw")]
pub struct Tls {
    /// A PEM file of CA certificates that are trusted in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// The client certificate.
    pub identity: Option<Identity>,
    /// The expected name in the server's certificate, if it is not the host of the URL.
    pub server_name: Option<DnsName<'static>>,
    /// Which certificates are accepted.
    pub trust: Trust,
    /// Reads the files.
    pub reading: OffThread<Result<ClientConfig, Problem>>,
}

/// Which certificates of a server are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// From the system's CAs or `ca_file`, for the server's name.
    #[default]
    System,
    /// Only from `ca_file`, for the server's name.
    FileAlone,
    /// From the system's CAs or `ca_file`, for any name.
    AnyName,
    /// Any.
    Anyone,
}

/// No file of certificates is larger: the system's own CAs take a quarter of a MiB.
const LARGEST_FILE: u64 = 4 << 20;

/// A client's certificate with its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate, with its chain, as PEM.
    pub cert_file: PathBuf,
    /// The key, as PEM.
    pub key_file: PathBuf,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Raw {
    /// A PEM file of CA certificates that are trusted in addition to the system's.
    ca_file: Option<PathBuf>,
    /// A PEM file with the client certificate; needs `key_file`.
    cert_file: Option<PathBuf>,
    /// A PEM file with the key of the client certificate.
    key_file: Option<PathBuf>,
    /// The name in the server's certificate, if it is not the host of the URL.
    server_name: Option<String>,
}

impl TryFrom<Raw> for Tls {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let identity = match (raw.cert_file, raw.key_file) {
            (Some(cert_file), Some(key_file)) => Some(Identity { cert_file, key_file }),
            (None, None) => None,
            _ => return Err("`cert_file` and `key_file` belong together: set both".to_owned()),
        };
        let server_name = raw.server_name.map(DnsName::try_from).transpose();
        let server_name = server_name
            .map_err(|_| "expected `server_name` to be a DNS name, as in db.internal.example".to_owned())?;
        Ok(Self {
            ca_file: raw.ca_file,
            identity,
            server_name,
            trust: Trust::default(),
            reading: OffThread::default(),
        })
    }
}

impl Tls {
    /// The client's TLS configuration. Reads every file again, so a renewed certificate is used from the next
    /// connection on.
    ///
    /// # Errors
    /// `tls` when a file cannot be read or used, `timeout` when one cannot be read in time.
    pub async fn client_config(&self) -> Result<ClientConfig, Problem> {
        let (ca_file, identity, trust) = (self.ca_file.clone(), self.identity.clone(), self.trust);
        self.reading.run(move |file| client_config(ca_file.as_deref(), identity, trust, file)).await?
    }

    /// The same without the client certificate, for hosts that must not see it.
    pub fn without_identity(&self) -> Self {
        // A read for one must not be used for the other.
        Self { identity: None, reading: OffThread::default(), ..self.clone() }
    }

    /// The name expected in the certificate of this host.
    ///
    /// # Errors
    /// `tls` when the host is not valid in a certificate.
    pub fn name_of(&self, host: &str) -> Result<ServerName<'static>, Problem> {
        match &self.server_name {
            Some(name) => Ok(ServerName::DnsName(name.clone())),
            None => ServerName::try_from(host.to_owned())
                .map_err(|error| Problem::new(Reason::Tls, format!("{host}: {error}"))),
        }
    }
}

fn client_config(
    ca_file: Option<&Path>,
    identity: Option<Identity>,
    trust: Trust,
    current: &CurrentFile,
) -> Result<ClientConfig, Problem> {
    let mut roots = RootCertStore::empty();
    if matches!(trust, Trust::System | Trust::AnyName) {
        current.set(Path::new("the system's certificate authorities"));
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if let Some(path) = ca_file {
        for certificate in certificates(path, current)? {
            roots.add(certificate).map_err(|error| unusable(path, &error))?;
        }
    }
    let builder = accepting(roots, trust)?;
    let Some(Identity { cert_file, key_file }) = identity else { return Ok(builder.with_no_client_auth()) };
    let own = certificates(&cert_file, current)?;
    let key = read(&key_file, current)?;
    let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes());
    let key = key.map_err(|error| unusable(&key_file, &error))?;
    builder.with_client_auth_cert(own, key).map_err(|error| unusable(&cert_file, &error))
}

fn accepting(
    roots: RootCertStore,
    trust: Trust,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Problem> {
    let no = |error: &dyn std::error::Error| Problem::new(Reason::Tls, error);
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| no(&error))?;
    let authorities = match trust {
        Trust::System | Trust::FileAlone => return Ok(builder.with_root_certificates(roots)),
        Trust::Anyone => None,
        Trust::AnyName => {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            Some(verifier.build().map_err(|error| no(&error))?)
        }
    };
    let verifier = Arc::new(Lenient { authorities, provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier))
}

/// The content of a PEM file, which may be a private key.
fn read(path: &Path, current: &CurrentFile) -> Result<SecretString, Problem> {
    current.set(path);
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_FILE).read_to_string(&mut text));
    let text = SecretString::from(text);
    read.map_err(|error| unusable(path, &error))?;
    Ok(text)
}

fn certificates(path: &Path, current: &CurrentFile) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let pem = read(path, current)?;
    let certificates = CertificateDer::pem_slice_iter(pem.expose_secret().as_bytes());
    certificates.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> Problem {
    Problem::new(Reason::Tls, format!("cannot use {}: {error}", path.display()))
}
