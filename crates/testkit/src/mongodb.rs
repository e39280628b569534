//! MongoDB.

use std::path::Path;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::ClientOptions;
use tempfile::TempDir;

use super::clock::put_ahead;
use super::ports::Port;
use super::process::{Process, command, write_secret};
use super::tls::{Ca, Identity};

/// What can be chosen about a server before it starts.
#[derive(Debug, Default)]
pub struct Options {
    login: Option<(String, String)>,
    arguments: Vec<String>,
    standalone: bool,
    ahead: Duration,
}

impl Options {
    /// A server that belongs to no replica set.
    pub fn standalone(mut self) -> Self {
        self.standalone = true;
        self
    }

    /// Clients must log in; this user has the role `root`.
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Clients may use TLS, and show a certificate of this authority.
    pub fn tls(self, ca: &Ca, identity: &Identity) -> Self {
        self.argument("--tlsMode=preferTLS")
            .argument("--tlsAllowConnectionsWithoutCertificates")
            .argument(&format!("--tlsCAFile={}", ca.certificate().display()))
            .argument(&format!("--tlsCertificateKeyFile={}", identity.joined().display()))
    }

    /// An argument of `mongod`, as in `--setParameter=ttlMonitorEnabled=false`.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// A clock that goes ahead of ours.
    pub fn ahead(mut self, by: Duration) -> Self {
        self.ahead = by;
        self
    }

    /// Starts the server, by default as the only member of a replica set, and waits until it is primary.
    pub async fn start(self) -> Mongodb {
        let standalone = self.standalone;
        let mut server = self.launch().await;
        if !standalone {
            server.initiate(doc! {"_id": "rs0", "members": [{"_id": 0, "host": server.address()}]}).await;
        }
        server
    }

    /// Starts the server, and waits until it answers; its set is still to be made.
    pub(crate) async fn launch(self) -> Mongodb {
        let directory = TempDir::with_prefix("mongodb-").expect("a temporary directory");
        let port = Port::free();
        let mut command = command(super::dependency("mongodb/bin/mongod"));
        command.args(["--bind_ip=127.0.0.1", "--nounixsocket", "--oplogSize=50"]);
        if !self.standalone {
            command.arg("--replSet=rs0");
        }
        command
            .args(["--wiredTigerCacheSizeGB=0.25", "--setParameter=diagnosticDataCollectionEnabled=false"]);
        command.args([format!("--port={port}"), format!("--dbpath={}", directory.path().display())]);
        command.args(&self.arguments);
        if self.login.is_some() {
            command.arg("--keyFile").arg(key_file(directory.path()));
        }
        if !self.ahead.is_zero() {
            put_ahead(&mut command, self.ahead, directory.path()).await;
        }
        let process = Process::spawn("mongod", command, directory.path());
        let mut server = Mongodb { process, port, login: self.login, _directory: directory };
        server.answers().await;
        server
    }
}

/// A MongoDB server of the replica set `rs0`, of which it is the one member unless it is one of a
/// [`MongodbSet`](super::mongodb_set::MongodbSet).
#[derive(Debug)]
pub struct Mongodb {
    process: Process,
    port: Port,
    login: Option<(String, String)>,
    _directory: TempDir,
}

impl Mongodb {
    /// Starts a server without logins.
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// Starts a server with options.
    pub fn options() -> Options {
        Options::default()
    }

    /// The URL of this one server; it leads through a proxy, which that of the set does not.
    pub fn url(&self) -> String {
        format!("mongodb://{}{}/?directConnection=true", self.userinfo(), self.address())
    }

    /// The URL of the replica set.
    pub fn url_of_set(&self) -> String {
        format!("mongodb://{}{}/?replicaSet=rs0", self.userinfo(), self.address())
    }

    /// The address to put a proxy in front of.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A client with all rights.
    pub async fn client(&self) -> Client {
        connect(&self.url()).await
    }

    /// Runs a command in the database `admin` with all rights; panics on an error.
    pub async fn run(&self, command: Document) -> Document {
        let answer = self.client().await.database("admin").run_command(command.clone()).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
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

    /// Ends the server if it runs, starts it again with the same port and data, and waits until it is primary.
    pub async fn restart(&mut self) {
        self.start_again().await;
        let client = self.anonymous().await;
        self.process.ready(async || is_primary(&client).await).await;
    }

    /// As [`Self::restart`], without waiting until it is primary.
    pub(crate) async fn start_again(&mut self) {
        self.process.restart();
        self.answers().await;
    }

    /// Whether it is the primary of its set.
    pub(crate) async fn is_primary(&self) -> bool {
        is_primary(&self.anonymous().await).await
    }

    /// Whether it runs, frozen or not.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Its connections of clients that give this name, idle or active, by its own account.
    pub async fn connections_of(&self, name: &str) -> Vec<Document> {
        let all = doc! {"$currentOp": {"allUsers": true, "idleConnections": true}};
        let own = doc! {"$match": {"appName": name}};
        let reply = self.run(doc! {"aggregate": 1, "cursor": {}, "pipeline": [all, own]}).await;
        let batch = reply.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
        batch.into_iter().flatten().filter_map(|operation| operation.as_document().cloned()).collect()
    }

    async fn answers(&mut self) {
        let client = self.anonymous().await;
        let admin = client.database("admin");
        let answers = async || admin.run_command(doc! {"hello": 1}).await.is_ok();
        self.process.ready(answers).await;
    }

    /// Makes the set with this one as its first primary.
    pub(crate) async fn initiate(&mut self, set: Document) {
        let client = self.anonymous().await;
        let admin = client.database("admin");
        admin.run_command(doc! {"replSetInitiate": set}).await.expect("the server is fresh");
        self.process.ready(async || is_primary(&client).await).await;
        if let Some((user, password)) = &self.login {
            // Whoever comes from this machine may make the first user.
            let user = doc! {"createUser": user, "pwd": password, "roles": ["root"]};
            admin.run_command(user).await.expect("there is no user yet");
        }
    }

    async fn anonymous(&self) -> Client {
        connect(&format!("mongodb://{}/?directConnection=true", self.address())).await
    }

    fn userinfo(&self) -> String {
        self.login.as_ref().map(|(user, password)| format!("{user}:{password}@")).unwrap_or_default()
    }
}

async fn connect(url: &str) -> Client {
    super::install_ring();
    let mut options = ClientOptions::parse(url).await.expect("our own URL");
    options.server_selection_timeout = Some(Duration::from_secs(2));
    options.connect_timeout = Some(Duration::from_secs(2));
    Client::with_options(options).expect("our own URL")
}

async fn is_primary(client: &Client) -> bool {
    let hello = client.database("admin").run_command(doc! {"hello": 1}).await;
    hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false))
}

/// Members of a set with logins prove themselves to each other with a shared key.
fn key_file(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("key");
    write_secret(&path, "onlyForTests");
    path
}
