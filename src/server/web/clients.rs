//! Client certificates.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use super::certificates::{SectionReader, present};

/// `client_auth_type`, from weakest to strongest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
pub(super) enum ClientAuth {
    /// No certificate is requested.
    #[default]
    #[serde(rename = "NoClientCert")]
    No,
    /// A certificate is requested, and not verified.
    #[serde(rename = "RequestClientCert")]
    Request,
    /// A certificate is required, and not verified.
    #[serde(rename = "RequireAnyClientCert", alias = "RequireClientCert")]
    RequireAny,
    /// If there is one, it must be issued by a configured CA.
    #[serde(rename = "VerifyClientCertIfGiven")]
    VerifyIfGiven,
    /// A certificate issued by a configured CA is required.
    #[serde(rename = "RequireAndVerifyClientCert")]
    RequireAndVerify,
}

/// The requirements on client certificates.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) auth: ClientAuth,
    /// The verifier, if certificates are requested.
    pub(super) check: Option<Arc<ClientCheck>>,
}

impl Clients {
    /// A requirement of earlier settings that these lack.
    pub(super) fn gives_up(&self, earlier: &Self) -> Option<&'static str> {
        let checks_names =
            |clients: &Self| clients.check.as_ref().is_some_and(|check| check.allowed_names.is_some());
        if self.auth < earlier.auth {
            return Some("client_auth_type");
        }
        (checks_names(earlier) && !checks_names(self)).then_some("client_allowed_sans")
    }
}

impl SectionReader<'_> {
    /// Reads the requirements on clients. Returns `None` if there are errors.
    pub(super) fn clients(&mut self, provider: &Arc<CryptoProvider>) -> Option<Clients> {
        let allowed_names = self.section.key("client_allowed_sans", self.faults);
        let roots = self.roots();
        let auth = match self.section.key("client_auth_type", self.faults) {
            None if self.section.has("client_auth_type") => return None,
            auth => auth.unwrap_or_default(),
        };
        if auth == ClientAuth::No {
            for key in ["client_ca_file", "client_ca", "client_allowed_sans"] {
                if self.section.has(key) {
                    self.fault(
                        key,
                        "it has no effect without `client_auth_type: RequireAndVerifyClientCert`",
                    );
                }
            }
            return Some(Clients { auth, check: None });
        }
        let is_verified = matches!(auth, ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify);
        let authorities = if is_verified { Some(self.authorities(roots, provider)?) } else { None };
        let check = ClientCheck {
            authorities,
            is_mandatory: matches!(auth, ClientAuth::RequireAny | ClientAuth::RequireAndVerify),
            allowed_names,
            algorithms: provider.signature_verification_algorithms,
        };
        Some(Clients { auth, check: Some(Arc::new(check)) })
    }

    fn roots(&mut self) -> Option<RootCertStore> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates("client_ca", "client_ca_file")? {
            if let Err(error) = roots.add(certificate) {
                self.fault(present(self.section, "client_ca"), format!("cannot be used: {error}"));
                return None;
            }
        }
        Some(roots)
    }

    fn authorities(
        &mut self,
        roots: Option<RootCertStore>,
        provider: &Arc<CryptoProvider>,
    ) -> Option<Arc<dyn ClientCertVerifier>> {
        if !self.section.has("client_ca") && !self.section.has("client_ca_file") {
            self.fault("client_auth_type", "it needs `client_ca_file`, or `client_ca` with inline PEM");
        }
        let provider = Arc::clone(provider);
        match WebPkiClientVerifier::builder_with_provider(Arc::new(roots?), provider).build() {
            Ok(authorities) => Some(authorities),
            Err(error) => {
                self.fault(present(self.section, "client_ca"), format!("cannot be used: {error}"));
                None
            }
        }
    }
}

/// Checks the certificates of clients.
#[derive(Debug)]
pub(super) struct ClientCheck {
    /// The accepted CAs, if the issuer is checked.
    authorities: Option<Arc<dyn ClientCertVerifier>>,
    /// Whether a certificate is required.
    is_mandatory: bool,
    /// The accepted names, if names are checked; one is enough.
    allowed_names: Option<Vec<String>>,
    /// The supported signature algorithms.
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for ClientCheck {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authorities.as_ref().map_or(&[], |authorities| authorities.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(authorities) = &self.authorities {
            authorities.verify_client_cert(end_entity, intermediates, now)?;
        }
        match &self.allowed_names {
            Some(allowed) if !names(end_entity)?.iter().any(|name| allowed.contains(name)) => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A certificate's subject alternative names, as written in a configuration.
fn names(certificate: &CertificateDer<'_>) -> Result<Vec<String>, Error> {
    let bad = |_| Error::from(CertificateError::BadEncoding);
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(bad)?;
    let extensions =
        certificate.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        });
    Ok(extensions.flatten().filter_map(written).collect())
}

fn written(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => Some(std::net::IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?).to_string()),
            _ => Some(std::net::IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
        },
        _ => None,
    }
}
