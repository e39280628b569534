//! URLs that may hold credentials: whole for the driver, stripped for everything that people see.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A URL of a backing service. Printing it leaves out user, password and query.
#[derive(Clone)]
pub struct Address(SecretString);

impl Address {
    /// The whole URL, for the driver alone.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The part before `://`.
    pub fn scheme(&self) -> &str {
        self.expose().split_once("://").map_or("", |(scheme, _)| scheme)
    }
}

impl From<String> for Address {
    fn from(url: String) -> Self {
        Self(url.into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.expose().split_once("://") else {
            return formatter.write_str("<url>");
        };
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        match rest.rfind('@') {
            None => write!(formatter, "{scheme}://{}", &rest[..end]),
            Some(at) if at < end => write!(formatter, "{scheme}://{}", &rest[at + 1..end]),
            // Either a password holds the `?`, or the query holds the `@`: nothing of it is surely public.
            Some(_) => write!(formatter, "{scheme}://<hidden>"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl<'de> serde::Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
