//! Connections to servers, plain or with TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::failure_reason;
use crate::probe::{Problem, Reason};

const KEEPALIVE: Duration = Duration::from_secs(120);
/// The next address is tried after this time, in parallel to those that have not answered.
const STAGGER: Duration = Duration::from_millis(250);

/// A connection of any type.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Connects to a host. Dropping the future cancels all attempts.
///
/// # Errors
/// The error of the first address that failed.
pub async fn tcp(host: &str, port: u16) -> Result<TcpStream, Problem> {
    let connected = async { any(lookup_host((host, port)).await?).await };
    connected.await.map_err(|error| problem(&error))
}

/// Connects to the first address that answers, without waiting long for a silent one: a network without an IPv6 route
/// often drops packets instead of failing.
pub async fn any(addresses: impl IntoIterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let (mut attempts, mut first_error) = (FuturesUnordered::new(), None);
    let mut addresses = addresses.into_iter();
    loop {
        let next = addresses.next();
        let patience = next.map_or(Duration::MAX, |_| STAGGER);
        attempts.extend(next.map(TcpStream::connect));
        match timeout(patience, attempts.next()).await {
            Ok(Some(Ok(stream))) => return tuned(stream),
            Ok(Some(Err(error))) => drop(first_error.get_or_insert(error)),
            // The next one joins in.
            Err(_) => {}
            Ok(None) => {
                return Err(first_error.unwrap_or_else(|| io::Error::other("the host name has no address")));
            }
        }
    }
}

fn tuned(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    Ok(stream)
}

/// An address as it stands in a URL.
pub fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Starts TLS on a connection.
///
/// # Errors
/// `tls` when the server does not support it, or its certificate is not trusted.
pub async fn tls(
    stream: TcpStream,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> Result<TlsStream<TcpStream>, Problem> {
    TlsConnector::from(config).connect(name, stream).await.map_err(|error| problem(&error))
}

/// Classifies a connection failure.
pub fn problem(error: &io::Error) -> Problem {
    let reason = failure_reason::network_reason(error).unwrap_or(Reason::Connect);
    Problem::new(reason, failure_reason::describe(error))
}
