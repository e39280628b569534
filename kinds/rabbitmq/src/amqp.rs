//! The broker over AMQP: proves that it serves clients, and counts the messages in declared queues.

use std::net::Shutdown;
use std::sync::Arc;
use std::{io, mem};

use async_rs::TokioRuntime;
use futures_util::future::join_all;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use lapin::options::QueueDeclareOptions;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::tcp::{AsyncTcpStream, RustlsConnector};
use lapin::types::FieldTable;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind, Event, Queue};
use parking_lot::Mutex;
use platform_core::dial::host_port;
use platform_core::failure_reason;
use platform_core::probe::{Problem, Reason};
use platform_core::tls::Tls;
use secrecy::ExposeSecret;
use socket2::{SockRef, Socket};
use tokio::sync::oneshot;

use super::endpoint::BrokerEndpoint;
use super::frame_check::{self, MalformedFrame};
use super::remedy;
use super::wire::{self, Checked, Raw};

/// What the broker answers to a passive declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Depth {
    /// Messages ready for delivery, without the unacknowledged ones.
    pub(super) ready: u32,
    pub(super) consumers: u32,
}

impl Depth {
    fn of(queue: &Queue) -> Self {
        Self { ready: queue.message_count(), consumers: queue.consumer_count() }
    }
}

/// An idle connection.
pub(super) struct AmqpSession {
    connection: Connection,
    events: BoxStream<'static, Event>,
    _lifeline: Lifeline,
}

/// A session in use: a probe that is dropped takes the connection with it.
pub(super) struct SessionInUse {
    session: AmqpSession,
    channel: Option<Channel>,
}

/// How many queues are declared at a time. After a refusal, those behind it are sent again.
const AT_ONCE: usize = 20;

/// Closes the connection on drop, whatever its state.
///
/// Otherwise the driver's thread keeps reading from a broker that falls silent during the handshake, and keeps itself
/// and the socket alive all that time.
struct Lifeline(Socket);

impl Drop for Lifeline {
    fn drop(&mut self) {
        // Fails if the other side closed it first.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl AmqpSession {
    /// Connects and logs in.
    pub(super) async fn open(endpoint: &BrokerEndpoint, tls: &Tls) -> Result<Self, Problem> {
        let uri = uri(endpoint).await?;
        let runtime = TokioRuntime::tokio_current();
        let address = runtime.to_socket_addrs((endpoint.host.clone(), endpoint.port));
        let broken = |error| network(&error).context(host_port(&endpoint.host, endpoint.port));
        let stream = AsyncTcpStream::connect(&runtime, address).await.map_err(broken)?;
        let lifeline = Lifeline(match &stream {
            AsyncTcpStream::Plain(stream) => SockRef::from(stream.get_ref()).try_clone().map_err(broken)?,
            _ => return Err(Problem::new(Reason::Internal, "a new connection is not plain")),
        });
        let stream = if endpoint.encrypted {
            let connector = RustlsConnector::from(Arc::new(tls.client_config().await?));
            stream.into_rustls(&connector, &tls.name_of(&endpoint.host)?.to_str()).await.map_err(broken)?
        } else {
            stream
        };
        let connection = log_in(uri, runtime, stream).await.map_err(|error| {
            let login = endpoint.login.as_ref();
            problem(&error).with_origin("password", login.map(|login| login.password.origin()))
        })?;
        let events = connection.events_listener().boxed();
        Ok(Self { connection, events, _lifeline: lifeline })
    }

    /// Whether the broker is still connected since the last exchange.
    pub(super) fn is_open(&self) -> bool {
        self.connection.status().connected()
    }

    /// Closes the connection as AMQP has it: the broker warns of one that just ends.
    pub(super) async fn close(mut self) {
        // Nothing is left to do if the broker does not answer.
        let _ = answer(&mut self.events, self.connection.close(200, "done".into())).await;
    }

    /// Opens a channel, which needs an answer of the broker.
    pub(super) async fn begin(self) -> Result<SessionInUse, Problem> {
        let mut exchange = SessionInUse { session: self, channel: None };
        exchange.channel().await?;
        Ok(exchange)
    }
}

impl SessionInUse {
    /// Declares queues of the connection's virtual host passively.
    ///
    /// The inner results are the broker's answers, in the order of the queues.
    pub(super) async fn inspect(&mut self, queues: &[&str]) -> Result<Vec<Result<Depth, Problem>>, Problem> {
        let mut depths = Vec::with_capacity(queues.len());
        while depths.len() < queues.len() {
            let channel = self.channel().await?;
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let asked = queues[depths.len()..].iter().take(AT_ONCE);
            let declares =
                asked.map(|queue| channel.queue_declare((*queue).into(), options, FieldTable::default()));
            let answers = answer(&mut self.session.events, join_all(declares).map(Ok)).await;
            for answer in answers.map_err(|error| problem(&error))? {
                match answer {
                    Ok(queue) => depths.push(Ok(Depth::of(&queue))),
                    Err(error) if error.is_amqp_soft_error() => {
                        // A refusal closes the channel; the broker ignores what was sent after it.
                        self.channel = None;
                        depths.push(Err(problem(&error)));
                        break;
                    }
                    Err(error) => return Err(problem(&error)),
                }
            }
        }
        Ok(depths)
    }

    /// Closes the channel and returns the connection.
    pub(super) async fn finish(mut self) -> Result<AmqpSession, Problem> {
        if let Some(channel) = mem::take(&mut self.channel) {
            let close = channel.close(200, "done".into());
            answer(&mut self.session.events, close).await.map_err(|error| problem(&error))?;
        }
        Ok(self.session)
    }

    async fn channel(&mut self) -> Result<Channel, Problem> {
        if let Some(channel) = &self.channel {
            return Ok(channel.clone());
        }
        let AmqpSession { connection, events, .. } = &mut self.session;
        let channel = answer(events, connection.create_channel()).await.map_err(|error| problem(&error))?;
        Ok(self.channel.insert(channel).clone())
    }
}

/// Waits for the answer to a request as long as the connection lives.
///
/// The driver never completes a request made just as the connection breaks.
async fn answer<T>(
    events: &mut BoxStream<'static, Event>,
    request: impl Future<Output = lapin::Result<T>>,
) -> lapin::Result<T> {
    let is_error = |event| {
        // A soft error closes a channel alone.
        let error = if let Event::Error(error) = event { Some(error) } else { None };
        std::future::ready(error.filter(|error| !error.is_amqp_soft_error()))
    };
    let mut errors = events.filter_map(is_error);
    tokio::select! {
        biased;
        answer = request => answer,
        Some(error) = errors.next() => Err(error),
    }
}

/// Runs the handshake of AMQP.
///
/// The driver's thread gets the stream only once the driver waits for it: it does not report a stream that breaks
/// earlier.
async fn log_in(uri: AMQPUri, runtime: TokioRuntime, stream: Raw) -> lapin::Result<Connection> {
    let runtime = wire::runtime(runtime);
    let stream = AsyncTcpStream::Plain(Checked::new(stream));
    let (hand_over, handed) = oneshot::channel();
    let handed = Mutex::new(Some(handed));
    let take = async move |_, _| {
        let handed = handed.lock().take();
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        Ok(handed.ok_or_else(gone)?.await.map_err(|_| gone())?)
    };
    let properties = ConnectionProperties::default().with_connection_name("platform_exporter".into());
    let (connection, ()) = tokio::join!(
        biased;
        Connection::connector(uri, runtime, take, properties),
        async move { drop(hand_over.send(stream)) },
    );
    connection
}

/// The driver keeps buffers of 64 frames: 8 MiB at the broker's default limit. This is the smallest size that every
/// version accepts.
const FRAME_MAX: u32 = frame_check::LARGEST as u32;

async fn uri(endpoint: &BrokerEndpoint) -> Result<AMQPUri, Problem> {
    let (userinfo, mechanism) = match &endpoint.login {
        Some(login) => {
            let password = login.password.read().await?;
            let password = password.expose_secret().to_owned();
            (AMQPUserInfo { username: login.username.clone(), password }, SASLMechanism::Plain)
        }
        None => (AMQPUserInfo::default(), SASLMechanism::External),
    };
    Ok(AMQPUri {
        scheme: if endpoint.encrypted { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
        authority: AMQPAuthority { userinfo, host: endpoint.host.clone(), port: endpoint.port },
        vhost: endpoint.vhost.clone(),
        query: AMQPQueryString {
            frame_max: Some(FRAME_MAX),
            auth_mechanism: Some(mechanism),
            ..AMQPQueryString::default()
        },
    })
}

fn network(error: &io::Error) -> Problem {
    if let Some(malformed) = error.get_ref().and_then(|inner| inner.downcast_ref::<MalformedFrame>()) {
        return Problem::new(Reason::Protocol, malformed);
    }
    Problem::new(
        failure_reason::network_reason(error).unwrap_or(Reason::Connect),
        failure_reason::describe(error),
    )
}

fn problem(error: &lapin::Error) -> Problem {
    let reason = match error.kind() {
        ErrorKind::IOError(error) => return network(error),
        ErrorKind::ProtocolError(refusal) => {
            let text = refusal.get_message();
            let problem = Problem::new(refused(refusal.kind(), text.as_str()), text);
            return problem.fixed_by(remedy::of_connection(text.as_str()));
        }
        ErrorKind::MissingHeartbeatError => Reason::Timeout,
        ErrorKind::AuthProviderError(_) => Reason::Auth,
        ErrorKind::InvalidConnectionState(_) | ErrorKind::InvalidChannelState(..) => Reason::Connect,
        ErrorKind::RuntimeShutdownError(_) | ErrorKind::NoDefaultRuntime | ErrorKind::FutureCompleted => {
            Reason::Internal
        }
        _ => Reason::Protocol,
    };
    Problem::new(reason, error)
}

/// Only the text says which of several things the broker does not allow.
fn refused(kind: &AMQPErrorKind, text: &str) -> Reason {
    match kind {
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => Reason::NotFound,
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) if text.contains("Login was refused") => {
            Reason::Auth
        }
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED | AMQPSoftError::RESOURCELOCKED) => {
            Reason::Permission
        }
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) if text.contains("not found") => Reason::NotFound,
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) if text.contains("limit") => Reason::RateLimited,
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => Reason::Permission,
        // The broker is being shut down.
        AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED) => Reason::Connect,
        _ => Reason::Protocol,
    }
}
