//! Relays what a server sends to the driver: checked, counted, and cut off if it is too much.
//!
//! The driver reads a message of any length into memory, up to 4 GiB, keeps whatever parameters a server reports, and
//! panics on wrong lengths. It accepts no custom stream, but it connects to UNIX sockets: this relay is at the other
//! end of one, and speaks TLS with the server.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Fuse};
use platform_core::dial::problem;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{LARGEST_ANSWER, too_large};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::answer::ADVICE;
use super::config::Config;
use super::dial::dial;
use super::message_check::Messages;

/// The size limit of an exchange: an answer, plus the overhead of TLS and the protocol.
const MOST_PER_EXCHANGE: usize = LARGEST_ANSWER + LARGEST_ANSWER / 16;
/// A session that has received more than this is replaced after its exchange, to free what the driver keeps of it.
const MOST_PER_SESSION: usize = LARGEST_ANSWER;
const CHUNK: usize = 16 << 10;

/// The connection to a server. Dropping it closes it at once, whatever is in flight.
pub(super) struct Relay {
    /// The directory of the socket, in the driver's notation.
    socket: PathBuf,
    counts: Arc<Counts>,
    /// Relays the bytes. As a separate task it would outlive the session.
    way: Fuse<BoxFuture<'static, ()>>,
}

/// What was relayed.
#[derive(Default)]
pub(super) struct Counts {
    exchange: AtomicUsize,
    session: AtomicUsize,
    /// Why the connection ended, if there is more to say than that it was closed.
    end: OnceLock<Problem>,
}

impl Relay {
    /// Connects to the server, and listens for the driver.
    pub(super) async fn open(config: &Config) -> Result<Self, Problem> {
        // An abstract name: not in the file system, and gone with the listener.
        let random = RandomState::new().hash_one(std::process::id());
        let name = format!("\0platform_exporter-{random:016x}");
        let listener = UnixListener::bind(format!("{name}/.s.PGSQL.{}", config.port));
        let listener = listener.map_err(|error| Problem::new(Reason::Internal, error))?;
        let counts = Arc::<Counts>::default();
        let way = Arc::clone(&counts).relay(listener, dial(config).await?).boxed();
        Ok(Self { socket: name.into(), counts, way: way.fuse() })
    }

    /// The directory in which the driver finds its socket.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// What is relayed while the driver works.
    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Runs an operation of the driver, and relays what it sends and receives.
    pub(super) async fn with<T>(&mut self, exchange: impl Future<Output = T>) -> T {
        let mut exchange = pin!(exchange);
        tokio::select! {
            biased;
            result = &mut exchange => result,
            // The driver notices the end of the connection.
            () = &mut self.way => exchange.await,
        }
    }

    /// Relays what the driver sent last, once it has closed its end.
    pub(super) async fn ended(self) {
        self.way.await;
    }

    /// Whether the session has reached its limit.
    pub(super) fn is_worn(&self) -> bool {
        self.counts.session.load(Ordering::Relaxed) > MOST_PER_SESSION
    }
}

impl Counts {
    /// The next bytes belong to a new exchange.
    pub(super) fn begin(&self) {
        self.exchange.store(0, Ordering::Relaxed);
    }

    /// Why the connection ended, unless the server reported it.
    pub(super) fn end(&self, error: &sqlx::Error) -> Option<Problem> {
        if error.as_database_error().is_some() { None } else { self.end.get().cloned() }
    }

    async fn relay(self: Arc<Self>, listener: UnixListener, server: impl AsyncRead + AsyncWrite) {
        let Ok(driver) = accept(listener).await else { return };
        let (mut from_driver, mut to_driver) = driver.into_split();
        let (mut from_server, mut to_server) = tokio::io::split(server);
        // Closing either end closes both. The first problem caused the others.
        let ended = tokio::select! {
            sent = tokio::io::copy(&mut from_driver, &mut to_server) => {
                // With TLS, this sends the end of the session.
                let _ = to_server.shutdown().await;
                sent.map(drop).map_err(|error| problem(&error))
            }
            answered = self.answer(&mut from_server, &mut to_driver) => answered,
        };
        if let Err(problem) = ended {
            let _ = self.end.set(problem);
        }
    }

    async fn answer(
        &self,
        server: &mut (impl AsyncRead + Unpin),
        driver: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), Problem> {
        let (mut chunk, mut messages) = (vec![0; CHUNK], Messages::default());
        loop {
            let length = server.read(&mut chunk).await.map_err(|error| problem(&error))?;
            if length == 0 {
                return Ok(());
            }
            self.session.fetch_add(length, Ordering::Relaxed);
            if self.exchange.fetch_add(length, Ordering::Relaxed) + length > MOST_PER_EXCHANGE {
                return Err(too_large(ADVICE));
            }
            messages
                .check(&chunk[..length])
                .map_err(|malformed| Problem::new(Reason::Protocol, malformed))?;
            driver.write_all(&chunk[..length]).await.map_err(|error| problem(&error))?;
        }
    }
}

/// Our own driver. Any process on this host could connect to an abstract name.
async fn accept(listener: UnixListener) -> io::Result<UnixStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        let peer = stream.peer_cred()?.pid();
        if peer.and_then(|pid| u32::try_from(pid).ok()) == Some(std::process::id()) {
            return Ok(stream);
        }
    }
}
