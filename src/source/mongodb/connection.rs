//! The one client of a source, which its prober and its query lane share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::mongodb::Client;
use ::mongodb::event::EventHandler;
use ::mongodb::event::sdam::{SdamEvent, TopologyDescription};
use ::mongodb::options::{
    ClientOptions, ReadPreference, SelectionCriteria, ServerMonitoringMode, Tls as DriverTls, TlsOptions,
};
use secrecy::{ExposeSecret, SecretString};

use super::{Config, failure};
use crate::probe::{Problem, Reason};
use crate::setting::Secret;
use crate::source::tls::Tls;

/// What servers show for the exporter's connections.
const APP_NAME: &str = "platform_exporter";

/// The prober and the query lane ask one thing at a time each.
const CONNECTIONS: u32 = 2;

/// The client of a source, built when it is first needed.
pub(super) struct Connection {
    config: Config,
    timeout: Duration,
    current: tokio::sync::Mutex<Option<Connected>>,
}

/// A client, with what is known about it.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) members: Members,
    /// The password that it was built with.
    password: Option<SecretString>,
}

/// What the driver knows about the servers: where it finds none, this tells why, and its error does not.
#[derive(Clone, Default)]
pub(super) struct Members(Arc<Mutex<Option<TopologyDescription>>>);

impl Members {
    pub(super) fn latest(&self) -> Option<TopologyDescription> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn handler(&self) -> EventHandler<SdamEvent> {
        let members = self.clone();
        EventHandler::callback(move |event| {
            if let SdamEvent::TopologyDescriptionChanged(change) = event {
                *members.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(change.new_description);
            }
        })
    }
}

impl Connected {
    /// Which members may answer: the driver applies the URL's choice to aggregations alone, not to commands.
    pub(super) fn readable(&self) -> SelectionCriteria {
        self.client
            .selection_criteria()
            .cloned()
            .unwrap_or(ReadPreference::PrimaryPreferred { options: None }.into())
    }
}

impl Connection {
    pub(super) fn new(config: &Config, timeout: Duration) -> Self {
        Self { config: config.clone(), timeout, current: tokio::sync::Mutex::default() }
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The client; a new one when the password is no longer the one that the last was built with.
    pub(super) async fn client(&self) -> Result<Connected, Problem> {
        let password = self.config.password.as_ref().map(Secret::read).transpose();
        let password = password.map_err(|error| Problem::new(Reason::Auth, error))?;
        let mut current = self.current.lock().await;
        let exposed = password.as_ref().map(ExposeSecret::expose_secret);
        if let Some(connected) = &*current
            && connected.password.as_ref().map(ExposeSecret::expose_secret) == exposed
        {
            return Ok(connected.clone());
        }
        *current = None;
        let connected = self.build(password).await?;
        Ok(current.insert(connected).clone())
    }

    /// Drops the client, so that the next one logs in anew.
    pub(super) async fn forget(&self) {
        *self.current.lock().await = None;
    }

    async fn build(&self, password: Option<SecretString>) -> Result<Connected, Problem> {
        let members = Members::default();
        let failed = |error| failure::problem(&error, &self.config, &members);
        let mut options = self.options(password.as_ref()).await.map_err(failed)?;
        if let Some(tls) = &self.config.tls {
            // The driver passes over what it cannot read in these files.
            tls.client_config()?;
            options.tls = Some(driver_tls(tls));
        }
        options.sdam_event_handler = Some(members.handler());
        let client = Client::with_options(options).map_err(failed)?;
        Ok(Connected { client, members, password })
    }

    /// Looks up the servers of a `mongodb+srv` URL.
    async fn options(&self, password: Option<&SecretString>) -> ::mongodb::error::Result<ClientOptions> {
        let mut url = ::mongodb::options::ConnectionString::parse(self.config.address.expose())?;
        // A key that the driver refuses; every exchange has its own limit of time here.
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
        // Streaming would take a second connection for the monitor.
        options.server_monitoring_mode = Some(ServerMonitoringMode::Poll);
        options.server_selection_timeout = Some(self.timeout.mul_f64(0.8));
        options.connect_timeout = Some(self.timeout.mul_f64(0.7));
        options.retry_reads = Some(false);
        options.retry_writes = Some(false);
        Ok(options)
    }
}

fn driver_tls(tls: &Tls) -> DriverTls {
    let mut options = TlsOptions::default();
    options.ca_file_path.clone_from(&tls.ca_file);
    options.cert_key_file_path.clone_from(&tls.cert_file);
    DriverTls::Enabled(options)
}
