//! The certificates of a website.

use rustls::pki_types::CertificateDer;

/// When the first of them expires, in seconds since 1970.
pub(super) fn earliest_expiry(certificates: &[CertificateDer<'_>]) -> Option<f64> {
    let ends = certificates.iter().filter_map(|der| {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        Some(certificate.validity().not_after.timestamp())
    });
    #[expect(clippy::cast_precision_loss, reason = "exact for 285 million years")]
    ends.min().map(|time| time as f64)
}
