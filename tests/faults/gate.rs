//! The way from the exporter to a server: a name, a proxy, and TLS in front of the server where the source uses it.

use std::fs::{self, OpenOptions};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use super::matrix::Fault;
use testkit::dns::{Dns, Entry};
use testkit::proxy::{Mode, Proxy};
use testkit::redis::Redis;
use testkit::tls::{Ca, Identity, Opening, TlsFront};
use testkit::web::{Web, reply};

/// Where a name leads when it has moved.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What the servers of every kind share.
pub(crate) struct World {
    pub(crate) dns: Arc<Dns>,
    ca: Ca,
    good: Identity,
    expired: Identity,
    foreign: Identity,
    _other: Ca,
    /// The server of another protocol, for what speaks HTTP and for what does not.
    redis: Redis,
    web: Web,
}

impl World {
    pub(crate) async fn start() -> Self {
        let (ca, other) = (Ca::generate(), Ca::generate());
        Self {
            dns: Arc::new(Dns::start().await),
            good: ca.issue(&["*.faults.test"]),
            expired: ca.issue_until(&["*.faults.test"], (2020, 1, 1)),
            foreign: other.issue(&["*.faults.test"]),
            ca,
            _other: other,
            redis: Redis::start().await,
            web: Web::start(|_| reply(200, "fine")).await,
        }
    }

    /// Where the witness is.
    pub(crate) fn witness(&self) -> String {
        self.dns.set("witness.test", Entry::address(Ipv4Addr::LOCALHOST));
        self.web.address().replace("127.0.0.1", "witness.test")
    }

    /// The gates of a source without TLS and of one with it, which has what the server wants to know in a file.
    pub(crate) async fn gates(&self, name: &str, protocol: Protocol, server: &str, secret: &str) -> Gates {
        let plain = self.gate(name, protocol, server).await;
        let opening = if protocol == Protocol::Postgres { Opening::Postgres } else { Opening::Tls };
        let front = TlsFront::start_with(server, &self.good, opening).await;
        let gate = self.gate(&format!("{name}-tls"), protocol, front.address()).await;
        let tls = Tls {
            front,
            authority: self.ca.certificate().to_owned(),
            good: self.good.clone(),
            expired: self.expired.clone(),
            foreign: self.foreign.clone(),
            secret: SecretFile::new(secret),
        };
        Gates { plain, secure: Gate { tls: Some(tls), ..gate } }
    }

    /// A gate to a server.
    pub(crate) async fn gate(&self, name: &str, protocol: Protocol, server: &str) -> Gate {
        let proxy = Proxy::start(server).await;
        let second = proxy.start_beside(ELSEWHERE, server).await;
        let name = format!("{name}.faults.test");
        self.dns.set(&name, Entry::address(Ipv4Addr::LOCALHOST));
        let stranger = match protocol {
            Protocol::Http => self.redis.address(),
            Protocol::Postgres | Protocol::Other => self.web.address().to_owned(),
        };
        let (server, dns) = (server.to_owned(), Arc::clone(&self.dns));
        Gate { name, second, proxy, server, stranger, dns, tls: None }
    }
}

/// What a server speaks. It says who is a stranger to it, and how TLS begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Postgres,
    Other,
}

/// The ways to a server from the two sources of a kind.
pub(crate) struct Gates {
    pub(crate) plain: Gate,
    pub(crate) secure: Gate,
}

impl Gates {
    /// With the names of their sources.
    pub(crate) fn by_source(&self) -> Vec<(&'static str, &Gate)> {
        vec![("plain", &self.plain), ("secure", &self.secure)]
    }
}

/// TLS in front of a server, and what it may show.
struct Tls {
    front: TlsFront,
    /// The file with the certificate of the good one's authority.
    authority: PathBuf,
    good: Identity,
    expired: Identity,
    foreign: Identity,
    secret: SecretFile,
}

/// A file with a secret, which can hang.
struct SecretFile {
    content: String,
    directory: TempDir,
}

impl SecretFile {
    fn new(content: &str) -> Self {
        let file = Self {
            content: content.to_owned(),
            directory: TempDir::with_prefix("secret-").expect("a temporary directory"),
        };
        fs::write(file.path(), content).expect("the directory is writable");
        file
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("secret")
    }

    /// Puts a pipe in its place: whoever opens it waits for somebody who writes.
    fn hang(&self) {
        fs::remove_file(self.path()).expect("it is there");
        let made = Command::new("mkfifo").arg(self.path()).status().expect("coreutils are there");
        assert!(made.success());
    }

    fn answer(&self) {
        // Lets go of who waits. Where nobody does, there is nothing to let go.
        let _ = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(self.path());
        let new = self.directory.path().join("new");
        fs::write(&new, &self.content).expect("the directory is writable");
        fs::rename(new, self.path()).expect("the directory is writable");
    }
}

/// `O_NONBLOCK` of fcntl.h on Linux.
const O_NONBLOCK: i32 = 0o4000;

/// The way to one server.
pub(crate) struct Gate {
    name: String,
    // On the port that `proxy` has claimed: it goes first.
    second: Proxy,
    proxy: Proxy,
    server: String,
    stranger: String,
    dns: Arc<Dns>,
    tls: Option<Tls>,
}

impl Gate {
    /// The server as the exporter knows it: `name.faults.test:port`.
    pub(crate) fn host(&self) -> String {
        format!("{}:{}", self.name, self.proxy.port())
    }

    /// The file with the secret of a source with TLS.
    pub(crate) fn secret_file(&self) -> String {
        self.tls().secret.path().display().to_string()
    }

    /// The settings of a source that trusts the server, as YAML.
    pub(crate) fn trust(&self) -> String {
        format!("tls: {{ca_file: {}}}", self.tls().authority.display())
    }

    fn tls(&self) -> &Tls {
        self.tls.as_ref().expect("a source with TLS")
    }

    /// Where the name leads after a failover: to the same server, unless this names another.
    pub(crate) fn moves_to(&self, server: &str) {
        self.second.retarget(server);
    }

    /// Whether anything was answered where the name leads after a failover.
    pub(crate) fn has_moved(&self) -> bool {
        self.second.exchanges() > 0
    }

    /// The largest number of connections at once.
    pub(crate) fn most(&self) -> usize {
        self.proxy.most().max(self.second.most())
    }

    /// Does what a network, a name server or TLS can do wrong; any other fault is the server's own.
    pub(crate) async fn inject(&self, fault: Fault) {
        match fault {
            Fault::Refused | Fault::Failover => self.proxy.set(Mode::Refuse).await,
            Fault::Blackholed => self.proxy.set(Mode::Unreachable).await,
            Fault::Silent => self.proxy.set(Mode::Blackhole).await,
            Fault::Stalled => self.proxy.set(Mode::Stall(5)).await,
            Fault::Trickled => self.proxy.set(Mode::Trickle).await,
            Fault::Reset => self.proxy.set(Mode::Reset).await,
            Fault::Garbage => self.proxy.set(Mode::Garbage).await,
            Fault::WrongProtocol => self.lead_to(&self.stranger).await,
            Fault::NoSuchName => {
                self.dns.remove(&self.name);
                self.proxy.end_connections().await;
            }
            Fault::SilentResolver => {
                self.dns.set(&self.name, Entry::Silence);
                self.proxy.end_connections().await;
            }
            Fault::NoHandshake | Fault::Expired | Fault::WrongAuthority => {
                let Tls { front, expired, foreign, .. } = self.tls();
                match fault {
                    Fault::Expired => front.show(expired),
                    Fault::WrongAuthority => front.show(foreign),
                    _ => front.show_nothing(),
                }
                self.proxy.end_connections().await;
            }
            Fault::SecretHangs => {
                self.tls().secret.hang();
                self.proxy.end_connections().await;
            }
            _ => {}
        }
    }

    /// Makes everything as it was.
    pub(crate) async fn heal(&self, fault: Fault) {
        match fault {
            Fault::NoSuchName | Fault::SilentResolver => {
                self.dns.set(&self.name, Entry::address(Ipv4Addr::LOCALHOST));
            }
            // The first server stays away.
            Fault::Failover => self.dns.set(&self.name, Entry::address(ELSEWHERE)),
            Fault::NoHandshake | Fault::Expired | Fault::WrongAuthority => {
                let Tls { front, good, .. } = self.tls();
                front.show(good);
            }
            Fault::SecretHangs => self.tls().secret.answer(),
            Fault::WrongProtocol | Fault::Clock | Fault::Oversized | Fault::Nested | Fault::Bloated => {
                self.lead_to(&self.server).await;
            }
            _ => self.proxy.set(Mode::Pass).await,
        }
    }

    /// Ends a failover, once it has been seen to work.
    pub(crate) async fn return_home(&self) {
        self.proxy.set(Mode::Pass).await;
        self.dns.set(&self.name, Entry::address(Ipv4Addr::LOCALHOST));
        self.second.end_connections().await;
    }

    /// Leads old connections, by ending them, and new ones to a server.
    pub(crate) async fn lead_to(&self, server: &str) {
        self.proxy.retarget(server);
        self.proxy.end_connections().await;
    }
}
