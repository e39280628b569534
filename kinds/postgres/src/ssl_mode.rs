//! Whether connections use TLS, and how certificates are verified.

use platform_core::tls::{Tls, Trust};

/// libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// None.
    Disable,
    /// If the server supports it.
    Prefer,
    /// Any certificate.
    Require,
    /// A certificate issued by a trusted CA.
    VerifyCa,
    /// A certificate issued by a trusted CA for this host.
    VerifyFull,
}

impl SslMode {
    /// How the certificate is verified, with TLS.
    pub(super) fn trust(self) -> Trust {
        match self {
            Self::Disable | Self::Prefer | Self::Require => Trust::Anyone,
            Self::VerifyCa => Trust::AnyName,
            Self::VerifyFull => Trust::System,
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "disable" => Ok(Self::Disable),
            // The driver cannot retry with TLS if the server requires it; only the other way round.
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err("expected sslmode to be one of disable, allow, prefer, require, verify-ca, verify-full"
                .to_owned()),
        }
    }

    /// As in libpq: a CA file implies verification, and a UNIX socket has no TLS.
    pub(super) fn in_force(given: Option<Self>, host: &str, tls: &Tls) -> Result<Self, String> {
        if host.starts_with('/') {
            return Ok(Self::Disable);
        }
        let refused = |key: &str| {
            Err(format!("`tls.{key}` needs sslmode=verify-full in the URL, or no sslmode at all"))
        };
        match (given, tls.ca_file.is_some(), tls.server_name.is_some()) {
            (None, true, _) | (None, _, true) => Ok(Self::VerifyFull),
            (Some(mode), _, true) if mode != Self::VerifyFull => refused("server_name"),
            (Some(Self::Require), true, _) => Ok(Self::VerifyCa),
            (Some(Self::Disable | Self::Prefer), true, _) => refused("ca_file"),
            (given, ..) => Ok(given.unwrap_or(Self::Prefer)),
        }
    }
}
