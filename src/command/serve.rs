//! The exporter's life: bind, start, serve, drain.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reload::Reloader;
use super::{Loaded, files};
use crate::beat::Beats;
use crate::cli::Flags;
use crate::schedule::{Schedule, by_kind};
use crate::server::{App, DRAIN, Gate, Pushes, Server};
use crate::snapshot::Store;

/// Why the exporter cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// Signals cannot be waited for.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
}

/// Connections that the kernel holds until they are accepted. Beyond it, a client waits a second before it tries again.
const BACKLOG: u32 = 1024;
/// The loops have this long to let go of what they do on shutdown.
const LET_GO: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT, then drains; a second signal ends the draining. SIGHUP reads the configuration
/// again.
///
/// Sources are worked on by a runtime of their own, so that no scrape waits for what one of them takes of a processor.
///
/// # Errors
/// When an address cannot be listened on: before any source is contacted.
pub async fn serve(flags: &Flags, loaded: Loaded, gate: Gate, sources: Handle) -> Result<(), ServeError> {
    let signals = Signals::new().map_err(ServeError::Signals)?;
    let mut listeners = Vec::new();
    for &address in &flags.listen_addresses {
        let listener = listen(address).map_err(|error| ServeError::Bind { address, error })?;
        let address = listener.local_addr().unwrap_or(address);
        tracing::info!(event = "listening", %address, config = loaded.origin, tls = gate.has_tls());
        listeners.push(listener);
    }
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let config = loaded.config.clone();
    // A thread of its own, because a file may hang.
    std::thread::spawn(move || files::warn(&config));
    let (app, reloader) = start(flags, &loaded, sources, &tasks, &stop).await;
    let server = Arc::new(Server::new(app, gate));
    for listener in listeners {
        tasks.spawn(Arc::clone(&server).serve(listener, stop.clone()));
    }
    let work = reloader.run(signals.hang_up);
    tasks.spawn(stop.clone().run_until_cancelled_owned(work));
    tasks.close();
    let mut ends = signals.ends;
    let first = ends.next().await;
    tracing::info!(event = "shutdown", signal = first);
    stop.cancel();
    tokio::select! {
        () = drained(&tasks) => {}
        second = ends.next() => tracing::warn!(event = "shutdown", signal = second, "not waiting any longer"),
    }
    Ok(())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart does not wait for the end of old connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn start(
    flags: &Flags,
    loaded: &Loaded,
    sources: Handle,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> (Arc<App>, Reloader) {
    let config = &loaded.config;
    let beats = Arc::new(Beats::default());
    let store = Arc::new(Store::new(config, SystemTime::now()));
    tasks.spawn(stop.clone().run_until_cancelled_owned(Arc::clone(&store).keep_published()));
    let build = by_kind(Arc::clone(&beats), super::variable, flags.storage_path.as_deref());
    let schedule = Schedule::new(build, Arc::clone(&store), sources, tasks.clone(), stop.clone());
    schedule.apply(config).await;
    let (reloads, requests) = mpsc::channel(1);
    let app = Arc::new(App {
        store,
        schedule,
        beats,
        pushes: ArcSwap::from_pointee(Pushes::from_iter(config.push_tokens())),
        reloads,
        access_log: flags.access_log,
        timeout_offset: flags.timeout_offset.get(),
    });
    (Arc::clone(&app), Reloader::new(flags, loaded, app, requests))
}

async fn drained(tasks: &TaskTracker) {
    // The server's own limit comes first; this one is for a loop that does not let go.
    if tokio::time::timeout(DRAIN + LET_GO, tasks.wait()).await.is_err() {
        tracing::warn!(tasks = tasks.len(), "some tasks did not end");
    }
}

/// The signals that the exporter listens to.
struct Signals {
    hang_up: Signal,
    ends: Ends,
}

/// The signals that end it.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let ends =
            Ends { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
        Ok(Self { hang_up: signal(SignalKind::hangup())?, ends })
    }
}

impl Ends {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
