//! TLS, client certificates, passwords and limits of the exporter's own side.

mod clients;
mod faults;
mod limits;
mod passwords;
mod renewal;
mod tls;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use testkit::exporter::{Exporter, binary};
use testkit::install_ring;
use testkit::tls::{Ca, Identity};

pub(crate) const SOURCES: &str = "sources: {page: {http: {url: http://127.0.0.1:1/}}}\n";
pub(crate) const TLS: &str = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n";
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// A directory with a web configuration file, and the certificates that it names.
pub(crate) struct Files {
    pub(crate) ca: Ca,
    pub(crate) directory: TempDir,
}

impl Files {
    pub(crate) fn new(web: &str) -> Self {
        let files = Self { ca: Ca::generate(), directory: TempDir::with_prefix("web-").unwrap() };
        files.install("server", &files.ca.issue(&NAMES));
        fs::copy(files.ca.certificate(), files.path("ca.pem")).unwrap();
        files.write("web.yml", web);
        files
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Replaces a file at once, as careful tools do.
    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.path("new"), content).unwrap();
        fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    /// Puts a certificate and its key there.
    pub(crate) fn install(&self, name: &str, identity: &Identity) {
        self.write(&format!("{name}.key"), &fs::read_to_string(identity.key()).unwrap());
        self.write(&format!("{name}.pem"), &fs::read_to_string(identity.certificate()).unwrap());
    }

    /// An exporter with this web configuration.
    pub(crate) async fn serve(self) -> Site {
        self.serve_with(SOURCES).await
    }

    pub(crate) async fn serve_with(self, config: &str) -> Site {
        let flag = format!("--web.config.file={}", self.path("web.yml"));
        let exporter = Exporter::options(config).argument(&flag).argument("--web.access-log").start().await;
        Site { files: self, exporter }
    }
}

/// An exporter with a web configuration.
pub(crate) struct Site {
    pub(crate) files: Files,
    pub(crate) exporter: Exporter,
}

impl Site {
    pub(crate) async fn start(web: &str) -> Self {
        Files::new(web).serve().await
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        self.exporter.address()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address())
    }

    /// The status that a new client is answered with, or why there is no answer.
    pub(crate) async fn status(&self, client: reqwest::Client, path: &str) -> Result<u16, String> {
        let response = client.get(self.url(path)).send().await.map_err(|error| format!("{error:?}"))?;
        Ok(response.status().as_u16())
    }

    /// A client that trusts the authority of the server.
    pub(crate) fn client(&self) -> reqwest::Client {
        client(&self.files.ca, None)
    }
}

/// A client that trusts an authority, with a certificate of its own or without.
pub(crate) fn client(trusted: &Ca, identity: Option<&Identity>) -> reqwest::Client {
    install_ring();
    let certificate = reqwest::Certificate::from_pem(&fs::read(trusted.certificate()).unwrap()).unwrap();
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([certificate]);
    match identity {
        Some(identity) => {
            let mut pem = fs::read(identity.certificate()).unwrap();
            pem.extend(fs::read(identity.key()).unwrap());
            builder.identity(reqwest::Identity::from_pem(&pem).unwrap()).build().unwrap()
        }
        None => builder.build().unwrap(),
    }
}

/// A bcrypt hash that costs as little as possible.
pub(crate) fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

/// Runs a subcommand of the binary.
pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().unwrap()
}

/// What `check` says of a web configuration file.
pub(crate) fn check(web: &Path) -> Output {
    let directory = TempDir::new().unwrap();
    let config = directory.path().join("platform.yml");
    fs::write(&config, SOURCES).unwrap();
    let flags = ["--config.file", config.to_str().unwrap(), "--web.config.file", web.to_str().unwrap()];
    run(&[&["check"], &flags[..]].concat())
}

/// Runs a program, and gives all that it prints.
fn output(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    let output = command.args(arguments).stdin(std::process::Stdio::null()).output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
