//! `healthcheck`: checks the exporter on this machine. For containers without a shell.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use clap::Parser;
use procfs::process::Process;

use crate::cli::{Cli, Flags};

const TIMEOUT: Duration = Duration::from_secs(3);

/// Status codes of a live exporter: healthy, plain HTTP sent to a TLS port, password required, too many requests. So a
/// health check needs no certificate and no password.
const ALIVE: [&[u8]; 4] = [b"200", b"400", b"401", b"429"];

/// Requests `/-/healthy` on the address that the exporter listens on, whatever its web configuration.
///
/// # Errors
/// When there is no answer, or not that of a live exporter.
pub fn healthcheck(listen: SocketAddr) -> io::Result<()> {
    let mut stream = connect(listen)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    if status.strip_prefix(b"HTTP/1.1 ").is_some_and(|code| ALIVE.contains(&code)) {
        Ok(())
    } else {
        Err(io::Error::other(format!("the exporter answered {}", String::from_utf8_lossy(&status))))
    }
}

/// One cannot connect to the wildcard address. Many containers have no IPv6, not even on loopback.
fn connect(listen: SocketAddr) -> io::Result<TcpStream> {
    let connect = |ip| TcpStream::connect_timeout(&SocketAddr::new(ip, listen.port()), TIMEOUT);
    match listen.ip() {
        IpAddr::V6(ip) if ip.is_unspecified() => {
            connect(Ipv6Addr::LOCALHOST.into()).or_else(|_| connect(Ipv4Addr::LOCALHOST.into()))
        }
        IpAddr::V4(ip) if ip.is_unspecified() => connect(Ipv4Addr::LOCALHOST.into()),
        ip => connect(ip),
    }
}

/// Where the exporter on this machine listens: taken from this command's flags and environment, or else from those of
/// the running exporter. In a container the address may be an argument of the main command, which a health check does
/// not get.
pub fn listening(flags: &Flags) -> Vec<SocketAddr> {
    let given = !flags.listen_addresses.is_empty();
    let flags = if given { None } else { running() }.unwrap_or_else(|| flags.clone());
    flags.listen().to_vec()
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
