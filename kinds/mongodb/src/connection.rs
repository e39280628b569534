//! The client of a source, shared by its prober and its query lane.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::mongodb::Client;
use ::mongodb::options::{
    ClientOptions, ReadPreference, SelectionCriteria, ServerAddress, ServerMonitoringMode,
};
use platform_core::probe::{Problem, Reason};
use secrecy::{ExposeSecret, SecretString};

use super::config::Config;
use super::encryption::Encryption;
use super::reader::{self, Dialer};
use super::tasks::Tasks;
use super::topology::KnownTopology;
use super::{failure, message_bounds};

/// The appName of the exporter's connections.
const APP_NAME: &str = "platform_exporter";

/// The prober and the query lane run one operation at a time each.
const CONNECTIONS: u32 = 2;

/// The client of a source, built on first use.
pub(super) struct Connection {
    config: Config,
    encryption: Encryption,
    timeout: Duration,
    current: tokio::sync::Mutex<Option<Connected>>,
    is_stuck: AtomicBool,
}

/// A client, with what is known about it.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) members: KnownTopology,
    pub(super) tasks: Arc<Tasks>,
    /// The password that it was built with.
    password: Option<SecretString>,
}

/// Replaces the client if dropped before [`Self::answered`] is called.
pub(super) struct Unanswered<'a>(Option<&'a AtomicBool>);

impl Unanswered<'_> {
    pub(super) fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(is_stuck) = self.0 {
            is_stuck.store(true, Ordering::Relaxed);
        }
    }
}

impl Connected {
    /// Read preference: the driver applies the URL's to aggregations only, not to commands.
    pub(super) fn readable(&self) -> SelectionCriteria {
        self.client
            .selection_criteria()
            .cloned()
            .unwrap_or(ReadPreference::PrimaryPreferred { options: None }.into())
    }
}

impl Connection {
    pub(super) fn new(config: &Config, timeout: Duration) -> Self {
        Self {
            config: config.clone(),
            encryption: Encryption::new(config.tls.as_ref()),
            timeout,
            current: tokio::sync::Mutex::default(),
            is_stuck: AtomicBool::default(),
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Marks the start of a request that any server answers at once.
    pub(super) fn ask(&self) -> Unanswered<'_> {
        Unanswered(Some(&self.is_stuck))
    }

    /// The client; a new one if the last did not answer, or was built with another password.
    pub(super) async fn client(&self) -> Result<Connected, Problem> {
        let password = match &self.config.password {
            Some(password) => Some(password.read().await?),
            None => None,
        };
        let mut current = self.current.lock().await;
        let exposed = password.as_ref().map(ExposeSecret::expose_secret);
        let is_stuck = self.is_stuck.swap(false, Ordering::Relaxed);
        if let Some(connected) = &*current {
            if is_stuck || connected.password.as_ref().map(ExposeSecret::expose_secret) != exposed {
                connected.tasks.stop();
            }
            if !connected.tasks.is_stopped() {
                return Ok(connected.clone());
            }
            // So that its connections and those of the next one never coexist.
            connected.tasks.gone().await;
        }
        let connected = self.build(password).await?;
        Ok(current.insert(connected).clone())
    }

    async fn build(&self, password: Option<SecretString>) -> Result<Connected, Problem> {
        let (members, begin) = (KnownTopology::default(), Instant::now());
        let failed = |error| failure::problem(&error, &self.config, &members, begin);
        let internal = |error| Problem::new(Reason::Internal, error);
        let mut options = self.options(password.as_ref()).await.map_err(failed)?;
        if options.hosts.len() > message_bounds::MOST_MEMBERS {
            let detail =
                format!("the cluster name resolves to more than {} servers", message_bounds::MOST_MEMBERS);
            return Err(Problem::new(Reason::Protocol, detail));
        }
        let encryption = self.encryption.with(options.tls.take().as_ref()).await?;
        let dialer = Dialer { files: as_hosts(&mut options.hosts), encryption };
        options.sdam_event_handler = Some(members.handler());
        let tasks = Tasks::new().map_err(internal)?;
        let reader = tasks.start(|| reader::start(dialer, members.outcomes.clone()));
        options.socks5_proxy = Some(reader.map_err(internal)?);
        let client = tasks.start(|| Client::with_options(options)).map_err(failed)?;
        Ok(Connected { client, members, tasks: Arc::new(tasks), password })
    }

    /// Looks up the servers of a `mongodb+srv` URL.
    async fn options(&self, password: Option<&SecretString>) -> ::mongodb::error::Result<ClientOptions> {
        let mut url = ::mongodb::options::ConnectionString::parse(self.config.address.expose())?;
        // A key that the driver rejects; every exchange has its own time limit here.
        #[expect(deprecated, reason = "it is there to be refused")]
        {
            url.socket_timeout = None;
        }
        if let (Some(credential), Some(password)) = (&mut url.credential, password) {
            credential.password = Some(password.expose_secret().to_owned());
        }
        let mut options = ClientOptions::parse(url).await?;
        options.app_name = Some(APP_NAME.to_owned());
        options.max_pool_size = Some(CONNECTIONS);
        options.min_pool_size = Some(0);
        // Streaming would need a second connection for the monitor.
        options.server_monitoring_mode = Some(ServerMonitoringMode::Poll);
        // Below the deadline of the probe, so that the driver can name what does not answer.
        options.server_selection_timeout = Some(self.timeout.mul_f64(0.8));
        options.connect_timeout = Some(self.timeout.mul_f64(0.7));
        options.retry_reads = Some(false);
        options.retry_writes = Some(false);
        Ok(options)
    }
}

/// Makes the driver treat UNIX sockets as hosts, because it sends nothing else through a proxy. It compares hosts in
/// lower case.
fn as_hosts(servers: &mut [ServerAddress]) -> BTreeMap<String, PathBuf> {
    let mut files = BTreeMap::new();
    for server in servers {
        if let ServerAddress::Unix { path } = server {
            let host = path.to_string_lossy().to_lowercase();
            files.insert(host.clone(), path.clone());
            *server = ServerAddress::Tcp { host, port: None };
        }
    }
    files
}
