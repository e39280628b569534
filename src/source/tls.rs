//! TLS towards sources: the system's authorities, to which a source's own is added, never replacing them.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use secrecy::{ExposeSecret, SecretString};

use crate::off_thread::{CurrentFile, OffThread};
use crate::probe::{Problem, Reason};

/// The `tls` key of a source.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(try_from = "Raw")]
pub struct Tls {
    /// A file of PEM certificates of authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// What the client shows.
    pub identity: Option<Identity>,
    /// The name that the server's certificate has to bear, where it is not the host of the URL.
    pub server_name: Option<DnsName<'static>>,
    pub(super) reading: OffThread<Result<Arc<Loaded>, Problem>>,
}

/// What the files of a source hold, and what follows from it.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The client side of TLS.
    pub(super) config: ClientConfig,
    /// The source's own authorities, as PEM.
    pub(super) ca: Option<Pem>,
    /// What the client shows, as PEM: certificate and key.
    pub(super) identity: Option<(Pem, Pem)>,
}

/// The content of a PEM file. It may be a private key, so it is never printed.
#[derive(Clone)]
pub(super) struct Pem(SecretString);

impl Pem {
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<PEM>")
    }
}

/// No file of certificates is larger: the system's own authorities take a quarter of a MiB.
const LARGEST_FILE: u64 = 4 << 20;

/// A client's certificate with its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate, with its chain, as PEM.
    pub cert_file: PathBuf,
    /// The key, as PEM.
    pub key_file: PathBuf,
}

#[derive(serde::Deserialize)]
struct Raw {
    ca_file: Option<PathBuf>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    server_name: Option<String>,
}

impl TryFrom<Raw> for Tls {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let identity = match (raw.cert_file, raw.key_file) {
            (Some(cert_file), Some(key_file)) => Some(Identity { cert_file, key_file }),
            (None, None) => None,
            _ => return Err("`cert_file` and `key_file` belong together: give both".to_owned()),
        };
        let server_name = raw.server_name.map(DnsName::try_from).transpose();
        let server_name = server_name
            .map_err(|_| "expected `server_name` to be a DNS name, as in db.internal.example".to_owned())?;
        Ok(Self { ca_file: raw.ca_file, identity, server_name, reading: OffThread::default() })
    }
}

impl Tls {
    /// The client side of TLS. Reads the files anew, so a renewed certificate counts from the next connection on.
    ///
    /// # Errors
    /// `tls` when a file cannot be read or used.
    pub(super) async fn client_config(&self) -> Result<ClientConfig, Problem> {
        Ok(self.load().await?.config.clone())
    }

    /// Reads and checks every file, the system's authorities among them.
    ///
    /// # Errors
    /// `tls` when a file cannot be read or used, `timeout` when one cannot be read in time.
    pub(super) async fn load(&self) -> Result<Arc<Loaded>, Problem> {
        let (ca_file, identity) = (self.ca_file.clone(), self.identity.clone());
        self.reading.run(move |file| Loaded::read(ca_file, identity, file).map(Arc::new)).await?
    }

    /// The same for hosts that are not to see who the client is.
    pub(super) fn without_identity(&self) -> Self {
        // What is read for the one must not be taken for the other.
        Self { identity: None, reading: OffThread::default(), ..self.clone() }
    }

    /// The name that the certificate of this host has to bear.
    ///
    /// # Errors
    /// `tls` when the host cannot stand in a certificate.
    pub(super) fn name_of(&self, host: &str) -> Result<ServerName<'static>, Problem> {
        match &self.server_name {
            Some(name) => Ok(ServerName::DnsName(name.clone())),
            None => ServerName::try_from(host.to_owned())
                .map_err(|error| Problem::new(Reason::Tls, format!("{host}: {error}"))),
        }
    }

    /// For a driver that checks a certificate against the host of the URL, and cannot be told another name.
    ///
    /// # Errors
    /// When a name is given.
    pub(super) fn refuse_server_name(&self) -> Result<(), &'static str> {
        match self.server_name {
            None => Ok(()),
            Some(_) => Err(
                "`tls.server_name` is not possible here: the driver checks the certificate against the host of \
                            the URL; give that name there, and its address in /etc/hosts (`extra_hosts` of a container)",
            ),
        }
    }
}

impl Loaded {
    fn read(
        ca_file: Option<PathBuf>,
        identity: Option<Identity>,
        current: &CurrentFile,
    ) -> Result<Self, Problem> {
        current.set(Path::new("the system's certificate authorities"));
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let ca = ca_file.map(|path| Ok::<_, Problem>((pem(&path, current)?, path))).transpose()?;
        if let Some((pem, path)) = &ca {
            for certificate in certificates(pem, path)? {
                roots.add(certificate).map_err(|error| unusable(path, &error))?;
            }
        }
        let builder = trusting(roots)?;
        let (config, identity) = match identity {
            None => (builder.with_no_client_auth(), None),
            Some(Identity { cert_file, key_file }) => {
                let (cert, key) = (pem(&cert_file, current)?, pem(&key_file, current)?);
                let own = PrivateKeyDer::from_pem_slice(key.bytes());
                let own = own.map_err(|error| unusable(&key_file, &error))?;
                let config = builder.with_client_auth_cert(certificates(&cert, &cert_file)?, own);
                (config.map_err(|error| unusable(&cert_file, &error))?, Some((cert, key)))
            }
        };
        Ok(Self { config, ca: ca.map(|(pem, _)| pem), identity })
    }
}

fn trusting(roots: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Problem> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Problem::new(Reason::Tls, error))?;
    Ok(builder.with_root_certificates(roots))
}

fn pem(path: &Path, current: &CurrentFile) -> Result<Pem, Problem> {
    current.set(path);
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_FILE).read_to_string(&mut text));
    let pem = Pem(text.into());
    read.map_err(|error| unusable(path, &error))?;
    Ok(pem)
}

fn certificates(pem: &Pem, path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let certificates = CertificateDer::pem_slice_iter(pem.bytes());
    certificates.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> Problem {
    Problem::new(Reason::Tls, format!("cannot use {}: {error}", path.display()))
}
