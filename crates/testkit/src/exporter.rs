//! The exporter itself, as the binary that users run.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::http;
use super::namespace::{command_inside, instead_of};
use super::ports::Port;
use super::process::{Process, command};
use super::wait::{PAUSE, eventually};

/// What was reported this long ago is in the log, on a slow machine as well.
const LOGGED: Duration = Duration::from_secs(2);

/// The binary beside the program that runs: `TARGET/PROFILE/deps/it-…`, or `TARGET/PROFILE/examples/demo`.
pub fn binary() -> PathBuf {
    let this = std::env::current_exe().expect("the kernel knows");
    let binary = this.ancestors().nth(2).expect("cargo's target directory").join("platform_exporter");
    assert!(binary.is_file(), "{} is missing: cargo build", binary.display());
    binary
}

/// What can be chosen before the start.
#[derive(Debug, Default)]
pub struct Options {
    config: String,
    config_file: Option<PathBuf>,
    binary: Option<PathBuf>,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    resolver: Option<Ipv4Addr>,
    port: Option<u16>,
}

/// A running exporter; dropping it ends it.
#[derive(Debug)]
pub struct Exporter {
    process: Process,
    port: Port,
    directory: TempDir,
}

impl Options {
    /// Another binary than that of this test run.
    pub fn binary(mut self, binary: &Path) -> Self {
        self.binary = Some(binary.to_owned());
        self
    }

    /// A configuration that lies elsewhere.
    pub fn config_file(mut self, path: &Path) -> Self {
        self.config_file = Some(path.to_owned());
        self
    }

    /// A further flag.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// An environment variable.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The port on which it listens if that is free.
    pub fn port(mut self, number: u16) -> Self {
        self.port = Some(number);
        self
    }

    /// Another name server than the machine's, asked on port 53.
    ///
    /// The exporter then runs in a mount namespace with its own `/etc/resolv.conf`.
    pub fn resolver(mut self, resolver: Ipv4Addr) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// Starts the exporter, and waits until it listens: that is before any source is contacted.
    pub async fn start(self) -> Exporter {
        let directory = TempDir::with_prefix("exporter-").expect("a temporary directory");
        let port = self.port.map_or_else(Port::free, Port::preferably);
        let own = directory.path().join("platform.yml");
        std::fs::write(&own, &self.config).expect("the directory is writable");
        let config = self.config_file.unwrap_or(own);
        let binary = self.binary.unwrap_or_else(binary);
        let mut command = match self.resolver {
            None => command(binary),
            Some(resolver) => {
                let file = directory.path().join("resolv.conf");
                std::fs::write(&file, format!("nameserver {resolver}\n")).expect("the directory is writable");
                let mut command = command_inside(&["--mount"], &instead_of("/etc/resolv.conf", &file));
                command.arg(binary);
                command
            }
        };
        command.arg("--config.file").arg(&config).arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.args(&self.arguments).envs(&self.environment);
        let process = Process::spawn("exporter", command, directory.path());
        let mut exporter = Exporter { process, port, directory };
        exporter.listens().await;
        exporter
    }
}

impl Exporter {
    /// An exporter with this configuration.
    pub async fn start(config: &str) -> Self {
        Self::options(config).start().await
    }

    /// What can be chosen before the start.
    pub fn options(config: &str) -> Options {
        Options { config: config.to_owned(), ..Options::default() }
    }

    /// Ends it where it still runs, starts it again, and waits until it listens.
    pub async fn restart(&mut self) {
        self.process.restart();
        self.listens().await;
    }

    async fn listens(&mut self) {
        let address = (Ipv4Addr::LOCALHOST, self.port.number());
        self.process.ready(async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The body of a GET, whatever its status.
    pub async fn get(&self, path: &str) -> String {
        let response = http::client().get(self.url(path)).send().await.expect("the exporter answers");
        response.text().await.expect("the exporter answers in full")
    }

    /// The value of a series on `/metrics`, written as there: `platform_source_up{source="db",kind="postgres"}`.
    pub async fn value(&self, series: &str) -> Option<f64> {
        value(&self.get("/metrics").await, series)
    }

    /// Waits until a series has a value.
    pub async fn wait_for(&self, series: &str, expected: f64, timeout: Duration) {
        let what = format!("{series} {expected}");
        let is_expected = |value: f64| (value - expected).abs() < f64::EPSILON;
        eventually(timeout, &what, async || self.value(series).await.is_some_and(is_expected)).await;
    }

    /// Waits until there is such a value of a series.
    pub async fn wait_until(&self, series: &str, is_such: impl Fn(f64) -> bool, timeout: Duration) {
        eventually(timeout, series, async || self.value(series).await.is_some_and(&is_such)).await;
    }

    /// Everything that it has logged. Lines are written by a thread of their own, a moment after what they report: this
    /// waits until nothing more comes. Of an exporter that logs all the time, it is what came before
    /// this was called, and a little more.
    pub fn log(&self) -> String {
        let read = || {
            std::fs::read_to_string(self.directory.path().join("exporter.log")).expect("the log is readable")
        };
        let (mut log, start) = (read(), Instant::now());
        loop {
            std::thread::sleep(2 * PAUSE);
            let later = read();
            if later == log || start.elapsed() > LOGGED {
                return later;
            }
            log = later;
        }
    }

    /// The process' number.
    pub fn pid(&self) -> nix::unistd::Pid {
        self.process.pid()
    }

    /// The directory of its configuration.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// The value of a series in an exposition in the text format.
pub fn value(exposition: &str, series: &str) -> Option<f64> {
    let line = exposition.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}
