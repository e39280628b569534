//! The exporter that runs on this machine.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::Parser;
use procfs::process::Process;

use crate::cli::{Cli, Flags};

/// The flags that say where the exporter on this machine is: those of this command and its environment, or else those of
/// the running exporter. In a container the address may be an argument of the main command, which a health check does
/// not get.
pub fn local(flags: &Flags) -> Flags {
    let given = !flags.listen_addresses.is_empty();
    if given { None } else { running() }.unwrap_or_else(|| flags.clone())
}

/// The addresses at which an exporter that listens on this one is reached, in the order in which to try them. One cannot
/// connect to the wildcard address, and many containers have no IPv6, not even on loopback.
pub(super) fn reachable(listen: SocketAddr) -> Vec<SocketAddr> {
    let ips = match listen.ip() {
        IpAddr::V6(ip) if ip.is_unspecified() => vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
        IpAddr::V4(ip) if ip.is_unspecified() => vec![Ipv4Addr::LOCALHOST.into()],
        ip => vec![ip],
    };
    ips.into_iter().map(|ip| SocketAddr::new(ip, listen.port())).collect()
}

/// The flags of the oldest running exporter with the same binary and the same network namespace.
fn running() -> Option<Flags> {
    let own = Process::myself().ok()?;
    let (binary, network) = (own.exe().ok()?, network(&own)?);
    let is_like_own = |process: &Process| {
        process.exe().is_ok_and(|exe| exe == binary) && self::network(process) == Some(network)
    };
    let mut others: Vec<_> = procfs::process::all_processes()
        .ok()?
        .filter_map(Result::ok)
        .filter(|process| process.pid != own.pid && is_like_own(process))
        .collect();
    others.sort_by_key(|process| process.pid);
    others.iter().find_map(|process| {
        let cli = Cli::try_parse_from(process.cmdline().ok()?).ok()?;
        cli.command.is_none().then_some(cli.flags)
    })
}

/// The network namespace of a process: addresses mean nothing outside it.
fn network(process: &Process) -> Option<u64> {
    process.namespaces().ok()?.0.get(OsStr::new("net")).map(|namespace| namespace.identifier)
}
