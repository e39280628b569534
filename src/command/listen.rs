//! Listening on an address; the wildcard address covers both IPv4 and IPv6.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;

/// Listens on an address.
///
/// `[::]` includes IPv4, whatever `net.ipv6.bindv6only` is. On a system without IPv6 it means all IPv4 addresses.
///
/// # Errors
/// The system's error.
pub(super) fn every(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    match bound(address, backlog) {
        Err(error) if address.ip().is_unspecified() && address.is_ipv6() && has_no_ipv6(&error) => {
            bound((Ipv4Addr::UNSPECIFIED, address.port()).into(), backlog)
        }
        result => result,
    }
}

fn bound(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // A restart does not wait for the end of old connections.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    TcpListener::from_std(socket.into())
}

/// Without IPv6 in the kernel there is no such socket; with it disabled, there is no such address.
fn has_no_ipv6(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    [rustix::io::Errno::AFNOSUPPORT, rustix::io::Errno::ADDRNOTAVAIL]
        .iter()
        .any(|errno| number == Some(errno.raw_os_error()))
}
