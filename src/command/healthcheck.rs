//! `healthcheck`: is the exporter on this machine healthy? For containers without a shell.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(3);

/// What an exporter that lives answers: that it is healthy, that TLS is spoken here (a plain request is told so), that
/// it wants a password, or that there are too many requests. So a health check needs no certificate and no password.
const ALIVE: [&[u8]; 4] = [b"200", b"400", b"401", b"429"];

/// Asks `/-/healthy` on the address that the exporter listens on, whatever its web configuration.
///
/// # Errors
/// When nobody answers, or the answer is not one of an exporter that lives.
pub fn healthcheck(listen: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&reachable(listen), TIMEOUT)?;
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

/// "Every address" is no address to connect to.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
