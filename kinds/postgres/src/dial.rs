//! The connection to a server: over TCP or a UNIX socket, with TLS according to `sslmode`.

use std::path::Path;
use std::sync::Arc;

use platform_core::dial::{self, Stream, host_port, problem};
use platform_core::probe::{Problem, Reason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::config::Config;
use super::ssl_mode::SslMode;

/// SSLRequest: the length of the message, and a magic protocol version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

pub(super) async fn dial(config: &Config) -> Result<Box<dyn Stream>, Problem> {
    let Config { host, port, .. } = config;
    if host.starts_with('/') {
        let path = Path::new(host).join(format!(".s.PGSQL.{port}"));
        let stream = UnixStream::connect(&path).await;
        return Ok(Box::new(stream.map_err(|error| problem(&error).context(path.display()))?));
    }
    let here = |problem: Problem| problem.context(host_port(host, *port));
    if config.ssl_mode == SslMode::Disable {
        return Ok(Box::new(dial::tcp(host, *port).await.map_err(here)?));
    }
    // Hanging files must not delay the connection.
    let (client, name) = (Arc::new(config.tls.client_config().await?), config.tls.name_of(host)?);
    let mut stream = dial::tcp(host, *port).await.map_err(here)?;
    if has_tls(&mut stream).await.map_err(here)? {
        Ok(Box::new(dial::tls(stream, client, name).await.map_err(here)?))
    } else if config.ssl_mode == SslMode::Prefer {
        Ok(Box::new(stream))
    } else {
        Err(here(Problem::new(Reason::Tls, "the server does not support TLS")))
    }
}

/// Requests TLS. The server answers with one byte, and nothing more before the handshake.
async fn has_tls(stream: &mut TcpStream) -> Result<bool, Problem> {
    let asked = async {
        stream.write_all(&SSL_REQUEST).await?;
        stream.read_u8().await
    };
    match asked.await.map_err(|error| problem(&error))? {
        b'S' => Ok(true),
        b'N' => Ok(false),
        other => {
            let detail =
                format!("the server answered the TLS request with {:?}, expected S or N", char::from(other));
            Err(Problem::new(Reason::Protocol, detail))
        }
    }
}
