//! The parameters of a URL: which are honoured, which may stay without being, and which are refused because dropping
//! them would drop a protection.

use crate::yaml::nearest;

/// What a kind knows of the parameters in its URLs.
pub struct Parameters {
    /// Those that the kind reads.
    pub honoured: &'static [&'static str],
    /// Those of applications' clients that concern nobody else.
    pub ignored: &'static [&'static str],
    /// Those that are refused, each with what to do instead.
    pub refused: &'static [(&'static str, &'static str)],
}

/// Why a parameter was refused. Holds no value: that may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// Nearly a known one.
    #[error("the parameter `{key}` of the URL is unknown: did you mean `{meant}`?")]
    Misspelt {
        /// As it is written.
        key: String,
        /// The parameter that is nearest to it.
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
    /// An unknown one whose name speaks of safety.
    #[error(
        "the parameter `{0}` of the URL is unknown, and may be meant to protect the connection: leave it out, and say how \
         TLS is checked under the key `tls`"
    )]
    Protects(String),
}

/// What the names of parameters have in common that say how safe a connection has to be.
const PROTECTIONS: [&str; 6] = ["ssl", "tls", "cert", "verify", "auth", "encrypt"];

impl Parameters {
    /// Whether a parameter of this name may stand in a URL.
    pub fn check(&self, key: &str) -> Result<(), ParameterError> {
        if self.honoured.contains(&key) || self.ignored.contains(&key) {
            return Ok(());
        }
        if let Some((key, instead)) = self.refused.iter().find(|(refused, _)| *refused == key) {
            return Err(ParameterError::Refused { key, instead });
        }
        // What does not look like a name may be a piece of a password, and is not repeated.
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
