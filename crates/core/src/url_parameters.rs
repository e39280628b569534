//! The parameters of a URL: which are honoured, which are ignored, and which are rejected because ignoring them would
//! weaken security.

use percent_encoding::percent_decode_str;

use crate::setting::Address;
use crate::yaml::nearest;

impl Address {
    /// The parameters after `?`. Unlike in an HTML form, `+` is literal, as in libpq and other drivers.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let (_, rest) = self.expose().split_once('?').unwrap_or_default();
        let query = rest.split('#').next().unwrap_or_default();
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (decoded(key), decoded(value)))
            .collect()
    }
}

/// What a kind knows of the parameters in its URLs.
pub struct Parameters {
    /// Those that the kind reads.
    pub honoured: &'static [&'static str],
    /// Those that only concern applications' clients.
    pub ignored: &'static [&'static str],
    /// Those that are rejected, each with what to do instead.
    pub refused: &'static [(&'static str, &'static str)],
}

/// Why a parameter was rejected. Contains no value: it may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// Similar to a known one.
    #[error("the parameter `{key}` of the URL is unknown: did you mean `{meant}`?")]
    Misspelt {
        /// As it is written.
        key: String,
        /// The most similar known parameter.
        meant: &'static str,
    },
    /// One that cannot be honoured.
    #[error("the parameter `{key}` of the URL is not supported: {instead}")]
    Refused {
        /// The parameter.
        key: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// An unknown one whose name suggests security.
    #[error(
        "the parameter `{0}` of the URL is unknown and may be security-related: remove it, and configure TLS under \
         the key `tls`"
    )]
    Protects(String),
}

/// Parts of the names of security-related parameters.
const PROTECTIONS: [&str; 6] = ["ssl", "tls", "cert", "verify", "auth", "encrypt"];

impl Parameters {
    /// Checks whether a parameter of this name is allowed in a URL.
    pub fn check(&self, key: &str) -> Result<(), ParameterError> {
        if self.honoured.contains(&key) || self.ignored.contains(&key) {
            return Ok(());
        }
        if let Some((key, instead)) = self.refused.iter().find(|(refused, _)| *refused == key) {
            return Err(ParameterError::Refused { key, instead });
        }
        // What does not look like a name may be part of a password, and is not repeated.
        if key.len() > 40 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
            return Ok(());
        }
        let plain: String = key.to_ascii_lowercase().replace(['_', '-', '.'], "");
        if self.ignored.iter().any(|ignored| ignored.to_ascii_lowercase().replace('_', "") == plain) {
            return Ok(());
        }
        let known = self.honoured.iter().chain(self.refused.iter().map(|(key, _)| key)).copied();
        let close =
            known.clone().find(|known| known.replace('_', "") == plain).or_else(|| nearest(&plain, known));
        match close {
            Some(meant) => Err(ParameterError::Misspelt { key: key.to_owned(), meant }),
            None if PROTECTIONS.iter().any(|word| plain.contains(word)) => {
                Err(ParameterError::Protects(key.to_owned()))
            }
            None => Ok(()),
        }
    }
}
