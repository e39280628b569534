//! What a TLS handshake shows, as blackbox_exporter exports it.

use platform_core::metric::{Family, label_value};
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, ProtocolVersion, SupportedCipherSuite};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

use super::families::{CERTIFICATE, CIPHER, EXPIRY, TLS_VERSION};

/// A handshake that succeeded.
pub(super) struct Handshake {
    version: Option<ProtocolVersion>,
    cipher: Option<SupportedCipherSuite>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Handshake {
    pub(super) fn of(connection: &ClientConnection) -> Self {
        Self {
            version: connection.protocol_version(),
            cipher: connection.negotiated_cipher_suite(),
            certificates: connection.peer_certificates().unwrap_or_default().to_vec(),
        }
    }

    pub(super) fn families(&self) -> Vec<Family> {
        let parsed =
            self.certificates.iter().map(|der| Some(x509_parser::parse_x509_certificate(der).ok()?.1));
        let parsed: Vec<_> = parsed.collect();
        let ends = parsed.iter().flatten().map(|certificate| certificate.validity().not_after.timestamp());
        #[expect(clippy::cast_precision_loss, reason = "exact for 285 million years")]
        let earliest = ends.min().map(|time| EXPIRY.value(time as f64));
        let leaf = self.certificates.first().zip(parsed.first().and_then(Option::as_ref));
        let version = self.version.and_then(version_name).map(|name| TLS_VERSION.family().with([name], 1.0));
        let cipher = self.cipher.and_then(cipher_name).map(|name| CIPHER.family().with([&*name], 1.0));
        let leaf = leaf.map(|(der, certificate)| description(der, certificate));
        [earliest, version, cipher, leaf].into_iter().flatten().collect()
    }
}

fn version_name(version: ProtocolVersion) -> Option<&'static str> {
    match version {
        ProtocolVersion::TLSv1_2 => Some("TLS 1.2"),
        ProtocolVersion::TLSv1_3 => Some("TLS 1.3"),
        _ => None,
    }
}

/// Its name in the registry of IANA, which has no version in those of TLS 1.3.
fn cipher_name(cipher: SupportedCipherSuite) -> Option<String> {
    Some(cipher.suite().as_str()?.replacen("TLS13_", "TLS_", 1))
}

fn description(der: &CertificateDer<'_>, certificate: &X509Certificate<'_>) -> Family {
    let fingerprint = hex::encode(digest(&SHA256, der));
    // A positive number whose first bit is set has a byte of zeros before it.
    let serial = certificate.raw_serial();
    let first = serial.iter().position(|byte| *byte != 0).unwrap_or(serial.len());
    let labels = [
        fingerprint,
        distinguished_name(certificate.subject()),
        distinguished_name(certificate.issuer()),
        alternative_names(certificate),
        hex::encode(&serial[first..]),
    ];
    let labels = labels.each_ref().map(|text| label_value(text));
    CERTIFICATE.family().with(labels.each_ref().map(|text| &**text), 1.0)
}

/// The host names for which it was issued.
fn alternative_names(certificate: &X509Certificate<'_>) -> String {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.iter().flat_map(|extension| &extension.value.general_names);
    let hosts = names.filter_map(|name| match name {
        GeneralName::DNSName(host) => Some(*host),
        _ => None,
    });
    hosts.collect::<Vec<_>>().join(",")
}

/// A name as RFC 2253 writes it: from the last part to the first.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().map(relative_name).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn relative_name(name: &RelativeDistinguishedName<'_>) -> String {
    name.iter().map(attribute).collect::<Vec<_>>().join("+")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type();
    let abbreviation = oid2abbrev(kind, oid_registry()).map_or_else(|_| kind.to_id_string(), str::to_owned);
    let mut text = format!("{abbreviation}=");
    for letter in attribute.as_str().unwrap_or_default().chars() {
        if ",+\"\\<>;".contains(letter) {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}
