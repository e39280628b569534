//! `healthcheck`: checks the exporter on this machine. For containers without a shell.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::local::reachable;
use crate::server::RoutePrefix;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Status codes of a live exporter: healthy, plain HTTP sent to a TLS port, password required, too many requests. So a
/// health check needs no certificate and no password.
const ALIVE: [&[u8]; 4] = [b"200", b"400", b"401", b"429"];

/// Requests `/-/healthy` on the address that the exporter listens on, whatever its web configuration.
///
/// # Errors
/// When there is no answer, or not that of a live exporter.
pub fn healthcheck(listen: SocketAddr, prefix: &RoutePrefix) -> io::Result<()> {
    let mut stream = connect(listen)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {prefix}/-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    if status.strip_prefix(b"HTTP/1.1 ").is_some_and(|code| ALIVE.contains(&code)) {
        Ok(())
    } else {
        Err(io::Error::other(format!("the exporter answered {}", String::from_utf8_lossy(&status))))
    }
}

/// The first connection that succeeds, or why the last one fails.
fn connect(listen: SocketAddr) -> io::Result<TcpStream> {
    let mut connected = Err(io::Error::from(io::ErrorKind::AddrNotAvailable));
    for address in reachable(listen) {
        connected = TcpStream::connect_timeout(&address, TIMEOUT);
        if connected.is_ok() {
            break;
        }
    }
    connected
}
