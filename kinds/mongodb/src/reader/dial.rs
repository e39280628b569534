//! Connections to servers: by TCP or UNIX socket, with or without TLS.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use platform_core::dial::{self, Stream};
use platform_core::probe::Problem;
use platform_core::tls::Tls;
use rustls::ClientConfig;
use tokio::net::UnixStream;

use super::socks::Target;

/// Connects to servers.
pub(crate) struct Dialer {
    /// The UNIX sockets in the URL, by the driver's host names for them. Servers cannot add others.
    pub(crate) files: BTreeMap<String, PathBuf>,
    pub(crate) encryption: Option<(Tls, Arc<ClientConfig>)>,
}

impl Dialer {
    pub(super) async fn dial(&self, target: &Target) -> Result<Box<dyn Stream>, Problem> {
        if let Some(file) = self.files.get(&target.host) {
            return Ok(Box::new(UnixStream::connect(file).await.map_err(|error| dial::problem(&error))?));
        }
        let stream = dial::tcp(&target.host, target.port).await?;
        let Some((tls, config)) = &self.encryption else { return Ok(Box::new(stream)) };
        let encrypted = dial::tls(stream, Arc::clone(config), tls.name_of(&target.host)?).await?;
        Ok(Box::new(encrypted))
    }
}
