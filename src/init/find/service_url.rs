//! URLs of services, taken apart as far as it takes to know which service they mean.

use std::ops::Range;

use platform_core::setting::Address;

use super::service::Service;

/// A URL of a service, or what is not secret of it.
#[derive(Debug)]
pub(super) struct ServiceUrl<'a> {
    pub(super) scheme: &'a str,
    pub(super) user: &'a str,
    pub(super) has_password: bool,
    /// Hosts with their ports, or the path of a socket.
    pub(super) hosts: Vec<(String, Option<u16>)>,
    /// Where the hosts are in the text.
    pub(super) authority: Range<usize>,
    /// The database, virtual host or number.
    pub(super) database: String,
}

impl<'a> ServiceUrl<'a> {
    /// Parses a URL. `Err` has the reason, which does not repeat it.
    pub(super) fn parse(url: &'a str) -> Result<Self, String> {
        Address::try_from(url.to_owned()).map_err(|error| error.to_string())?;
        let Some((scheme, rest)) = url.split_once("://") else { return Err("no URL".to_owned()) };
        let start = scheme.len() + 3;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (login, hosts) = rest[..end].rsplit_once('@').unwrap_or(("", &rest[..end]));
        let authority = start + end - hosts.len()..start + end;
        let (path, query) = rest[end..].split_once('?').unwrap_or((&rest[end..], ""));
        let path = path.split('#').next().unwrap_or_default();
        let parameter = |name: &str| {
            let pairs = query.split('#').next().unwrap_or_default().split('&');
            pairs
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        let is_socket = scheme == "unix" || scheme.ends_with("+unix");
        let mut parsed = Self {
            scheme,
            user: login.split(':').next().unwrap_or_default(),
            has_password: login.contains(':') || parameter("password").is_some(),
            hosts: hosts.split(',').map(host).collect::<Result<_, _>>()?,
            authority,
            database: path.trim_matches('/').to_owned(),
        };
        if is_socket {
            parsed.hosts = vec![(path.to_owned(), None)];
            parsed.database = parameter("db").unwrap_or_default().to_owned();
        } else if let Some(host) = parameter("host") {
            let port = parameter("port").and_then(|port| port.parse().ok());
            parsed.hosts = vec![(host.replace("%2F", "/").replace("%2f", "/"), port)];
            parsed.authority = 0..0;
        }
        Ok(parsed)
    }

    /// Its only host that may be reached otherwise from here.
    pub(super) fn only_host(&self) -> Option<(&str, Option<u16>)> {
        match self.hosts.as_slice() {
            [(host, port)] if !self.authority.is_empty() => Some((host, *port)),
            _ => None,
        }
    }
}

fn host(text: &str) -> Result<(String, Option<u16>), String> {
    let is_bracketed = text.starts_with('[');
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !is_bracketed || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = port.filter(|port| !port.is_empty()).map(|port| {
        let why =
            "expected a number after the `:` of the host; percent-encode a `/`, `?` or `#` in a password";
        port.parse().map_err(|_| why.to_owned())
    });
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    Ok((host, port.transpose()?))
}

/// What two mentions of one server have in common.
pub(super) fn server(service: Service, hosts: &[(String, Option<u16>)]) -> String {
    let one = |(host, port): &(String, Option<u16>)| {
        let host = match host.as_str() {
            "" | "127.0.0.1" | "::1" | "0.0.0.0" => "localhost",
            host => host,
        };
        if host.starts_with('/') {
            return host.to_owned();
        }
        format!("{host}:{}", port.unwrap_or(service.port()))
    };
    let mut hosts: Vec<_> = hosts.iter().map(one).collect();
    // The members of a set may be in any order.
    hosts.sort();
    hosts.join(",")
}

/// What two mentions of one account and database on one server have in common.
pub(super) fn account(service: Service, user: &str, database: &str) -> String {
    let (user, database) = match service {
        Service::Postgres => (user, if database.is_empty() { user } else { database }),
        Service::Redis => {
            (if user == "default" { "" } else { user }, if database == "0" { "" } else { database })
        }
        Service::Rabbitmq => (user, if ["%2f", "%2F"].contains(&database) { "" } else { database }),
        _ => (user, database),
    };
    format!("{user}/{database}")
}
