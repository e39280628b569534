//! The TLS configuration of a source, kept between probes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use platform_core::probe::Problem;
use platform_core::tls::Tls;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use url::Url;

/// Renewed files count after this time, or at once after a failure.
const LARGEST_AGE: Duration = Duration::from_secs(300);

pub(super) struct Trust {
    tls: Tls,
    /// The host whose certificate bears the name that the configuration gives, and which may see the client's own; a
    /// redirection may lead to others.
    host: String,
    own: Option<Made>,
    others: Option<Made>,
}

/// A configuration, and when it was made.
type Made = (Arc<ClientConfig>, Instant);

impl Trust {
    pub(super) fn of(tls: Tls, host: &str) -> Self {
        Self { tls, host: host.to_owned(), own: None, others: None }
    }

    /// The name that the certificate has to bear.
    pub(super) fn name_of(&self, url: &Url) -> Result<ServerName<'static>, Problem> {
        match host(url) {
            own if own == self.host => self.tls.name_of(own),
            other => Tls::default().name_of(other),
        }
    }

    /// The configuration for a host; reading the system's authorities costs too much to do it every time.
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
        // Only a whole handshake shows the certificate that is there now.
        config.resumption = Resumption::disabled();
        let config = Arc::new(config);
        *made = Some((Arc::clone(&config), Instant::now()));
        Ok(config)
    }

    /// Reads the files anew next time.
    pub(super) fn forget(&mut self) {
        (self.own, self.others) = (None, None);
    }
}

/// The host of a URL, as it stands in a certificate.
pub(super) fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}
