//! A mention of a service in one place.

use super::hosts::{Hosts, Reach};
use super::naming;
use super::origin::Origin;
use super::scope::{Network, Scope};
use super::service::Service;
use super::source::FoundSetting;

/// A mention of a service in one place, which may be one of several.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) service: Service,
    /// Names for it; the first one that is free is taken.
    pub(super) names: Vec<String>,
    /// The server, equal in all its mentions.
    pub(super) server: String,
    /// The account and the database there. `None` if it is the server itself that is mentioned.
    pub(super) account: Option<String>,
    /// For display; `None` if it is not known.
    pub(super) address: Option<String>,
    pub(super) settings: Vec<FoundSetting>,
    pub(super) origin: Origin,
}

/// What is known beside the variables of a process.
pub(super) struct ScopeContext<'a> {
    pub(super) scope: &'a Scope,
    pub(super) hosts: &'a Hosts,
}

impl ScopeContext<'_> {
    /// Where a port of a host is reached from here, if not as it is named. A host that is not reached is noted.
    pub(super) fn published(
        &self,
        origin: &Origin,
        host: &str,
        port: u16,
        notes: &mut Vec<String>,
    ) -> Option<(String, u16)> {
        match self.scope.network {
            Network::Here => None,
            Network::Compose => match self.hosts.reach(host, port) {
                Reach::AsNamed => None,
                Reach::Published(host, port) => Some((host, port)),
                Reach::Inside(service) => {
                    notes.push(format!(
                        "{origin}: {host}:{port} is only reached from its network: {service} does not publish the port"
                    ));
                    None
                }
            },
            Network::Cluster => {
                let is_inside = !host.contains(['.', '/']) && host != "localhost" || host.contains(".svc");
                if is_inside {
                    notes.push(format!("{origin}: {host}:{port} is only reached from inside the cluster"));
                }
                None
            }
        }
    }

    /// Names for a source that this variable and host name, best first.
    pub(super) fn names(&self, service: Service, variable: &str, host: &str) -> Vec<String> {
        let own = naming::of_variable(service, variable);
        let of_host = self.hosts.0.contains_key(host) && self.scope.network == Network::Compose;
        let of_host = of_host.then(|| naming::valid(host));
        let labelled = self.scope.label.as_ref().map(|label| naming::valid(&format!("{label}-{own}")));
        let of_kind = naming::valid(&format!("{own}-{}", service.name()));
        of_host.into_iter().chain([own]).chain(labelled).chain([of_kind]).collect()
    }
}
