//! Addresses that clients of `/probe` may name, and the patterns that allow them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use regex::{Regex, RegexBuilder};
use url::Host;

/// An address: `host:port`. There is one form of each, so `127.1:80` is `127.0.0.1:80`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProbeTarget {
    host: Host,
    port: u16,
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected HOST:PORT, as in `db1.example.com:5432`, `10.1.2.3:5432` or `[fd00::1]:5432`")]
pub struct ProbeTargetError;

impl ProbeTarget {
    /// The host, in brackets if it is an IPv6 address.
    pub(super) fn host(&self) -> String {
        self.host.to_string()
    }

    fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }
}

impl FromStr for ProbeTarget {
    type Err = ProbeTargetError;

    fn from_str(text: &str) -> Result<Self, ProbeTargetError> {
        let (host, port) = text.rsplit_once(':').ok_or(ProbeTargetError)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.[]:".contains(&byte);
        if !host.bytes().all(is_plain) || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ProbeTargetError);
        }
        let host = match Host::parse(host).map_err(|_| ProbeTargetError)? {
            Host::Ipv6(address) => match address.to_ipv4_mapped() {
                Some(address) => Host::Ipv4(address),
                None => Host::Ipv6(address),
            },
            host => host,
        };
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(ProbeTargetError)?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for ProbeTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// Which targets a module may probe.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(super) struct TargetPattern {
    hosts: Hosts,
    port: u16,
}

#[derive(Clone, Debug)]
enum Hosts {
    Network(IpNet),
    Names(Regex),
}

/// Why a text is not a pattern.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected HOST:PORT, as in `db1.example.com:5432`, `*.db.example.com:5432` where `*` stands for letters, digits, \
     `-` and `_`, or a network as in `10.0.0.0/8:5432` and `[fd00::/8]:5432`; found `{0}`"
)]
pub(super) struct PatternError(String);

impl TargetPattern {
    /// Whether the target matches. A network has addresses only, not the names that lead to them.
    pub(super) fn allows(&self, target: &ProbeTarget) -> bool {
        let is_host = match (&self.hosts, target.address(), &target.host) {
            (Hosts::Network(network), Some(address), _) => network.contains(&address),
            (Hosts::Names(names), None, Host::Domain(name)) => names.is_match(name),
            _ => false,
        };
        is_host && self.port == target.port
    }
}

impl TryFrom<String> for TargetPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        let parsed = || {
            let (host, port) = text.rsplit_once(':')?;
            let port = port.parse().ok().filter(|port| *port > 0)?;
            Some(Self { hosts: hosts(host)?, port })
        };
        parsed().ok_or_else(|| PatternError(text.clone()))
    }
}

fn hosts(text: &str) -> Option<Hosts> {
    let address = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Some(network) = address.parse().ok().or_else(|| Some(IpNet::from(address.parse::<IpAddr>().ok()?)))
    {
        return Some(Hosts::Network(network));
    }
    // A name with numbers only would be an address to some resolvers.
    let example = Host::parse(&text.replace('*', "any")).ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte);
    if !matches!(example, Host::Domain(_)) || !text.bytes().all(is_plain) {
        return None;
    }
    let pattern = format!("^{}$", regex::escape(text).replace(r"\*", "[-_[:alnum:]]+"));
    RegexBuilder::new(&pattern).case_insensitive(true).build().ok().map(Hosts::Names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, target: &str) -> bool {
        let pattern = TargetPattern::try_from(pattern.to_owned()).unwrap();
        pattern.allows(&target.parse().unwrap())
    }

    #[test]
    fn an_address_has_one_form() {
        for (text, expected) in [
            ("DB1.Example.com:5432", "db1.example.com:5432"),
            ("127.1:80", "127.0.0.1:80"),
            ("2130706433:80", "127.0.0.1:80"),
            ("0x7f000001:80", "127.0.0.1:80"),
            ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
            ("[FD00:0::1]:5432", "[fd00::1]:5432"),
        ] {
            assert_eq!(text.parse::<ProbeTarget>().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn nothing_else_is_an_address() {
        for text in [
            "",
            "db",
            "db:",
            "db:0",
            "db:65536",
            "db:+1",
            ":5432",
            "a b:1",
            "user@db:5432",
            "db/x:1",
            "db?x:1",
            "db#x:1",
            "db%2e:1",
            "fd00::1",
            "db\\x:1",
            "db:1/other",
            "ü:1",
            "db:5432,other:5432",
        ] {
            assert_eq!(text.parse::<ProbeTarget>(), Err(ProbeTargetError), "{text}");
        }
    }

    #[test]
    fn a_pattern_allows_what_it_says() {
        assert!(allows("db1.example.com:5432", "DB1.example.com:5432"));
        assert!(allows("*.db.example.com:5432", "orders-1.db.example.com:5432"));
        assert!(allows("orders-*.internal:6379", "orders-7.internal:6379"));
        assert!(allows("10.0.0.0/8:5432", "10.200.3.4:5432"));
        assert!(allows("10.1.2.3:5432", "10.1.2.3:5432"));
        assert!(allows("[fd00::/8]:5432", "[fd12::1]:5432"));
    }

    #[test]
    fn a_pattern_allows_nothing_else() {
        for (pattern, target) in [
            ("db1.example.com:5432", "db1.example.com:5433"),
            ("db1.example.com:5432", "db1xexample.com:5432"),
            ("*.example.com:5432", "a.b.example.com:5432"),
            ("*.example.com:5432", "example.com:5432"),
            ("*.example.com:5432", "db.example.com.evil.test:5432"),
            ("*:5432", "10.0.0.1:5432"),
            ("10.0.0.0/8:5432", "11.0.0.1:5432"),
            ("10.0.0.0/8:5432", "[::1]:5432"),
            ("10.0.0.0/8:5432", "ten.example.com:5432"),
        ] {
            assert!(!allows(pattern, target), "{pattern} {target}");
        }
    }

    #[test]
    fn other_texts_are_no_patterns() {
        for text in
            ["", "*", "db", "db:*", "db:0", "10.0.0.0/33:1", "db/8:1", "http://db:80", "(a|b):1", "1*:80:"]
        {
            assert!(TargetPattern::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
