//! Redis.

use std::fs;
use std::path::Path;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult};
use tempfile::TempDir;

use super::clock::put_ahead;
use super::ports::Port;
use super::process::{Process, command};
use super::tls::{Ca, Identity};
use super::wait::eventually;

/// A user for the tests themselves, past every password and rule under test.
const OPERATOR: &str = "operator";

/// A replica is attached by then, and known to a sentinel; with much time for a busy machine.
const ATTACHED: Duration = Duration::from_secs(120);

/// What can be chosen about a server before it starts.
#[derive(Debug, Default)]
pub struct Options {
    password: Option<String>,
    tls: bool,
    sentinel: bool,
    bus: Option<Port>,
    settings: Vec<String>,
    ahead: Duration,
}

impl Options {
    /// Clients must give a password.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.setting(&format!("requirepass {password}"))
    }

    /// An ACL user, as in `exporter on >secret ~* +info`.
    pub fn user(self, rule: &str) -> Self {
        self.setting(&format!("user {rule}"))
    }

    /// Clients must use TLS; they need no certificate.
    pub fn tls(mut self, ca: &Ca, identity: &Identity) -> Self {
        self.tls = true;
        self.setting(&format!("tls-cert-file {}", identity.certificate().display()))
            .setting(&format!("tls-key-file {}", identity.key().display()))
            .setting(&format!("tls-ca-cert-file {}", ca.certificate().display()))
            .setting("tls-auth-clients no")
    }

    /// A replica of a plain server.
    pub fn replica_of(self, primary: &Redis) -> Self {
        self.setting(&format!("replicaof 127.0.0.1 {}", primary.port))
            .setting(&format!("masteruser {OPERATOR}"))
            .setting("masterauth unused")
    }

    /// A sentinel that watches a plain server under the name `main`.
    pub fn sentinel_of(mut self, primary: &Redis) -> Self {
        self.sentinel = true;
        self.setting(&format!("sentinel monitor main 127.0.0.1 {} 1", primary.port))
            .setting(&format!("sentinel auth-user main {OPERATOR}"))
            .setting("sentinel auth-pass main unused")
            .setting("sentinel down-after-milliseconds main 500")
    }

    /// A cluster of this one server; it serves once [`Redis::take_all_slots`] was called.
    pub fn cluster(mut self) -> Self {
        let bus = self.bus.insert(Port::free());
        let port = format!("cluster-port {bus}");
        self.setting("cluster-enabled yes").setting(&port)
    }

    /// A clock that goes ahead of ours.
    pub fn ahead(mut self, by: Duration) -> Self {
        self.ahead = by;
        self
    }

    /// A line of `redis.conf`.
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// Starts the server, and waits until it answers.
    pub async fn start(self) -> Redis {
        let directory = TempDir::with_prefix("redis-").expect("a temporary directory");
        let port = Port::free();
        let config = directory.path().join("redis.conf");
        fs::write(&config, self.config(directory.path(), &port)).expect("the directory is writable");
        let mut command = command("redis-server");
        command.arg(&config);
        if self.sentinel {
            command.arg("--sentinel");
        }
        if !self.ahead.is_zero() {
            put_ahead(&mut command, self.ahead, directory.path()).await;
        }
        let process = Process::spawn("redis", command, directory.path());
        let mut server =
            Redis { process, port, _bus: self.bus, password: self.password, tls: self.tls, directory };
        server.ready().await;
        server
    }

    fn config(&self, directory: &Path, port: &Port) -> String {
        // Some builds have no TLS.
        let port = if self.tls { format!("port 0\ntls-port {port}") } else { format!("port {port}") };
        let directory = directory.display();
        let mut config = format!(
            "bind 127.0.0.1\n{port}\ndir {directory}\nsave \"\"\nappendonly no\n\
             unixsocket {directory}/redis.sock\nuser {OPERATOR} on nopass ~* &* +@all\n\
             repl-diskless-sync yes\nrepl-diskless-sync-delay 0\n"
        );
        for line in &self.settings {
            config.push_str(line);
            config.push('\n');
        }
        config
    }
}

/// A Redis server.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: Port,
    _bus: Option<Port>,
    password: Option<String>,
    tls: bool,
    directory: TempDir,
}

impl Redis {
    /// Starts a server without a password.
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// Starts a server, its replica, and a sentinel that knows both.
    pub async fn start_set() -> [Self; 3] {
        let primary = Self::start().await;
        let replica = Self::options().replica_of(&primary).start().await;
        eventually(ATTACHED, "the replica is attached", async || {
            primary.run::<String>(&["INFO", "replication"]).await.contains("state=online")
        })
        .await;
        let sentinel = Self::options().sentinel_of(&primary).start().await;
        eventually(ATTACHED, "the sentinel knows the replica", async || {
            sentinel.run::<String>(&["INFO", "sentinel"]).await.contains("slaves=1")
        })
        .await;
        [primary, replica, sentinel]
    }

    /// Starts a server with options.
    pub fn options() -> Options {
        Options::default()
    }

    /// The URL for clients.
    pub fn url(&self) -> String {
        let login = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        self.url_with(&login)
    }

    /// The URL of an ACL user.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        self.url_with(&format!("{user}:{password}@"))
    }

    /// The address to put a proxy in front of.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A connection that may do everything, past TLS, passwords and proxies.
    pub async fn connection(&self) -> MultiplexedConnection {
        self.try_connection().await.expect("the server runs")
    }

    /// As [`Self::connection`], to a server that may be frozen.
    pub async fn try_connection(&self) -> RedisResult<MultiplexedConnection> {
        connect(self.directory.path()).await
    }

    /// Runs one command, given as its words, with all rights; panics on an error.
    pub async fn run<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_run(words).await.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// As [`Self::run`], on a server that may close connections.
    pub async fn try_run<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async(&mut self.try_connection().await?).await
    }

    /// Ends all clients but the one that this gives, and admits no other.
    pub async fn turn_others_away(&self) -> MultiplexedConnection {
        let mut client = self.connection().await;
        for words in ["CONFIG SET maxclients 1", "CLIENT KILL TYPE normal SKIPME yes"] {
            let mut command = redis::Cmd::new();
            command.arg(words.split(' ').collect::<Vec<_>>());
            command.exec_async(&mut client).await.expect("it is admitted");
        }
        client
    }

    /// Ends what [`Self::turn_others_away`] began.
    pub async fn admit_others(mut client: MultiplexedConnection) {
        let command = redis::cmd("CONFIG").arg(&["SET", "maxclients", "10000"]).to_owned();
        command.exec_async(&mut client).await.expect("it is admitted");
    }

    /// Makes a cluster of one server serve all keys, and waits until it does.
    pub async fn take_all_slots(&self) {
        self.run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
        eventually(Duration::from_secs(10), "the cluster is ready", async || {
            self.run::<String>(&["CLUSTER", "INFO"]).await.contains("cluster_state:ok")
        })
        .await;
    }

    /// The server's process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Freezes the server.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Wakes a frozen server.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends the server if it runs, and starts it again with the same port, empty.
    pub async fn restart(&mut self) {
        self.process.restart();
        self.ready().await;
    }

    fn url_with(&self, login: &str) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        format!("{scheme}://{login}127.0.0.1:{}", self.port)
    }

    async fn ready(&mut self) {
        let directory = self.directory.path();
        let answers = async || connect(directory).await.is_ok();
        self.process.ready(answers).await;
    }
}

async fn connect(directory: &Path) -> RedisResult<MultiplexedConnection> {
    let url = format!("redis+unix://{}/redis.sock?user={OPERATOR}&pass=unused", directory.display());
    // The client's own limit is shorter than what a slow machine takes for a large value.
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
    redis::Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await
}
