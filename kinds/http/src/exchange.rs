//! One request and its response, on its own connection.

use std::net::{IpAddr, SocketAddr};

use http_body_util::BodyExt;
use hyper::Version;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use platform_core::allowance::{Allowance, BUFFER};
use platform_core::failure_reason;
use platform_core::probe::{Problem, Reason};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::answer::{EndpointAnswer, LARGEST_BODY};
use super::endpoint_tls::EndpointTls;
use super::handshake::Handshake;
use super::phases::{Phase, Phases};
use super::request::EndpointRequest;

pub(super) async fn exchange(
    request: &EndpointRequest,
    addresses: &[SocketAddr],
    trust: &mut EndpointTls,
    phases: &mut Phases,
) -> Result<EndpointAnswer, Problem> {
    let stream = phases.time(Phase::Connect, TcpStream::connect(addresses)).await;
    let failed = |error| network_problem(&error).context(address(&request.url));
    let stream = stream.map_err(failed)?;
    let peer = stream.peer_addr().map_err(failed)?.ip();
    if request.url.scheme() == "http" {
        return talk(stream, peer, request, phases).await;
    }
    let connector = TlsConnector::from(trust.config(&request.url).await?);
    let handshake = connector.connect(trust.name_of(&request.url)?, stream);
    let stream = phases.time(Phase::Tls, handshake).await.map_err(failed)?;
    let handshake = Handshake::of(stream.get_ref().1);
    let answer = talk(stream, peer, request, phases).await?;
    Ok(EndpointAnswer { handshake: Some(handshake), ..answer })
}

/// The addresses of a URL's host.
pub(super) async fn resolve(url: &Url, phases: &mut Phases) -> Result<Vec<SocketAddr>, Problem> {
    phases.time(Phase::Resolve, look_up(url)).await
}

async fn look_up(url: &Url) -> Result<Vec<SocketAddr>, Problem> {
    let port = url.port_or_known_default().unwrap_or_default();
    match url.host() {
        Some(Host::Ipv4(address)) => Ok(vec![(address, port).into()]),
        Some(Host::Ipv6(address)) => Ok(vec![(address, port).into()]),
        Some(Host::Domain(name)) => match tokio::net::lookup_host((name, port)).await {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(Problem::new(Reason::Dns, format!("{name}: {error}"))),
        },
        None => Err(Problem::new(Reason::Protocol, "the URL has no host")),
    }
}

/// Speaks HTTP on a connection, which is closed when this future ends.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: IpAddr,
    request: &EndpointRequest,
    phases: &mut Phases,
) -> Result<EndpointAnswer, Problem> {
    let message = request.message()?;
    let allowance = Allowance::for_head();
    let stream = TokioIo::new(allowance.limit(stream));
    let handshake = http1::Builder::new().max_buf_size(BUFFER).handshake(stream);
    let (mut sender, connection) = handshake.await.map_err(|error| problem(&error))?;
    let answer = async {
        let response = phases.time(Phase::Processing, sender.send_request(message)).await?;
        allowance.add_body(LARGEST_BODY);
        let (head, body) = response.into_parts();
        let (body, truncated) = phases.time(Phase::Transfer, read(body)).await?;
        Ok(EndpointAnswer {
            status: head.status,
            version: if head.version == Version::HTTP_10 { 1.0 } else { 1.1 },
            headers: head.headers,
            body,
            truncated,
            handshake: None,
            peer,
        })
    };
    // The connection does the work, and passes its errors on to the response.
    let work = async {
        drop(connection.await);
        std::future::pending().await
    };
    tokio::select! {
        answer = answer => answer.map_err(|error: hyper::Error| problem(&error)),
        never = work => never,
    }
}

async fn read(mut body: Incoming) -> Result<(Vec<u8>, bool), hyper::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = LARGEST_BODY - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((bytes, true));
        }
    }
    Ok((bytes, false))
}

fn problem(error: &hyper::Error) -> Problem {
    let other = if error.is_parse() { Reason::Protocol } else { Reason::Connect };
    Problem::new(failure_reason::network_reason(error).unwrap_or(other), failure_reason::describe(error))
}

/// Host and port, which after a redirect are not those of the configuration.
fn address(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

fn network_problem(error: &std::io::Error) -> Problem {
    let reason = failure_reason::network_reason(error).unwrap_or(Reason::Connect);
    Problem::new(reason, failure_reason::describe(error))
}
