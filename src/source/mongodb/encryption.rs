//! TLS with servers: whom every source trusts, and what the URL says.

use std::path::PathBuf;
use std::sync::Arc;

use ::mongodb::options::{Tls as DriverTls, TlsOptions};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::probe::{Problem, Reason};
use crate::source::tls::{Identity, Tls};

/// How to encrypt, wherever TLS is turned on: by a key or in the URL.
///
/// # Errors
/// `tls` when a file cannot be read or used.
pub(super) fn encryption(
    url: Option<&DriverTls>,
    own: Option<&Tls>,
) -> Result<Option<(Tls, Arc<ClientConfig>)>, Problem> {
    let url = match (url, own) {
        (Some(DriverTls::Enabled(url)), _) => url.clone(),
        (_, Some(_)) => TlsOptions::default(),
        (_, None) => return Ok(None),
    };
    let mut tls = own.cloned().unwrap_or_default();
    if let Some(path) = url.cert_key_file_path {
        tls.identity.get_or_insert(Identity { cert_file: path.clone(), key_file: path });
    }
    let mut config = tls.client_config()?;
    if let Some(path) = url.ca_file_path {
        config.dangerous().set_certificate_verifier(only(path)?);
    }
    if url.allow_invalid_certificates == Some(true) {
        let anyone = Anyone(ring::default_provider());
        config.dangerous().set_certificate_verifier(Arc::new(anyone));
    }
    Ok(Some((tls, Arc::new(config))))
}

/// Trusts the authorities of a file alone, as the URL's `tlsCAFile` means it.
fn only(path: PathBuf) -> Result<Arc<WebPkiServerVerifier>, Problem> {
    let unusable = |error: &dyn std::error::Error| {
        Problem::new(Reason::Tls, format!("cannot use {}: {error}", path.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&path).map_err(|error| unusable(&error))? {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| unusable(&error))
}

/// Takes any certificate, as the URL's `tlsInsecure` and `tlsAllowInvalidCertificates` mean it.
#[derive(Debug)]
struct Anyone(CryptoProvider);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
