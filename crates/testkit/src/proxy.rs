//! A TCP proxy that misbehaves on demand.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use procfs::net::TcpState;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::ports::Port;
use super::proxy_connection::{carry, reset};
use super::wait::{PAUSE, eventually};

/// What a [`Proxy`] does to its connections, old and new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything on.
    Pass,
    /// Nobody listens: new connections are refused, old ones are reset.
    Refuse,
    /// New connections are accepted and reset at once, old ones are reset.
    Reset,
    /// Packets to the port are lost: connecting hangs; old connections hang as in [`Mode::Blackhole`].
    Unreachable,
    /// Connections are accepted, and nothing goes through; what was held back goes through afterwards.
    Blackhole,
    /// Every piece of an answer comes late by this much.
    Delay(Duration),
    /// Each connection gets this many bytes of answers more, and is then closed.
    Cut(usize),
    /// Each connection gets this many bytes of answers more; the rest goes through afterwards.
    Stall(usize),
    /// Every piece of an answer is replaced by bytes that belong to no protocol.
    Garbage,
    /// Answers come at one byte a second.
    Trickle,
}

/// A TCP proxy in front of a server.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    target: watch::Sender<String>,
    mode: watch::Sender<Mode>,
    applied: watch::Receiver<Mode>,
    counts: Arc<Counts>,
    acceptor: JoinHandle<()>,
}

/// How many connections there were, and are, and what they have carried.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    seen: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
    pub(crate) exchanges: AtomicU64,
    bytes: AtomicU64,
    waited: AtomicU64,
}

impl Counts {
    /// Adds bytes, and how long the client has waited for them.
    pub(crate) fn carried(&self, bytes: usize, waited: Duration) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let nanoseconds = u64::try_from(waited.as_nanos()).expect("no wait takes centuries");
        self.waited.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl Proxy {
    /// Starts a proxy in front of an address such as `127.0.0.1:5432`.
    pub async fn start(target: &str) -> Self {
        let port = Port::free();
        let address = (Ipv4Addr::LOCALHOST, port.number()).into();
        Self::start_at(address, Some(port), target).await
    }

    /// Starts a proxy on the same port of another address of this machine. To be dropped before this one is.
    pub async fn start_beside(&self, address: Ipv4Addr, target: &str) -> Self {
        Self::start_at((address, self.address.port()).into(), None, target).await
    }

    async fn start_at(address: SocketAddr, claim: Option<Port>, target: &str) -> Self {
        let (mode, modes) = watch::channel(Mode::Pass);
        let (apply, applied) = watch::channel(Mode::Refuse);
        let (target, targets) = watch::channel(target.to_owned());
        let counts = Arc::new(Counts::default());
        let acceptor = Acceptor {
            address,
            _claim: claim,
            targets,
            modes,
            applied: apply,
            counts: Arc::clone(&counts),
            clients: BTreeSet::new(),
        };
        let acceptor = tokio::spawn(acceptor.run());
        let proxy = Self { address, target, mode, applied, counts, acceptor };
        proxy.set(Mode::Pass).await;
        proxy
    }

    /// Where it listens, as `127.0.0.1:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of the server behind it, led through the proxy instead.
    pub fn through(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).expect("a URL");
        url.set_port(Some(self.port())).expect("a URL with a host");
        url.into()
    }

    /// Switches the mode; it holds for new connections once this returns.
    pub async fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
        let mut applied = self.applied.clone();
        applied.wait_for(|&current| current == mode).await.expect("the proxy runs");
    }

    /// Resets every connection, and waits until the last one is gone; new ones pass.
    pub async fn end_connections(&self) {
        self.set(Mode::Reset).await;
        eventually(Duration::from_secs(10), "all connections are gone", async || self.open() == 0).await;
        self.set(Mode::Pass).await;
    }

    /// Leads new connections to another server; old ones stay where they are.
    pub fn retarget(&self, target: &str) {
        self.target.send_replace(target.to_owned());
    }

    /// The largest number of connections that clients held open side by side since this was last asked.
    pub fn most(&self) -> usize {
        self.counts.most.swap(0, Ordering::Relaxed)
    }

    /// How many connections were accepted since the start.
    pub fn seen(&self) -> usize {
        self.counts.seen.load(Ordering::Relaxed)
    }

    /// How many connections clients hold open now.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// How many bytes went either way since the start.
    pub fn bytes(&self) -> u64 {
        self.counts.bytes.load(Ordering::Relaxed)
    }

    /// How often since the start clients have sent something, and were answered.
    pub fn exchanges(&self) -> u64 {
        self.counts.exchanges.load(Ordering::Relaxed)
    }

    /// How long clients have waited for answers since the start, up to the last byte of each.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.counts.waited.load(Ordering::Relaxed))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

struct Acceptor {
    address: SocketAddr,
    _claim: Option<Port>,
    targets: watch::Receiver<String>,
    modes: watch::Receiver<Mode>,
    applied: watch::Sender<Mode>,
    counts: Arc<Counts>,
    /// Those that had connections when the last one came.
    clients: BTreeSet<SocketAddr>,
}

impl Acceptor {
    async fn run(mut self) {
        let mut connections = JoinSet::new();
        let mut listener = None;
        loop {
            let mode = *self.modes.borrow_and_update();
            // A full queue belongs to its listener: leaving this mode takes a new one.
            let mut crowd = None;
            if matches!(mode, Mode::Refuse | Mode::Unreachable)
                || self.applied.borrow().eq(&Mode::Unreachable)
            {
                listener = None;
            }
            if mode == Mode::Unreachable {
                crowd = Some(Crowd::fill(self.address).await);
            } else if mode != Mode::Refuse && listener.is_none() {
                listener = Some(listen(self.address, 128).await);
            }
            self.applied.send_replace(mode);
            loop {
                tokio::select! {
                    changed = self.modes.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return,
                    },
                    client = accept(listener.as_ref()) => self.admit(client, &mut connections),
                    Some(_) = connections.join_next() => {}
                }
            }
            drop(crowd);
        }
    }

    fn admit(&mut self, (client, address): (TcpStream, SocketAddr), connections: &mut JoinSet<()>) {
        let modes = self.modes.clone();
        self.count(address);
        if *modes.borrow() == Mode::Reset {
            reset(&client);
            return;
        }
        let (target, open) = (self.targets.borrow().clone(), Open::count(&self.counts));
        connections.spawn(async move {
            carry(client, &target, modes, &open.0).await;
            drop(open);
        });
    }

    /// Whoever has come before a client and is there after it, was there beside it. Who comes meanwhile does not count.
    fn count(&mut self, client: SocketAddr) {
        self.clients.insert(client);
        let open = clients(self.address);
        self.clients.retain(|client| open.contains(client));
        self.counts.most.fetch_max(self.clients.len(), Ordering::Relaxed);
    }
}

/// Keeps the count of open connections right however a connection's task ends.
struct Open(Arc<Counts>);

impl Open {
    fn count(counts: &Arc<Counts>) -> Self {
        counts.seen.fetch_add(1, Ordering::Relaxed);
        counts.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counts))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A listener whose queue is full: the kernel drops the packets of whoever wants to connect next.
struct Crowd {
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Crowd {
    async fn fill(address: SocketAddr) -> Self {
        let listener = listen(address, 0).await;
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
        {
            waiting.push(stream);
        }
        Self { _listener: listener, _waiting: waiting }
    }
}

/// The clients that hold connections open to an address. The kernel knows that one has closed before whoever reads from
/// the connection does.
fn clients(address: SocketAddr) -> BTreeSet<SocketAddr> {
    let connections = procfs::net::tcp().expect("Linux lists its connections");
    let open = connections.into_iter().filter(|entry| entry.state == TcpState::Established);
    open.filter(|entry| entry.local_address == address).map(|entry| entry.remote_address).collect()
}

/// Listens on a port that is claimed. While a server is being started, its process has the listener before this one open,
/// until it runs the server's program.
async fn listen(address: SocketAddr, backlog: u32) -> TcpListener {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match listen_now(address, backlog) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            listener => return listener.expect("the port is claimed"),
        }
    }
}

fn listen_now(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

async fn accept(listener: Option<&TcpListener>) -> (TcpStream, SocketAddr) {
    match listener {
        Some(listener) => loop {
            if let Ok(client) = listener.accept().await {
                return client;
            }
        },
        None => std::future::pending().await,
    }
}
