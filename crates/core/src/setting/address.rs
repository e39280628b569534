//! URLs that may contain credentials: complete for the driver, stripped wherever they are shown.

use std::fmt;
use std::ops::Range;

use secrecy::{ExposeSecret, SecretString};

use super::origin::SecretOrigin;
use super::secret::Secret;
use crate::yaml::{Expanded, VariableUse};

/// A URL of a backing service. Printing it leaves out user, password and query.
#[derive(Clone, schemars::JsonSchema)]
#[schemars(with = "String", description = "A URL; its password is a secret, best as a variable: ${NAME}")]
pub struct Address {
    url: SecretString,
    variables: Vec<VariableUse>,
}

/// Why a URL was rejected. Does not repeat the URL: it may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A password that is not encoded can end the host too early, and its rest would be taken for a path.
    #[error(
        "found `@` after the host: percent-encode it; in a user or password, `@` is %40, `/` is %2F, `?` is %3F, `#` is \
         %23, `\\` is %5C and `%` is %25, or leave the password out of the URL and give it under its own key"
    )]
    AtSign,
    /// The `@` between password and host is encoded as well.
    #[error(
        "found `%40` in the host: percent-encode the user and the password, but not the `@` between them and the host"
    )]
    EncodedAtSign,
    /// For example from an empty variable.
    #[error("the URL is empty: check the variable that it comes from")]
    Empty,
    /// Likewise.
    #[error(
        "the password in the URL is empty: check the variable that it comes from, or leave out the `:` before the `@`"
    )]
    EmptyPassword,
}

/// Characters that end the host for some parser: the URL standard treats `\` as `/` in http URLs.
const ENDS_OF_AUTHORITY: [char; 4] = ['/', '?', '#', '\\'];

impl Address {
    /// A URL built from its parts, none of which is secret.
    pub fn of_parts(scheme: &str, host: &str, port: u16, path: &str) -> Self {
        let is_ipv6 = host.contains(':') && !host.starts_with('/');
        let (host, path) = (public(host), public(path));
        let host = if is_ipv6 { format!("[{host}]") } else { host };
        Self { url: format!("{scheme}://{host}:{port}/{path}").into(), variables: Vec::new() }
    }

    /// The complete URL, only for the driver.
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }

    /// The password in it, once decoded, with where it comes from.
    pub fn secret(&self, password: String) -> Secret {
        Secret::Value(password.into(), self.password_origin().unwrap_or(SecretOrigin::Configuration))
    }

    /// Where the password in it comes from, if it has one: the variables whose values are a part of it.
    pub fn password_origin(&self) -> Option<SecretOrigin> {
        let password = password(self.expose())?;
        let is_part = |at: &Range<usize>| at.start < password.end && password.start < at.end;
        let parts = self.variables.iter().filter(|variable| is_part(&variable.at));
        Some(SecretOrigin::of_text(parts.map(|variable| variable.name.as_str())))
    }

    /// The part before `://`.
    pub fn scheme(&self) -> &str {
        self.expose().split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// Rejects a URL with another scheme. The message names the first three.
    ///
    /// # Errors
    /// What is expected, with an example.
    pub fn expect_scheme(&self, schemes: &[&str], example: &str) -> Result<(), String> {
        if schemes.contains(&self.scheme()) {
            return Ok(());
        }
        let schemes: Vec<_> = schemes.iter().take(3).map(|scheme| format!("{scheme}://")).collect();
        Err(format!("expected a URL that starts with {}, as in {example}", schemes.join(" or ")))
    }
}

/// Without characters that would end this part of a URL.
fn public(text: &str) -> String {
    text.replace('@', "%40").replace('?', "%3F").replace('#', "%23")
}

/// User, password and host; then the path, the query and the fragment.
fn split(url: &str) -> Option<(&str, &str)> {
    let (_, rest) = url.split_once("://")?;
    Some(rest.split_at(rest.find(ENDS_OF_AUTHORITY).unwrap_or(rest.len())))
}

/// Where the password is: before the host, or else in a parameter.
fn password(url: &str) -> Option<Range<usize>> {
    let authority = url.find("://")? + 3;
    let login = split(url)?.0.rfind('@').map_or("", |end| &url[authority..authority + end]);
    if let Some(colon) = login.find(':') {
        return Some(authority + colon + 1..authority + login.len());
    }
    let mut start = url.find('?')? + 1;
    for pair in url[start..].split(['&', '#']) {
        if let Some((key @ ("password" | "pass"), value)) = pair.split_once('=') {
            let start = start + key.len() + 1;
            return Some(start..start + value.len());
        }
        start += pair.len() + 1;
    }
    None
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    /// A missing scheme is reported by [`Address::expect_scheme`], which knows what to expect.
    fn try_from(url: String) -> Result<Self, AddressError> {
        let (authority, rest) = split(&url).unwrap_or_default();
        let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if url.is_empty() {
            return Err(AddressError::Empty);
        }
        if rest.contains('@') {
            return Err(AddressError::AtSign);
        }
        if host.contains("%40") {
            return Err(AddressError::EncodedAtSign);
        }
        if login.ends_with(':') {
            return Err(AddressError::EmptyPassword);
        }
        Ok(Self { url: url.into(), variables: Vec::new() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.expose().split_once("://") else {
            return formatter.write_str("<url>");
        };
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        // There is no `@` after the host, so the last one ends user and password.
        let start = rest[..end].rfind('@').map_or(0, |at| at + 1);
        write!(formatter, "{scheme}://{}", &rest[start..end])
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<'de> serde::Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Expanded { text, variables } = Expanded::deserialize(deserializer)?;
        let address = Self::try_from(text).map_err(serde::de::Error::custom)?;
        Ok(Self { variables, ..address })
    }
}
