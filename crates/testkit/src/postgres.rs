//! PostgreSQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use super::clock::put_ahead;
use super::ports::Port;
use super::process::{Process, command_as, give_to};
use super::tls::Identity;

/// The server refuses to run as root; its package brings this user.
const USER: &str = "postgres";

/// Without the user's own settings; bare rows; an error is the end.
const PSQL: [&str; 6] = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];

/// What can be chosen about a server before it starts.
#[derive(Debug, Default)]
pub struct Options {
    password: Option<String>,
    tls: Option<(PathBuf, PathBuf)>,
    method: Option<String>,
    settings: Vec<String>,
    primary: Option<PathBuf>,
    ahead: Duration,
}

impl Options {
    /// Clients must give a password (SCRAM); it is that of the user `postgres`.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Clients must use TLS.
    pub fn tls(mut self, identity: &Identity) -> Self {
        self.tls = Some((identity.certificate().to_owned(), identity.key().to_owned()));
        self
    }

    /// How clients log in, as a method of `pg_hba.conf` such as `cert`.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// A line of `postgresql.conf`.
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// A clock that goes ahead of ours.
    pub fn ahead(mut self, by: Duration) -> Self {
        self.ahead = by;
        self
    }

    /// A hot standby that streams from the primary.
    pub fn replica_of(mut self, primary: &Postgres) -> Self {
        self.primary = Some(primary.directory.path().to_owned());
        self.settings.insert(0, format!("primary_conninfo = '{}'", primary.socket("postgres")));
        self
    }

    /// Starts the server, and waits until it answers.
    pub async fn start(self) -> Postgres {
        let directory = TempDir::with_prefix("postgres-").expect("a temporary directory");
        give_to(USER, directory.path());
        let port = Port::free();
        match &self.primary {
            Some(primary) => base_backup(primary, directory.path()).await,
            None => initdb(directory.path(), self.password.as_deref()).await,
        }
        self.configure(directory.path(), &port);
        let mut command = command_as(USER, binary("postgres"));
        command.arg("-D").arg(directory.path().join("data")).current_dir(directory.path());
        if !self.ahead.is_zero() {
            put_ahead(&mut command, self.ahead, directory.path()).await;
        }
        // Shared memory outlives a server that is killed; an immediate shutdown removes it.
        let process = Process::spawn("postgres", command, directory.path()).with_farewell(Signal::SIGQUIT);
        let mut server = Postgres { process, port, password: self.password, directory };
        server.ready().await;
        server
    }

    fn configure(&self, directory: &Path, port: &Port) {
        let data = directory.join("data");
        let (host, method) = (
            if self.tls.is_some() { "hostssl" } else { "host" },
            match &self.method {
                Some(method) => method,
                None if self.password.is_some() => "scram-sha-256",
                None => "trust",
            },
        );
        let access = format!(
            "local all all trust\nlocal replication all trust\n\
             {host} all all 127.0.0.1/32 {method}\n{host} replication all 127.0.0.1/32 {method}\n"
        );
        let mut settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\n\
             fsync = off\nfull_page_writes = off\nshared_buffers = 16MB\nmax_connections = 40\n\
             dynamic_shared_memory_type = mmap\n",
            directory.display()
        );
        if let Some((certificate, key)) = &self.tls {
            fs::copy(certificate, data.join("server.crt")).expect("the certificate is readable");
            fs::copy(key, data.join("server.key")).expect("the key is readable");
            give_to(USER, &data.join("server.key"));
            settings.push_str("ssl = on\n");
        }
        for line in &self.settings {
            settings.push_str(line);
            settings.push('\n');
        }
        fs::write(data.join("pg_hba.conf"), access).expect("the data directory is writable");
        fs::write(data.join("postgresql.conf"), settings).expect("the data directory is writable");
    }
}

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: Port,
    password: Option<String>,
    directory: TempDir,
}

impl Postgres {
    /// Starts a server that trusts everyone.
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// Starts a server with options.
    pub fn options() -> Options {
        Options::default()
    }

    /// The URL of the superuser.
    pub fn url(&self) -> String {
        self.url_as("postgres", self.password.as_deref().unwrap_or_default(), "postgres")
    }

    /// The URL of a user and a database.
    pub fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        let colon = if password.is_empty() { "" } else { ":" };
        format!("postgres://{user}{colon}{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The address to put a proxy in front of.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Runs SQL as the superuser, past TLS, passwords and proxies, and gives the bare rows; panics on an error.
    pub async fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// As [`Self::sql`], giving what psql says about an error.
    pub async fn try_sql(&self, sql: &str) -> Result<String, String> {
        let mut psql = tokio::process::Command::new("psql");
        psql.args(PSQL).args(["-d", &self.socket("postgres"), "-c", sql]);
        let output = psql.kill_on_drop(true).output().await.expect("psql is not installed: run `make deps`");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// Runs a script of any length as the superuser in a database, each statement for itself; panics on an error.
    pub async fn script(&self, database: &str, script: &str) {
        let mut psql = tokio::process::Command::new("psql");
        psql.args(PSQL).args(["-d", &self.socket(database), "-f", "-"]).kill_on_drop(true);
        psql.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = psql.spawn().expect("psql is not installed: run `make deps`");
        let mut input = child.stdin.take().expect("it is piped");
        // What an error leaves unread makes writing fail; the error itself is reported below.
        let write = async move { drop(input.write_all(script.as_bytes()).await) };
        let ((), output) = tokio::join!(write, child.wait_with_output());
        let output = output.expect("it was started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes a database.
    pub async fn add_database(&self, name: &str) {
        self.sql(&format!("CREATE DATABASE {name}")).await;
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

    /// Ends the server if it runs, and starts it again with the same port and data.
    pub async fn restart(&mut self) {
        self.process.restart();
        self.ready().await;
    }

    /// Shuts the server down, has `pg_resetwal` move its counters, such as that of transactions, and starts it again.
    pub async fn restart_with(&mut self, counters: &[&str]) {
        let (directory, data) = (self.directory.path(), self.data());
        let mut stop = command_as(USER, binary("pg_ctl"));
        stop.args(["stop", "--silent", "--mode=fast", "--pgdata"]).arg(&data);
        run(stop, directory).await;
        let mut reset = command_as(USER, binary("pg_resetwal"));
        reset.args(counters).arg("--pgdata").arg(&data);
        run(reset, directory).await;
        self.restart().await;
    }

    /// Has a replica follow its primary another way, or only an archive.
    pub async fn follow(&self, conninfo: &str) {
        self.sql(&format!("ALTER SYSTEM SET primary_conninfo = '{conninfo}'")).await;
        self.sql("SELECT pg_reload_conf()").await;
    }

    /// Where its files are.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn socket(&self, database: &str) -> String {
        format!("host={} port={} user=postgres dbname={database}", self.directory.path().display(), self.port)
    }

    async fn ready(&mut self) {
        let mut ready = Command::new(binary("pg_isready"));
        ready.args(["-q", "-d", &self.socket("postgres")]);
        let answers = async || ready.status().is_ok_and(|status| status.success());
        self.process.ready(answers).await;
    }
}

/// A statement that puts rows, each the values of one, into a table, which may be followed by its columns.
pub fn insert(into: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: Vec<_> = rows.map(|row| format!("({row})")).collect();
    format!("INSERT INTO {into} VALUES {};\n", rows.join(",\n"))
}

async fn initdb(directory: &Path, password: Option<&str>) {
    let mut initdb = command_as(USER, binary("initdb"));
    initdb.args(["--no-sync", "--encoding=UTF8", "--no-locale", "--username=postgres"]);
    initdb.args(["--auth=trust", "-D"]).arg(directory.join("data"));
    if let Some(password) = password {
        let file = directory.join("password");
        fs::write(&file, password).expect("the directory is writable");
        initdb.arg("--pwfile").arg(file);
    }
    run(initdb, directory).await;
}

async fn base_backup(primary: &Path, directory: &Path) {
    let mut backup = command_as(USER, binary("pg_basebackup"));
    let postmaster = fs::read_to_string(primary.join("data/postmaster.pid")).expect("the primary runs");
    let port = postmaster.lines().nth(3).expect("the fourth line is the port");
    backup.arg("-h").arg(primary).args(["-p", port, "-U", "postgres"]);
    backup
        .args(["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "-D"])
        .arg(directory.join("data"));
    run(backup, directory).await;
}

async fn run(mut command: Command, directory: &Path) {
    command.current_dir(directory);
    let reported = format!("{command:?}");
    let output = tokio::process::Command::from(command).kill_on_drop(true).output().await;
    let output = output.expect("setpriv is part of every Debian");
    assert!(output.status.success(), "{reported}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Debian keeps the server's programs out of `PATH`, in a directory per major version.
/// Of the version in `TEST_POSTGRES_BIN` if that is set; that has no clients, which are those that are installed.
fn binary(name: &str) -> PathBuf {
    if let Some(directory) = std::env::var_os("TEST_POSTGRES_BIN")
        && !matches!(name, "psql" | "pg_isready" | "pg_basebackup")
    {
        return Path::new(&directory).join(name);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    let version = newest.expect("postgresql is not installed: run `make deps`");
    format!("/usr/lib/postgresql/{version}/bin/{name}").into()
}
