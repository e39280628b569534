//! The hosts of a network of Compose, and where they are reached from here.

use std::collections::BTreeMap;

use super::origin::Origin;
use super::service::Engine;

/// A service of Compose as a host.
#[derive(Clone, Debug)]
pub(super) struct ComposeHost {
    pub(super) engine: Option<Engine>,
    /// Its ports, each with the address that it is published as.
    pub(super) published: BTreeMap<u16, (String, u16)>,
    /// Whether it has the ports of this machine.
    pub(super) is_on_host: bool,
    pub(super) origin: Origin,
}

/// The hosts of the networks of Compose, by name.
#[derive(Debug, Default)]
pub(super) struct Hosts(pub(super) BTreeMap<String, ComposeHost>);

/// Where a host is reached from here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Under its own name, as far as is known.
    AsNamed,
    /// Under this address.
    Published(String, u16),
    /// Not at all: it is a service that does not publish this port.
    Inside(Origin),
}

impl Hosts {
    /// What runs there.
    pub(super) fn engine(&self, host: &str) -> Option<Engine> {
        self.0.get(host)?.engine
    }

    /// Where a port of a host is published.
    pub(super) fn published(&self, host: &str, port: u16) -> Option<(String, u16)> {
        match self.reach(host, port) {
            Reach::Published(host, port) => Some((host, port)),
            Reach::AsNamed | Reach::Inside(_) => None,
        }
    }

    /// Where a port of a host is reached.
    pub(super) fn reach(&self, host: &str, port: u16) -> Reach {
        // What containers call this machine.
        if ["host.docker.internal", "host.containers.internal"].contains(&host) {
            return Reach::Published("127.0.0.1".to_owned(), port);
        }
        let Some(service) = self.0.get(host) else { return Reach::AsNamed };
        match service.published.get(&port) {
            Some((address, published)) => Reach::Published(address.clone(), *published),
            None if service.is_on_host => Reach::Published("127.0.0.1".to_owned(), port),
            None => Reach::Inside(service.origin.clone()),
        }
    }
}
