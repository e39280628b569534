//! Where a redirect may lead. Pure.
//!
//! A monitored endpoint must not choose what the exporter requests on its own host: services that listen only on
//! loopback, and cloud metadata services, trust any client that reaches them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From where an address is reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// This host only.
    Machine,
    /// This link only, and cloud metadata.
    Link,
    /// Anything else, including private networks: redirects within a company are common.
    Anywhere,
}

/// Cloud metadata addresses that are not link-local: EC2 over IPv6, Azure, Alibaba, Oracle.
const METADATA: [IpAddr; 4] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

impl Zone {
    pub(super) fn of(address: IpAddr) -> Self {
        let address = inner(address);
        let is_link = match address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        // The unspecified address connects to this host; so does all of 0.0.0.0/8 on some systems.
        let is_nothing = match address {
            IpAddr::V4(address) => address.octets()[0] == 0,
            IpAddr::V6(address) => address.is_unspecified(),
        };
        if address.is_loopback() || is_nothing {
            Self::Machine
        } else if is_link || METADATA.contains(&address) {
            Self::Link
        } else {
            Self::Anywhere
        }
    }

    /// Whether a server here may redirect the exporter there.
    pub(super) fn may_lead_to(self, other: Self) -> bool {
        other == Self::Anywhere || other == self
    }
}

/// The IPv4 address embedded in an IPv6 address: mapped, compatible, or NAT64.
fn inner(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [.., a, b] = v6.segments();
    let [a, b, c, d] = [a.to_be_bytes(), b.to_be_bytes()].concat().try_into().unwrap_or_default();
    let v4 = Ipv4Addr::new(a, b, c, d);
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => v4.into(),
        [0, 0, 0, 0, 0, 0, _, _] if !v6.is_loopback() && !v6.is_unspecified() => v4.into(),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_distinguished_however_they_are_written() {
        let cases = [
            (
                Zone::Machine,
                "127.0.0.1 127.9.9.9 0.0.0.0 0.1.2.3 ::1 :: ::ffff:127.0.0.1 ::127.0.0.1 64:ff9b::7f00:1",
            ),
            (
                Zone::Link,
                "169.254.169.254 169.254.170.2 fe80::1 fd00:ec2::254 ::ffff:169.254.169.254 168.63.129.16",
            ),
            (Zone::Anywhere, "10.0.0.1 192.168.1.1 172.16.0.1 100.64.0.1 1.1.1.1 fd00::1 2606:4700::1111"),
        ];
        for (zone, addresses) in cases {
            for address in addresses.split(' ') {
                assert_eq!(Zone::of(address.parse().expect("an address")), zone, "{address}");
            }
        }
    }

    #[test]
    fn a_redirection_does_not_come_closer() {
        use Zone::{Anywhere, Link, Machine};
        for from in [Machine, Link, Anywhere] {
            assert!(from.may_lead_to(from) && from.may_lead_to(Anywhere));
        }
        for (from, to) in [(Anywhere, Machine), (Anywhere, Link), (Machine, Link), (Link, Machine)] {
            assert!(!from.may_lead_to(to), "{from:?} to {to:?}");
        }
    }
}
