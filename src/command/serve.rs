//! The exporter's life cycle: bind, start, serve, drain.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use platform_core::descriptors::Descriptors;
use platform_core::heartbeat::Heartbeats;
use platform_core::off_thread;
use platform_core::supervisor::{Ended, Supervisor};
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::listen;
use super::reload::Reloader;
use super::{Loaded, files};
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
        /// The system's error.
        error: io::Error,
    },
    /// The directory for state cannot be made.
    #[error("--storage.path: cannot create {path}: {error}", path = path.display())]
    Storage {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A task that has to run as long as the process has ended.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// Signal handlers cannot be installed.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
}

/// Listen backlog. Beyond it, a client retries after a second.
const BACKLOG: i32 = 1024;
/// How often the watchdog checks the clocks.
const LOOK_AT_CLOCKS: Duration = Duration::from_secs(5);
/// How long the loops have to stop on shutdown.
const LET_GO: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT, then drains; a second signal ends the draining. SIGHUP reloads the configuration.
///
/// Sources have a runtime of their own, so that no scrape waits while one of them uses the CPU.
///
/// # Errors
/// When it cannot listen on an address, or make its directory for state. This happens before any source is contacted.
pub async fn serve(flags: &Flags, loaded: Loaded, gate: Gate, sources: Handle) -> Result<(), ServeError> {
    if let Some(path) = &flags.storage_path {
        fs::create_dir_all(path).map_err(|error| ServeError::Storage { path: path.clone(), error })?;
    }
    let signals = Signals::new().map_err(ServeError::Signals)?;
    let descriptors = Descriptors::claim();
    let mut listeners = Vec::new();
    for &address in flags.listen() {
        let listener =
            listen::every(address, BACKLOG).map_err(|error| ServeError::Bind { address, error })?;
        let address = listener.local_addr().unwrap_or(address);
        tracing::info!(event = "listening", %address, config = loaded.origin, tls = gate.has_tls());
        listeners.push(listener);
    }
    warn_of_few(&descriptors, loaded.config.sources().len());
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let config = loaded.config.clone();
    // In a thread of its own, because a file may hang.
    drop(off_thread::spawn(move || files::warn(&config)));
    let (supervisor, mut ended) = Supervisor::new();
    let life = Life { tasks: tasks.clone(), stop: stop.clone(), supervisor };
    let (app, reloader) = start(flags, &loaded, sources, &life, descriptors.of_sources()).await;
    // Each part has what it needs of it.
    drop(loaded);
    let server = Arc::new(Server::new(app, gate, descriptors));
    for listener in listeners {
        let server = Arc::clone(&server);
        tasks.spawn(life.supervisor.clone().watch("listener".into(), server.serve(listener, stop.clone())));
    }
    life.spawn("reloader", reloader.run(signals.hang_up));
    tasks.close();
    let mut ends = signals.ends;
    let result = tokio::select! {
        signal = ends.next() => {
            tracing::info!(event = "shutdown", signal);
            Ok(())
        }
        Some(ended) = ended.recv() => Err(ended.into()),
    };
    stop.cancel();
    tokio::select! {
        () = drained(&tasks) => {}
        second = ends.next() => tracing::warn!(event = "shutdown", signal = second, "not waiting any longer"),
    }
    result
}

/// A source has one connection for probes and one for queries; some have more, or open files.
const DESCRIPTORS_OF_A_SOURCE: u64 = 3;

fn warn_of_few(descriptors: &Descriptors, sources: usize) {
    let (needed, limit) = (sources as u64 * DESCRIPTORS_OF_A_SOURCE, descriptors.of_sources());
    if needed > limit {
        tracing::warn!(
            event = "descriptors.few",
            sources,
            needed,
            limit,
            "sources may run out of file descriptors: raise the limit (LimitNOFILE of systemd, `ulimits: nofile` of \
             a container)"
        );
    }
}

/// What process-wide tasks are started with.
struct Life {
    tasks: TaskTracker,
    stop: CancellationToken,
    supervisor: Supervisor,
}

impl Life {
    fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let work = async move { stop.run_until_cancelled(work).await.unwrap_or_default() };
        self.tasks.spawn(self.supervisor.clone().watch(name.into(), work));
    }
}

async fn start(
    flags: &Flags,
    loaded: &Loaded,
    sources: Handle,
    life: &Life,
    descriptors: u64,
) -> (Arc<App>, Reloader) {
    let config = &loaded.config;
    let heartbeats = Arc::new(Heartbeats::default());
    let store = Arc::new(Store::new(config, SystemTime::now()));
    life.spawn("publisher", Arc::clone(&store).keep_published());
    life.spawn("watchdog", watch_clocks(Arc::clone(&store)));
    let build = by_kind(Arc::clone(&heartbeats), super::variable, flags.storage_path.as_deref());
    let schedule = Schedule::new(
        build,
        Arc::clone(&store),
        sources,
        life.tasks.clone(),
        life.stop.clone(),
        life.supervisor.clone(),
        descriptors,
    );
    schedule.apply(config).await;
    let (reloads, requests) = mpsc::channel(1);
    let app = Arc::new(App {
        store,
        schedule,
        heartbeats,
        pushes: ArcSwap::from_pointee(Pushes::from_iter(config.push_tokens())),
        address: flags.address(),
        reloads,
        access_log: flags.access_log,
        rendering: Arc::new(Semaphore::new(1)),
        timeout_offset: flags.timeout_offset.get(),
    });
    (Arc::clone(&app), Reloader::new(flags, loaded, app, requests))
}

/// Logs when probes stop being started, and when they resume.
async fn watch_clocks(store: Arc<Store>) {
    let mut was_stalled = false;
    loop {
        tokio::time::sleep(LOOK_AT_CLOCKS).await;
        match store.stall() {
            Some(stall) if !was_stalled => {
                was_stalled = true;
                tracing::error!(event = "clocks.stopped", %stall);
            }
            None if was_stalled => {
                was_stalled = false;
                tracing::info!(event = "clocks.recovered");
            }
            _ => {}
        }
    }
}

async fn drained(tasks: &TaskTracker) {
    // The server's own limit comes first; this one is for a loop that does not stop.
    if tokio::time::timeout(DRAIN + LET_GO, tasks.wait()).await.is_err() {
        tracing::warn!(tasks = tasks.len(), "some tasks did not stop");
    }
}

/// The signals that the exporter handles.
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
