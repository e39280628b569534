//! TLS towards sources: the system's authorities, to which a source's own is added, never replacing them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

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
}

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
        Ok(Self { ca_file: raw.ca_file, identity, server_name })
    }
}

impl Tls {
    /// The client side of TLS. Reads the files anew, so a renewed certificate counts from the next connection on.
    ///
    /// # Errors
    /// `tls` when a file cannot be read or used.
    pub(super) fn client_config(&self) -> Result<ClientConfig, Problem> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(system_authorities());
        for (certificate, path) in self.own_authorities()? {
            roots.add(certificate).map_err(|error| unusable(path, &error))?;
        }
        let builder = trusting(roots)?;
        match &self.identity {
            Some(Identity { cert_file, key_file }) => {
                let key =
                    PrivateKeyDer::from_pem_file(key_file).map_err(|error| unusable(key_file, &error))?;
                builder
                    .with_client_auth_cert(certificates(cert_file)?, key)
                    .map_err(|error| unusable(cert_file, &error))
            }
            None => Ok(builder.with_no_client_auth()),
        }
    }

    /// For a client that wants a configuration also where it speaks no TLS: trusts nobody, and reads no file.
    ///
    /// # Errors
    /// None that could be mended.
    pub(super) fn unused_client_config() -> Result<ClientConfig, Problem> {
        Ok(trusting(RootCertStore::empty())?.with_no_client_auth())
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

    fn own_authorities(&self) -> Result<Vec<(CertificateDer<'static>, &Path)>, Problem> {
        let Some(path) = &self.ca_file else { return Ok(Vec::new()) };
        Ok(certificates(path)?.into_iter().map(|certificate| (certificate, path.as_path())).collect())
    }
}

fn trusting(roots: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Problem> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Problem::new(Reason::Tls, error))?;
    Ok(builder.with_root_certificates(roots))
}

fn system_authorities() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, &error))?;
    certificates.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> Problem {
    Problem::new(Reason::Tls, format!("cannot use {}: {error}", path.display()))
}
