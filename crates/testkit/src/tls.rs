//! Certificate authorities, and a TLS front for servers that have none.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A certificate authority that nobody knows; every one is unrelated to the others. Its files go with it.
#[derive(Debug)]
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: PathBuf,
    /// What its servers show beside their own certificates: its own, unless clients know it.
    chain: String,
    directory: TempDir,
}

impl Ca {
    /// Makes an authority.
    pub fn generate() -> Self {
        Self::signed((4096, 1, 1), |params, key| params.self_signed(key))
    }

    /// An authority below this one, whose certificate is valid until the day (year, month, day) before this.
    pub fn subordinate_until(&self, end: (i32, u8, u8)) -> Self {
        let mut ca = Self::signed(end, |params, key| params.signed_by(key, &self.issuer));
        ca.chain = fs::read_to_string(&ca.certificate).expect("it was just written");
        ca
    }

    fn signed(
        end: (i32, u8, u8),
        sign: impl FnOnce(&CertificateParams, &KeyPair) -> Result<Certificate, rcgen::Error>,
    ) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name.push(DnType::CommonName, format!("Test authority {:x}", fastrand::u64(..)));
        params.not_after = rcgen::date_time_ymd(end.0, end.1, end.2);
        let key = KeyPair::generate().expect("ring makes keys");
        let pem = sign(&params, &key).expect("the parameters are complete").pem();
        let directory = TempDir::with_prefix("tls-").expect("a temporary directory");
        let certificate = directory.path().join("ca.pem");
        fs::write(&certificate, pem).expect("the directory is writable");
        Self { issuer: Issuer::new(params, key), certificate, chain: String::new(), directory }
    }

    /// The authority's certificate, a PEM file.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Issues a certificate for a server with these names or addresses, or for a client.
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.issue_until(names, (2090, 1, 1))
    }

    /// As [`Self::issue`], with the first day (year, month, day) on which the certificate is no longer valid.
    pub fn issue_until(&self, names: &[&str], end: (i32, u8, u8)) -> Identity {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).expect("valid names");
        params.distinguished_name.push(DnType::CommonName, names[0].clone());
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_after = rcgen::date_time_ymd(end.0, end.1, end.2);
        let key = KeyPair::generate().expect("ring makes keys");
        let certificate = params.signed_by(&key, &self.issuer).expect("the parameters are complete");
        let stem = self.directory.path().join(format!("{:x}", fastrand::u64(..)));
        let identity = Identity { certificate: stem.with_extension("pem"), key: stem.with_extension("key") };
        fs::write(&identity.certificate, certificate.pem() + &self.chain).expect("the directory is writable");
        super::process::write_secret(&identity.key, &key.serialize_pem());
        identity
    }

    /// The authority's own certificate, as a server that has no other shows it.
    pub fn itself(&self) -> Identity {
        let key = self.certificate.with_extension("key");
        super::process::write_secret(&key, &self.issuer.key().serialize_pem());
        Identity { certificate: self.certificate.clone(), key }
    }
}

/// A certificate and its key; the files are gone when their [`Ca`] is dropped.
#[derive(Debug, Clone)]
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

impl Identity {
    /// The certificate, a PEM file; that of a subordinate authority follows.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The private key, a PEM file.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// The configuration of a server that shows this certificate.
    pub fn server_config(&self) -> ServerConfig {
        super::install_ring();
        self.shown_by(ServerConfig::builder().with_no_client_auth())
    }

    /// As [`Self::server_config`], of one that lets in only who has a certificate of this authority.
    pub fn server_config_for(&self, clients: &Ca) -> ServerConfig {
        super::install_ring();
        let mut roots = RootCertStore::empty();
        roots.add(read(clients.certificate())).expect("an authority");
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("there is an authority");
        self.shown_by(ServerConfig::builder().with_client_cert_verifier(verifier))
    }

    /// The certificate and the key in one file, as MongoDB reads them.
    pub fn joined(&self) -> PathBuf {
        let path = self.key.with_extension("both");
        let read = |path| fs::read_to_string(path).expect("its authority lives");
        super::process::write_secret(&path, &(read(&self.certificate) + &read(&self.key)));
        path
    }

    /// The keys below `tls` with which a client shows this certificate.
    pub fn keys(&self) -> String {
        format!("cert_file: '{}', key_file: '{}'", self.certificate.display(), self.key.display())
    }

    fn shown_by(&self, config: ConfigBuilder<ServerConfig, WantsServerCert>) -> ServerConfig {
        let key = PrivateKeyDer::from_pem_file(&self.key).expect("its authority lives");
        let chain = CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect);
        let chain = chain.expect("its authority lives");
        config.with_single_cert(chain, key).expect("the key belongs to the certificate")
    }
}

fn read(certificate: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(certificate).expect("its authority lives")
}

/// What a [`TlsFront`] waits for before the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// TLS begins at once.
    Tls,
    /// A client of PostgreSQL asks for TLS in eight bytes, and goes on when the answer is `S`.
    Postgres,
}

/// Ends TLS in front of a plain server.
#[derive(Debug)]
pub struct TlsFront {
    address: String,
    acceptor: JoinHandle<()>,
    shown: watch::Sender<Arc<ServerConfig>>,
}

impl TlsFront {
    /// Listens on a free port, and passes what it decrypts on to the target.
    pub async fn start(target: &str, identity: &Identity) -> Self {
        Self::configured(target, identity.server_config(), Opening::Tls).await
    }

    /// As [`Self::start`], for clients that have a certificate of this authority.
    pub async fn start_for(target: &str, identity: &Identity, clients: &Ca) -> Self {
        Self::configured(target, identity.server_config_for(clients), Opening::Tls).await
    }

    /// As [`Self::start`], for a protocol that begins without TLS.
    pub async fn start_with(target: &str, identity: &Identity, opening: Opening) -> Self {
        Self::configured(target, identity.server_config(), opening).await
    }

    async fn configured(target: &str, config: ServerConfig, opening: Opening) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (shown, config) = watch::channel(Arc::new(config));
        let acceptor = tokio::spawn(accept(listener, config, opening, target.to_owned()));
        Self { address, acceptor, shown }
    }

    /// Where it listens, as `127.0.0.1:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Shows another certificate from the next connection on.
    pub fn show(&self, identity: &Identity) {
        self.shown.send_replace(Arc::new(identity.server_config()));
    }

    /// Shows no certificate: every handshake from the next connection on ends in an alert.
    pub fn show_nothing(&self) {
        let config = ServerConfig::builder().with_no_client_auth();
        let none = rustls::server::ResolvesServerCertUsingSni::new();
        self.shown.send_replace(Arc::new(config.with_cert_resolver(Arc::new(none))));
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(
    listener: TcpListener,
    shown: watch::Receiver<Arc<ServerConfig>>,
    opening: Opening,
    target: String,
) {
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let (tls, target) = (TlsAcceptor::from(shown.borrow().clone()), target.clone());
        connections.spawn(async move {
            if opening == Opening::Postgres {
                client.read_exact(&mut [0; 8]).await?;
                client.write_all(b"S").await?;
            }
            let mut client = tls.accept(client).await?;
            let mut server = TcpStream::connect(target).await?;
            copy_bidirectional(&mut client, &mut server).await
        });
    }
}
