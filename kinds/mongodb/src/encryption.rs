//! TLS with servers: the common trust settings, and those of the URL.

use std::sync::Arc;

use ::mongodb::options::{Tls as DriverTls, TlsOptions};
use platform_core::probe::Problem;
use platform_core::tls::{Identity, Tls, Trust};
use rustls::ClientConfig;

/// The TLS settings, whether TLS is turned on by a key or in the URL.
pub(super) struct Encryption {
    is_on: bool,
    own: Tls,
}

impl Encryption {
    pub(super) fn new(own: Option<&Tls>) -> Self {
        Self { is_on: own.is_some(), own: own.cloned().unwrap_or_default() }
    }

    /// Applies the settings of the URL, and reads the files.
    ///
    /// # Errors
    /// `tls` if a file cannot be read or used, `timeout` if it cannot be read in time.
    pub(super) async fn with(
        &self,
        url: Option<&DriverTls>,
    ) -> Result<Option<(Tls, Arc<ClientConfig>)>, Problem> {
        let url = match url {
            Some(DriverTls::Enabled(url)) => url.clone(),
            _ if self.is_on => TlsOptions::default(),
            _ => return Ok(None),
        };
        let mut tls = self.own.clone();
        if let Some(path) = url.cert_key_file_path {
            tls.identity.get_or_insert(Identity { cert_file: path.clone(), key_file: path });
        }
        if let Some(path) = url.ca_file_path {
            (tls.ca_file, tls.trust) = (Some(path), Trust::FileAlone);
        }
        if url.allow_invalid_certificates == Some(true) {
            tls.trust = Trust::Anyone;
        }
        let config = tls.client_config().await?;
        Ok(Some((tls, Arc::new(config))))
    }
}
