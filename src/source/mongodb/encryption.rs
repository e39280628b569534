//! TLS with servers: whom every source trusts, and what the URL says.

use std::path::Path;
use std::sync::Arc;

use ::mongodb::options::{Tls as DriverTls, TlsOptions};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::probe::{Problem, Reason};
use crate::source::tls::{Identity, Pem, Tls};

/// How to encrypt, wherever TLS is turned on: by a key or in the URL.
pub(super) struct Encryption {
    is_on: bool,
    own: Tls,
    /// For the authorities that the URL names.
    of_url: Tls,
}

impl Encryption {
    pub(super) fn new(own: Option<&Tls>) -> Self {
        Self { is_on: own.is_some(), own: own.cloned().unwrap_or_default(), of_url: Tls::default() }
    }

    /// Takes in what the URL says, and reads the files.
    ///
    /// # Errors
    /// `tls` when a file cannot be read or used, `timeout` when one cannot be read in time.
    pub(super) async fn with(
        &self,
        url: Option<&DriverTls>,
    ) -> Result<Option<(Tls, Arc<ClientConfig>)>, Problem> {
        let url = match url {
            Some(DriverTls::Enabled(url)) => url.clone(),
            _ if self.is_on => TlsOptions::default(),
            _ => return Ok(None),
        };
        let mut tls = self.own.clone();
        if let Some(path) = url.cert_key_file_path {
            tls.identity.get_or_insert(Identity { cert_file: path.clone(), key_file: path });
        }
        let mut config = tls.client_config().await?;
        if let Some(path) = url.ca_file_path {
            let of_url = Tls { ca_file: Some(path.clone()), ..self.of_url.clone() };
            let loaded = of_url.load().await?;
            let pem = loaded.ca.as_ref().map_or(&[][..], Pem::bytes);
            config.dangerous().set_certificate_verifier(only(pem, &path)?);
        }
        if url.allow_invalid_certificates == Some(true) {
            let anyone = Anyone(ring::default_provider());
            config.dangerous().set_certificate_verifier(Arc::new(anyone));
        }
        Ok(Some((tls, Arc::new(config))))
    }
}

/// Trusts the authorities of a file alone, as the URL's `tlsCAFile` means it.
fn only(pem: &[u8], path: &Path) -> Result<Arc<WebPkiServerVerifier>, Problem> {
    let unusable = |error: &dyn std::error::Error| {
        Problem::new(Reason::Tls, format!("cannot use {}: {error}", path.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
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
