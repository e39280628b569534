//! Connections to servers: by name or by file, plainly or with TLS.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::socks::Target;
use crate::probe::{Problem, Reason};
use crate::source::classify;
use crate::source::tls::Tls;

const KEEPALIVE: Duration = Duration::from_secs(120);
/// The next address is tried after this time, beside those that have not answered.
const STAGGER: Duration = Duration::from_millis(250);

/// Connects to servers.
pub(in crate::source::mongodb) struct Dialer {
    /// The files that the URL names as servers, by what the driver takes for their hosts. No server leads to others.
    pub(in crate::source::mongodb) files: BTreeMap<String, PathBuf>,
    pub(in crate::source::mongodb) encryption: Option<(Tls, Arc<ClientConfig>)>,
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

impl Dialer {
    pub(super) async fn dial(&self, target: &Target) -> Result<Pin<Box<dyn Stream>>, Problem> {
        if let Some(file) = self.files.get(&target.host) {
            let socket = UnixStream::connect(file).await.map_err(|error| problem(&error))?;
            return Ok(Box::pin(socket));
        }
        let socket = connect(target).await.and_then(tuned).map_err(|error| problem(&error))?;
        let Some((tls, config)) = &self.encryption else { return Ok(Box::pin(socket)) };
        let connector = TlsConnector::from(Arc::clone(config));
        let encrypted = connector.connect(tls.name_of(&target.host)?, socket).await;
        Ok(Box::pin(encrypted.map_err(|error| problem(&error))?))
    }
}

/// Tries one address after the other, and does not wait long for one that says nothing: where a network has no way to
/// addresses of IPv6, that is no failure but silence.
async fn connect(target: &Target) -> io::Result<TcpStream> {
    let addresses: Vec<_> = lookup_host((target.host.as_str(), target.port)).await?.collect();
    let (mut attempts, mut first_error) = (JoinSet::new(), None);
    let mut addresses = addresses.into_iter();
    loop {
        let next = addresses.next();
        let patience = next.map_or(Duration::MAX, |_| STAGGER);
        if let Some(address) = next {
            attempts.spawn(TcpStream::connect(address));
        }
        match timeout(patience, attempts.join_next()).await {
            Ok(Some(Ok(Ok(socket)))) => return Ok(socket),
            Ok(Some(Ok(Err(error)))) => drop(first_error.get_or_insert(error)),
            Ok(Some(Err(_))) | Err(_) => {}
            Ok(None) => {
                return Err(first_error.unwrap_or_else(|| io::Error::other("the name has no address")));
            }
        }
    }
}

fn tuned(socket: TcpStream) -> io::Result<TcpStream> {
    socket.set_nodelay(true)?;
    SockRef::from(&socket).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    Ok(socket)
}

fn problem(error: &io::Error) -> Problem {
    let reason = classify::network_reason(error).unwrap_or(Reason::Connect);
    Problem::new(reason, classify::describe(error))
}
