//! The TLS configuration of a source, kept between probes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use platform_core::probe::Problem;
use platform_core::tls::Tls;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use url::Url;

/// Renewed files take effect after this time, or at once after a failure.
const LARGEST_AGE: Duration = Duration::from_secs(300);

pub(super) struct EndpointTls {
    tls: Tls,
    /// The host to which `server_name` applies and which may see the client certificate; redirects may lead to others.
    host: String,
    own: Option<Made>,
    others: Option<Made>,
}

/// A configuration, and when it was built.
type Made = (Arc<ClientConfig>, Instant);

impl EndpointTls {
    pub(super) fn of(tls: Tls, host: &str) -> Self {
        Self { tls, host: host.to_owned(), own: None, others: None }
    }

    /// The name that the certificate must have.
    pub(super) fn name_of(&self, url: &Url) -> Result<ServerName<'static>, Problem> {
        match host(url) {
            own if own == self.host => self.tls.name_of(own),
            other => Tls::default().name_of(other),
        }
    }

    /// The configuration for a host; loading the system CAs every time would be too expensive.
    pub(super) async fn config(&mut self, url: &Url) -> Result<Arc<ClientConfig>, Problem> {
        let is_own = host(url) == self.host;
        let made = if is_own { &mut self.own } else { &mut self.others };
        if let Some((config, since)) = made
            && since.elapsed() < LARGEST_AGE
        {
            return Ok(Arc::clone(config));
        }
        let mut config = match is_own {
            true => self.tls.client_config().await?,
            false => self.tls.without_identity().client_config().await?,
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Only a full handshake shows the current certificate.
        config.resumption = Resumption::disabled();
        let config = Arc::new(config);
        *made = Some((Arc::clone(&config), Instant::now()));
        Ok(config)
    }

    /// Makes the next probe reread the files.
    pub(super) fn forget(&mut self) {
        (self.own, self.others) = (None, None);
    }
}

/// The host of a URL, as written in a certificate.
pub(super) fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}
