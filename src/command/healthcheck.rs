//! `healthcheck`: is the exporter on this machine healthy? For containers without a shell.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use clap::Parser;
use procfs::process::Process;

use crate::cli::{Cli, Flags};

const TIMEOUT: Duration = Duration::from_secs(3);

/// What an exporter that lives answers: that it is healthy, that TLS is spoken here (a plain request is told so), that
/// it wants a password, or that there are too many requests. So a health check needs no certificate and no password.
const ALIVE: [&[u8]; 4] = [b"200", b"400", b"401", b"429"];

/// Asks `/-/healthy` on the address that the exporter listens on, whatever its web configuration.
///
/// # Errors
/// When nobody answers, or the answer is not one of an exporter that lives.
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
        Err(io::Error::other(format!("the exporter answers {}", String::from_utf8_lossy(&status))))
    }
}

/// "Every address" is no address to connect to. Many containers have no IPv6, not even on loopback.
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

/// Where the exporter on this machine listens: as this command's own flags and environment say, or else as those of the
/// exporter that runs. A container has its address among the arguments of its command, which a health check does not
/// know.
pub fn listening(flags: &Flags) -> Vec<SocketAddr> {
    let given = !flags.listen_addresses.is_empty();
    let flags = if given { None } else { running() }.unwrap_or_else(|| flags.clone());
    flags.listen().to_vec()
}

/// The flags of the exporter that runs from the same binary as this one, and on the same network; of several, of the
/// oldest.
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

/// The network namespace of a process: an address means nothing in another one.
fn network(process: &Process) -> Option<u64> {
    process.namespaces().ok()?.0.get(OsStr::new("net")).map(|namespace| namespace.identifier)
}
