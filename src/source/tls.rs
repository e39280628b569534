//! TLS towards sources: the system's authorities, to which a source's own is added, never replacing them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::probe::{Problem, Reason};

/// The `tls` key of a source.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct Tls {
    /// A file of PEM certificates of authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate, with its chain, as PEM.
    pub cert_file: Option<PathBuf>,
    /// The key of the client's certificate, as PEM.
    pub key_file: Option<PathBuf>,
}

impl Tls {
    /// The client side of TLS. Reads the files anew, so a renewed certificate counts from the next connection on.
    ///
    /// # Errors
    /// `tls` when a file cannot be read or used.
    pub(super) fn client_config(&self) -> Result<ClientConfig, Problem> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &self.ca_file {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| unusable(path, &error))?;
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Problem::new(Reason::Tls, error))?
            .with_root_certificates(roots);
        match (&self.cert_file, &self.key_file) {
            (Some(cert), Some(key)) => {
                let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
                builder
                    .with_client_auth_cert(certificates(cert)?, key_der)
                    .map_err(|error| unusable(cert, &error))
            }
            (None, None) => Ok(builder.with_no_client_auth()),
            _ => Err(Problem::new(Reason::Tls, "`cert_file` and `key_file` belong together: give both")),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, &error))?;
    certificates.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> Problem {
    Problem::new(Reason::Tls, format!("cannot use {}: {error}", path.display()))
}
