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
    pub(crate) ca: Ca,
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

    /// A gate to a server that speaks HTTP.
    pub(crate) async fn http_gate(&self, name: &str, server: &str) -> Gate {
        Gate { stranger: self.redis.address(), ..self.gate(name, server).await }
    }

    /// A gate to a server.
    pub(crate) async fn gate(&self, name: &str, server: &str) -> Gate {
        let proxy = Proxy::start(server).await;
        let second = proxy.start_beside(ELSEWHERE, server).await;
        let name = format!("{name}.faults.test");
        self.dns.set(&name, Entry::address(Ipv4Addr::LOCALHOST));
        Gate {
            name,
            second,
            proxy,
            server: server.to_owned(),
            stranger: self.web.address().to_owned(),
            dns: Arc::clone(&self.dns),
            tls: None,
        }
    }

    /// A gate to a server, with TLS in front of it, and a file with what the server wants to know.
    pub(crate) async fn tls_gate(&self, name: &str, server: &str, opening: Opening, secret: &str) -> Gate {
        let front = TlsFront::start_with(server, &self.good, opening).await;
        let gate = self.gate(name, front.address()).await;
        let tls = Tls {
            front,
            good: self.good.clone(),
            expired: self.expired.clone(),
            foreign: self.foreign.clone(),
            secret: SecretFile::new(secret),
        };
        Gate { tls: Some(tls), ..gate }
    }
}

/// TLS in front of a server, and what it may show.
struct Tls {
    front: TlsFront,
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
        self.tls.as_ref().expect("a source with TLS").secret.path().display().to_string()
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
                let Tls { front, expired, foreign, .. } = self.tls.as_ref().expect("a source with TLS");
                match fault {
                    Fault::Expired => front.show(expired),
                    Fault::WrongAuthority => front.show(foreign),
                    _ => front.show_nothing(),
                }
                self.proxy.end_connections().await;
            }
            Fault::SecretHangs => {
                self.tls.as_ref().expect("a source with TLS").secret.hang();
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
                let Tls { front, good, .. } = self.tls.as_ref().expect("a source with TLS");
                front.show(good);
            }
            Fault::SecretHangs => self.tls.as_ref().expect("a source with TLS").secret.answer(),
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
