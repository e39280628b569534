//! The command line, in Prometheus' spelling.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use platform_core::setting::Duration;

/// Watches every backing service of a platform, and serves what it finds on /metrics for Prometheus.
///
/// Without a configuration file, the environment that applications already have names the sources: DATABASE_URL,
/// MONGODB_URI (or MONGO_URL), REDIS_URL, AMQP_URL (or RABBITMQ_URL), STRIPE_API_KEY, and S3_BUCKET with AWS_*.
#[derive(Debug, Parser)]
#[command(name = "platform_exporter", version, about, max_term_width = 100)]
#[command(after_help = "Examples:
  platform_exporter --config.file platform.yml           serve on port 9884
  platform_exporter check --live                         is all of it right, and what is missing?
  platform_exporter probe orders-db                      one probe, printed
  DATABASE_URL=postgres://… platform_exporter            no file: the application's environment")]
pub struct Cli {
    /// The flags.
    #[command(flatten)]
    pub flags: Flags,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The flags of every command.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// Configuration file. Without it, the environment names the sources.
    #[arg(long = "config.file", value_name = "FILE", env = "PLATFORM_EXPORTER_CONFIG_FILE", global = true)]
    pub config_file: Option<PathBuf>,
    /// Read the configuration again when it, or the file of a pack, has changed; looked at this often. Without it, only
    /// SIGHUP and `POST /-/reload` do.
    #[arg(long = "config.auto-reload-interval", value_name = "DURATION", value_parser = duration, global = true)]
    pub auto_reload_interval: Option<Duration>,
    /// Address to listen on. Repeatable. `:9884` listens on all interfaces. [default: :9884]
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        env = "PLATFORM_EXPORTER_LISTEN_ADDRESS",
        value_delimiter = ',',
        value_parser = listen_address,
        global = true
    )]
    pub listen_addresses: Vec<SocketAddr>,
    /// File with TLS, passwords and limits of our own side, in the format of Prometheus' exporters.
    #[arg(
        long = "web.config.file",
        value_name = "FILE",
        env = "PLATFORM_EXPORTER_WEB_CONFIG_FILE",
        global = true
    )]
    pub web_config_file: Option<PathBuf>,
    /// Log each request: user, path, status, duration.
    #[arg(long = "web.access-log", global = true)]
    pub access_log: bool,
    /// Time that /probe leaves of Prometheus' scrape timeout for the way back.
    #[arg(long = "web.timeout-offset", value_name = "DURATION", default_value = "500ms", value_parser = duration, global = true)]
    pub timeout_offset: Duration,
    /// Directory for what has to survive a restart, such as how far log files have been read.
    #[arg(
        long = "storage.path",
        value_name = "DIRECTORY",
        env = "PLATFORM_EXPORTER_STORAGE_PATH",
        global = true
    )]
    pub storage_path: Option<PathBuf>,
    /// Least severe level that is logged.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info", global = true)]
    pub log_level: LogLevel,
    /// Form of a log line.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt", global = true)]
    pub log_format: LogFormat,
}

/// Where the exporter listens if nobody says where.
const EVERYWHERE: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 9884);

impl Flags {
    /// The addresses to listen on.
    pub fn listen(&self) -> &[SocketAddr] {
        if self.listen_addresses.is_empty() { &[EVERYWHERE] } else { &self.listen_addresses }
    }
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the configuration, and tell every fault at once.
    ///
    /// Exits with 0 when all is well, with 1 when anything is wrong.
    Check {
        /// Leave out whether the files are there that the configuration names: passwords, keys, certificates.
        #[arg(long, conflicts_with = "live")]
        syntax_only: bool,
        /// Also connect to each source, put each query once, and tell what is missing and which permissions it takes.
        #[arg(long)]
        live: bool,
    },
    /// Probe one source once, and print its metrics.
    ///
    /// Exits with 0 when it is up, with 1 when it is down, with 3 when it is degraded.
    Probe {
        /// The source's name in the configuration.
        name: String,
    },
    /// Ask a running exporter on this machine whether it is healthy: for containers.
    Healthcheck,
    /// Print every metric that the exporter, its kinds and its packs may export, and those of the configured queries.
    Catalog {
        /// Form of the list.
        #[arg(long, value_name = "FORMAT", default_value = "markdown")]
        format: CatalogFormat,
    },
    /// List the packs in the binary; with a name, print that pack: a start for one of your own.
    Pack {
        /// The pack's name.
        name: Option<String>,
    },
    /// Write dashboards for Grafana and rules for Prometheus: of everything, or with a configuration file, of what it has.
    Bundle {
        /// Directory to write below.
        #[arg(long, value_name = "DIRECTORY")]
        out: PathBuf,
    },
    /// Print a completion script: `platform_exporter completions bash > /etc/bash_completion.d/platform_exporter`.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Least severe level that is logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// `level=info event=… source=…`
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// Form of the catalogue.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CatalogFormat {
    /// A table for each kind.
    Markdown,
    /// A list of objects: kind, name, type, labels, help.
    Json,
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let address = if text.starts_with(':') {
        format!("[::]{text}")
    } else {
        text.replacen("localhost:", "127.0.0.1:", 1)
    };
    address
        .parse()
        .map_err(|_| "expected ADDRESS:PORT such as 127.0.0.1:9884, or :PORT for every address".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    Duration::try_from(text.to_owned()).map_err(|error| error.to_string())
}
