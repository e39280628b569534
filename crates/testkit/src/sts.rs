//! AWS Security Token Service, as moto plays it: every key is valid there.

use tempfile::TempDir;

use super::http;
use super::ports::Port;
use super::process::{Process, command};

/// A server that answers `GetCallerIdentity`.
#[derive(Debug)]
pub struct Sts {
    process: Process,
    port: Port,
    _directory: TempDir,
}

impl Sts {
    /// Starts a server, and waits until it answers.
    pub async fn start() -> Self {
        let directory = TempDir::with_prefix("sts-").expect("a temporary directory");
        let port = Port::free();
        let mut command = command(super::dependency("venv/bin/moto_server"));
        command.args(["--host=127.0.0.1", &format!("--port={port}")]).current_dir(directory.path());
        let process = Process::spawn("moto", command, directory.path());
        let mut server = Self { process, port, _directory: directory };
        let url = format!("{}/moto-api/", server.endpoint());
        server.process.ready(async || http::answers(&url).await).await;
        server
    }

    /// The URL for clients.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The address to put a proxy in front of.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
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
}
