//! The TLS configuration of a source, kept between probes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::client::Resumption;

use crate::probe::Problem;
use crate::source::tls::Tls;

/// Renewed files count after this time, or at once after a failure.
const LARGEST_AGE: Duration = Duration::from_secs(300);

pub(super) struct Trust {
    tls: Tls,
    config: Option<(Arc<ClientConfig>, Instant)>,
}

impl Trust {
    pub(super) fn of(tls: Tls) -> Self {
        Self { tls, config: None }
    }

    /// The configuration; reading the system's authorities costs too much to do it every time.
    pub(super) fn config(&mut self) -> Result<Arc<ClientConfig>, Problem> {
        if let Some((config, since)) = &self.config
            && since.elapsed() < LARGEST_AGE
        {
            return Ok(Arc::clone(config));
        }
        let mut config = self.tls.client_config()?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Only a whole handshake shows the certificate that is there now.
        config.resumption = Resumption::disabled();
        let config = Arc::new(config);
        self.config = Some((Arc::clone(&config), Instant::now()));
        Ok(config)
    }

    /// Reads the files anew next time.
    pub(super) fn forget(&mut self) {
        self.config = None;
    }
}
