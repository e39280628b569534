//! The command line, with Prometheus-style flags.

mod bundle;
mod init;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use platform_core::setting::Duration;

pub use self::bundle::{BundleFlags, BundleFormat};
pub use self::init::InitFlags;
use crate::config::ProbeTarget;
use crate::server::{BaseUrl, PublicAddress, RoutePrefix};

/// Prometheus exporter for all backing services of a platform.
///
/// Without a configuration file, sources come from the environment variables that applications already use:
/// DATABASE_URL, MONGODB_URI (or MONGO_URL), REDIS_URL, AMQP_URL (or RABBITMQ_URL), STRIPE_API_KEY, and S3_BUCKET with
/// AWS_*.
#[derive(Debug, Parser)]
#[command(name = "platform_exporter", version, about, max_term_width = 100)]
#[command(after_help = "Examples:
  platform_exporter init                                 write a configuration from what is there
  platform_exporter --config.file platform.yml           serve on port 9884
  platform_exporter check --live                         check the configuration against the services
  platform_exporter probe orders-db                      probe one source and print its metrics
  platform_exporter query users_by_plan                  run one query: its rows, series and cost
  platform_exporter probe shop-dbs db1.example.com:5432  the same for a target of a module
  DATABASE_URL=postgres://… platform_exporter            no file: sources from the environment")]
pub struct Cli {
    /// The flags.
    #[command(flatten)]
    pub flags: Flags,
    /// The subcommand; without one, the exporter serves.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The flags of every command.
#[derive(Clone, Debug, Args)]
pub struct Flags {
    /// Configuration: a file, a directory whose *.yml and *.yaml files are one configuration, or a pattern such as
    /// 'teams/*/platform.yml'. Without it, sources come from the environment.
    #[arg(long = "config.file", value_name = "PATH", env = "PLATFORM_EXPORTER_CONFIG_FILE", global = true)]
    pub config_file: Option<PathBuf>,
    /// How often to check the configuration and pack files for changes and reload them. Without it, only SIGHUP and
    /// `POST /-/reload` reload.
    #[arg(long = "config.auto-reload-interval", value_name = "DURATION", value_parser = duration, help_heading = SERVER, global = true)]
    pub auto_reload_interval: Option<Duration>,
    /// Address to listen on. Repeatable. `:9884` listens on all interfaces. [default: :9884]
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        env = "PLATFORM_EXPORTER_LISTEN_ADDRESS",
        value_delimiter = ',',
        value_parser = listen_address,
        help_heading = SERVER, global = true
    )]
    pub listen_addresses: Vec<SocketAddr>,
    /// Web configuration file (TLS, basic auth, limits), in exporter-toolkit format.
    #[arg(long = "web.config.file", value_name = "FILE", env = "PLATFORM_EXPORTER_WEB_CONFIG_FILE", help_heading = SERVER, global = true)]
    pub web_config_file: Option<PathBuf>,
    /// URL under which the exporter is reachable from outside, such as through a proxy:
    /// `https://metrics.example.com/exporter`. Its path is the prefix of all paths, links on the status page have it, and
    /// `bundle` links alerts to the runbooks there.
    #[arg(
        long = "web.external-url",
        value_name = "URL",
        env = "PLATFORM_EXPORTER_EXTERNAL_URL",
        help_heading = SERVER, global = true
    )]
    pub external_url: Option<BaseUrl>,
    /// Prefix of all paths, `/` for none, if it is not the path of --web.external-url: for a proxy that removes it.
    #[arg(long = "web.route-prefix", value_name = "PATH", help_heading = SERVER, global = true)]
    pub route_prefix: Option<RoutePrefix>,
    /// URL of the Grafana that has the dashboards of `bundle`. The status page then links each source to its dashboard.
    #[arg(
        long = "web.grafana-url",
        value_name = "URL",
        env = "PLATFORM_EXPORTER_GRAFANA_URL",
        help_heading = SERVER, global = true
    )]
    pub grafana_url: Option<BaseUrl>,
    /// Log each request: user, path, status, duration.
    #[arg(long = "web.access-log", help_heading = SERVER, global = true)]
    pub access_log: bool,
    /// Offset subtracted from Prometheus' scrape timeout on /probe.
    #[arg(long = "web.timeout-offset", value_name = "DURATION", default_value = "500ms", value_parser = duration, help_heading = SERVER, global = true)]
    pub timeout_offset: Duration,
    /// Directory for state that survives restarts, such as log file positions. Created if it does not exist.
    #[arg(
        long = "storage.path",
        value_name = "DIRECTORY",
        env = "PLATFORM_EXPORTER_STORAGE_PATH",
        help_heading = SERVER, global = true
    )]
    pub storage_path: Option<PathBuf>,
    /// Minimum log level.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info", help_heading = SERVER, global = true)]
    pub log_level: LogLevel,
    /// Log format.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt", help_heading = SERVER, global = true)]
    pub log_format: LogFormat,
}

/// The heading of flags that matter to the exporter as it serves, and to commands that find it.
const SERVER: &str = "Options of the exporter";

/// The default listen address.
const EVERYWHERE: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 9884);

impl Flags {
    /// Where clients find the exporter.
    pub fn address(&self) -> PublicAddress {
        let external = self.external_url.clone();
        let prefix = self.route_prefix.clone();
        let prefix = prefix.or_else(|| external.as_ref().map(RoutePrefix::from)).unwrap_or_default();
        PublicAddress { prefix, external, grafana: self.grafana_url.clone() }
    }

    /// The addresses to listen on.
    pub fn listen(&self) -> &[SocketAddr] {
        if self.listen_addresses.is_empty() { &[EVERYWHERE] } else { &self.listen_addresses }
    }
}

/// The subcommand; without one, the exporter serves.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at what is there, and write a configuration, a pack with a dashboard and alerts, and the role that they need.
    ///
    /// Finds databases, caches, brokers and buckets in the environment, .env, Compose and Kubernetes files. It connects
    /// with the limits of a probe, reads catalogues and statistics, and writes to no source. Another run only adds.
    Init(InitFlags),
    /// Check the configuration and report all errors at once.
    ///
    /// Exits with 0 if there are no errors, else with 1.
    Check {
        /// Do not check the files that the configuration refers to: passwords, keys, certificates.
        #[arg(long, conflicts_with = "live")]
        syntax_only: bool,
        /// Also connect to each source, run each query once, and report problems and missing permissions.
        #[arg(long)]
        live: bool,
        /// Format of the errors. All but `text` are written to standard output.
        #[arg(long, value_name = "FORMAT", default_value = "text", conflicts_with = "live")]
        format: CheckFormat,
    },
    /// Probe one source with its queries, or a target of a module, once and print its metrics.
    ///
    /// Exits with 0 if it is up, 1 if it is down, 3 if it is degraded.
    Probe {
        /// The name of the source or module in the configuration.
        name: String,
        /// For a module: the target, as HOST:PORT.
        target: Option<ProbeTarget>,
        /// Output format.
        #[arg(long, value_name = "FORMAT", default_value = "prometheus")]
        format: ResultFormat,
    },
    /// Run one declared query once, and print its rows and the series that they become.
    ///
    /// Exits with 0 if all of its metrics are there, else with 1.
    Query {
        /// The name of the query; in a pack, PACK.QUERY.
        name: String,
        /// Output format.
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: ResultFormat,
    },
    /// Check that the exporter running on this machine is healthy (for container health checks).
    Healthcheck,
    /// Print the status of each source of a running exporter, as on its status page, the worst first.
    ///
    /// Without --url, it is the exporter on this machine, found as by `healthcheck`.
    ///
    /// Exits with 0 if all sources are up, 1 if one is not, 2 if the exporter cannot be reached.
    Status(StatusFlags),
    /// Print every metric that the exporter, its kinds, its packs and the configured queries may export.
    Catalog {
        /// Output format.
        #[arg(long, value_name = "FORMAT", default_value = "markdown")]
        format: CatalogFormat,
    },
    /// Print the JSON schema of the configuration or of packs: with it, editors complete and check while one types.
    Schema {
        /// What the schema is of.
        #[arg(value_name = "DOCUMENT", default_value = "config")]
        of: SchemaOf,
    },
    /// List the built-in packs; with a name, print that pack, for example as a template.
    Pack {
        /// The pack's name.
        name: Option<String>,
    },
    /// Write Grafana dashboards and Prometheus rules: for everything, or with a configuration file, only for what it
    /// configures. For Kubernetes: `bundle --format kubernetes --out deploy && kubectl apply --server-side -k deploy`.
    Bundle(BundleFlags),
    /// Print a completion script: `platform_exporter completions bash > /etc/bash_completion.d/platform_exporter`.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages, one for each command: `platform_exporter man /usr/local/share/man/man1`.
    Man {
        /// Output directory.
        directory: PathBuf,
    },
}

/// The flags of `status`.
#[derive(Debug, Args)]
pub struct StatusFlags {
    /// URL of the exporter, with the prefix of its paths if it has one: `https://metrics.example.com/exporter`.
    #[arg(long, value_name = "URL")]
    pub url: Option<BaseUrl>,
    /// User, if the exporter requires a password.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub username: Option<String>,
    /// File with the password.
    #[arg(long, value_name = "FILE", requires = "username")]
    pub password_file: Option<PathBuf>,
    /// File with certificate authorities that are trusted in addition to the system's.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub ca_file: Option<PathBuf>,
    /// Output format.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: StatusFormat,
}

/// Format of the status.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StatusFormat {
    /// A row for each source, with its problems below. In colour if standard output is a terminal and NO_COLOR is unset.
    Text,
    /// As the exporter answers on `/api/v1/status`.
    Json,
}

/// Minimum log level.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

/// Log format.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// `level=info event=… source=…`
    Logfmt,
    /// One JSON object per line.
    Json,
}

/// Format of what `check` has found.
#[derive(Clone, Copy, Debug)]
pub enum CheckFormat {
    /// For people.
    Text,
    /// For programs.
    Findings(FindingsFormat),
}

impl ValueEnum for CheckFormat {
    fn value_variants<'a>() -> &'a [Self] {
        use FindingsFormat::{Github, Json, Sarif};
        &[Self::Text, Self::Findings(Json), Self::Findings(Github), Self::Findings(Sarif)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Text => Some(
                PossibleValue::new("text")
                    .help("One line for each error: `file:line:column: path: message (hint)`"),
            ),
            Self::Findings(format) => format.to_possible_value(),
        }
    }
}

/// Format of what `check` has found, for programs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FindingsFormat {
    /// A list of objects: level (error, note), file, line, column, path, message, hint.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// Format of the result of a query or a probe.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ResultFormat {
    /// For people: series, and for a query its rows, its plan and what it costs.
    Table,
    /// The series, in Prometheus' text format.
    Prometheus,
    /// One JSON object: series, duration, problems, and for a query columns, rows and plan.
    Json,
}

/// What a schema is of.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaOf {
    /// A configuration.
    Config,
    /// A pack.
    Pack,
}

/// Format of the catalogue.
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
        .map_err(|_| "expected ADDRESS:PORT such as 127.0.0.1:9884, or :PORT for all interfaces".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    Duration::try_from(text.to_owned()).map_err(|error| error.to_string())
}
