//! One connection to one server.

use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, Value};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Fuse, FusedFuture, try_join_all};
use platform_core::dial;
use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::tls::Tls;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixStream, lookup_host};

use super::endpoint::{RedisEndpoint, RedisLogin};
use super::refusal::{ReplyRefusal, broken};
use super::stream::{Conversation, Exchanges};

/// The name of this connection in CLIENT LIST.
const CLIENT_NAME: &str = "platform_exporter";

/// A command's answer, or the server's refusal of it.
pub(super) type Reply = Result<Value, ReplyRefusal>;

/// A command with its arguments.
pub(super) type Words = Vec<String>;

/// A command from its words.
pub(super) fn words<const N: usize>(words: [&str; N]) -> Words {
    words.map(str::to_owned).to_vec()
}

/// An authenticated connection. Dropping it closes it at once, whatever is in flight.
pub(super) struct RedisLink {
    endpoint: RedisEndpoint,
    /// The account; none before the login.
    user: String,
    /// Whether the server is on this machine.
    is_here: bool,
    connection: MultiplexedConnection,
    exchanges: Exchanges,
    /// Sends and receives. As a separate task it would outlive the link, and keep the socket open.
    driver: Fuse<BoxFuture<'static, ()>>,
}

impl RedisLink {
    /// Connects, encrypts and logs in, all within `timeout`.
    pub(super) async fn open(
        endpoint: &RedisEndpoint,
        login: &RedisLogin,
        tls: &Tls,
        timeout: Duration,
    ) -> Result<Self, Problem> {
        let opened = tokio::time::timeout(timeout, async {
            let mut link = Self::connect(endpoint, tls).await?;
            login.user().clone_into(&mut link.user);
            link.log_in(login, timeout).await?;
            Ok(link)
        });
        opened.await.unwrap_or_else(|_| {
            let how = if endpoint.has_tls() { "no connection with TLS" } else { "no connection" };
            Err(Problem::new(Reason::Timeout, format!("{endpoint}: {how} within {timeout:?}")))
        })
    }

    /// Sends commands together, and returns their answers in the same order.
    ///
    /// After an error the state of the connection is unknown: it must be dropped.
    pub(super) async fn exchange(
        &mut self,
        commands: &[Words],
        timeout: Duration,
    ) -> Result<Vec<Reply>, Problem> {
        self.connection.set_response_timeout(timeout);
        self.exchanges.begin();
        // Concurrent commands are sent together. A pipeline would do so too, but it hides why a connection broke.
        let answers = commands.iter().map(|command| {
            let mut connection = self.connection.clone();
            let mut packed = Cmd::new();
            packed.arg(command);
            async move { connection.send_packed_command(&packed).await }
        });
        let mut answers = pin!(try_join_all(answers));
        let answers = tokio::select! {
            biased;
            answers = &mut answers => answers,
            // Commands still waiting for an answer get the cause.
            () = &mut self.driver => answers.await,
        };
        let answers = answers.map_err(|error| broken(&error, &self.endpoint))?;
        let reply = |(answer, words): (Value, &Words)| match answer {
            Value::ServerError(error) => Err(ReplyRefusal::of(&error, &self.user, words)),
            answer => Ok(answer),
        };
        Ok(answers.into_iter().zip(commands).map(reply).collect())
    }

    /// Sends one command.
    pub(super) async fn ask(&mut self, command: Words, timeout: Duration) -> Result<Reply, Problem> {
        only(self.exchange(&[command], timeout).await?)
    }

    /// The server.
    pub(super) fn endpoint(&self) -> &RedisEndpoint {
        &self.endpoint
    }

    /// A server that this one names by host and port.
    pub(super) fn address(&self, parts: &[Value]) -> Option<RedisEndpoint> {
        let host: Option<String> = ::redis::from_redis_value(parts.first()?.clone()).ok()?;
        let port: u16 = ::redis::from_redis_value(parts.get(1)?.clone()).ok()?;
        Some(self.sibling(&host.unwrap_or_default(), port))
    }

    /// A server named by this one.
    pub(super) fn sibling(&self, host: &str, port: u16) -> RedisEndpoint {
        self.endpoint.sibling(host, port, self.is_here)
    }

    /// Whether it is known to be closed.
    pub(super) fn is_closed(&mut self) -> bool {
        self.driver.is_terminated() || (&mut self.driver).now_or_never().is_some()
    }

    async fn connect(endpoint: &RedisEndpoint, tls: &Tls) -> Result<Self, Problem> {
        let of_endpoint = |problem: Problem| problem.context(endpoint);
        let failed = |error: std::io::Error| of_endpoint(dial::problem(&error));
        match endpoint {
            RedisEndpoint::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(failed)?;
                Self::over(stream, endpoint, true).await
            }
            RedisEndpoint::Tcp { host, port, tls: encrypted, origin } => {
                let addresses = lookup_host((host.as_str(), *port)).await.map_err(failed)?;
                let allowed: Vec<_> = addresses.filter(|address| origin.allows(address.ip())).collect();
                if allowed.is_empty() {
                    let detail = format!(
                        "{endpoint}: another server redirected to this address, which is outside its network"
                    );
                    return Err(Problem::new(Reason::Connect, detail));
                }
                let stream = dial::any(allowed).await.map_err(failed)?;
                let (peer, own) = (stream.peer_addr().map_err(failed)?, stream.local_addr().map_err(failed)?);
                let is_here = peer.ip() == own.ip() || peer.ip().to_canonical().is_loopback();
                if !encrypted {
                    return Self::over(stream, endpoint, is_here).await;
                }
                let (name, config) = (tls.name_of(host)?, Arc::new(tls.client_config().await?));
                let stream = dial::tls(stream, config, name).await.map_err(of_endpoint)?;
                Self::over(stream, endpoint, is_here).await
            }
        }
    }

    async fn over<S>(stream: S, endpoint: &RedisEndpoint, is_here: bool) -> Result<Self, Problem>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // The driver's own login hides the server's error, so it is done here.
        let nothing = RedisConnectionInfo::default().set_skip_set_lib_name();
        let (config, exchanges) = (AsyncConnectionConfig::new(), Exchanges::default());
        let stream = Conversation::new(stream, exchanges.clone());
        let (connection, driver) = MultiplexedConnection::new_with_config(&nothing, stream, config)
            .await
            .map_err(|error| broken(&error, endpoint))?;
        let driver = driver.boxed().fuse();
        Ok(Self { endpoint: endpoint.clone(), user: String::new(), is_here, connection, exchanges, driver })
    }

    /// One command at a time: a server that rejects clients answers the first one and closes.
    async fn log_in(&mut self, login: &RedisLogin, timeout: Duration) -> Result<(), Problem> {
        if let Some(secret) = &login.password {
            let password = secret.read().await?;
            let password = password.expose_secret();
            let command = match login.username.as_deref() {
                Some(user) => words(["AUTH", user, password]),
                None => words(["AUTH", password]),
            };
            let mut reply = self.ask(command, timeout).await?;
            if reply.as_ref().is_err_and(ReplyRefusal::is_wrong_number_of_arguments) {
                // Before Redis 6 there are no users, but the URL may still name one.
                reply = self.ask(words(["AUTH", password]), timeout).await?;
            }
            reply.map_err(|refusal| match refusal.reason() {
                Reason::Alarm => refusal.problem("AUTH"),
                _ => refusal.problem_as(Reason::Auth, "AUTH").with_origin("password", Some(secret.origin())),
            })?;
        }
        if login.database != 0 {
            let database = login.database.to_string();
            let reply = self.ask(words(["SELECT", &database]), timeout).await?;
            reply.map_err(|refusal| match refusal.reason() {
                Reason::Query => refusal.problem_as(Reason::NotFound, &format!("database {database}")),
                _ => refusal.problem("SELECT"),
            })?;
        }
        let reply = self.ask(words(["CLIENT", "SETNAME", CLIENT_NAME]), timeout).await?;
        match reply {
            // Some managed servers do not allow names; the name is optional.
            Err(refusal) if matches!(refusal.reason(), Reason::Auth | Reason::Alarm) => {
                Err(refusal.problem("CLIENT SETNAME"))
            }
            _ => Ok(()),
        }
    }
}

/// The driver keeps what it has received of an answer that is not complete.
impl Drop for RedisLink {
    fn drop(&mut self) {
        let driver = mem::replace(&mut self.driver, Fuse::terminated());
        large::discard(large::of_text(self.exchanges.answered()), driver);
    }
}

/// The answer to a single command.
pub(super) fn only(replies: Vec<Reply>) -> Result<Reply, Problem> {
    replies.into_iter().next().ok_or_else(|| Problem::new(Reason::Protocol, "missing answer"))
}
