//! S3, in process: it verifies signatures, and keeps objects as files.

use std::fs;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// An S3 server.
#[derive(Debug)]
pub(crate) struct S3 {
    address: String,
    acceptor: JoinHandle<()>,
    service: S3Service,
    directory: TempDir,
}

impl S3 {
    /// Starts a server that knows one key, and has no buckets.
    pub(crate) async fn start(access_key: &str, secret_key: &str) -> Self {
        let directory = TempDir::with_prefix("s3-").expect("a temporary directory");
        let files = FileSystem::new(directory.path()).expect("the directory exists");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let service = builder.build();
        let acceptor = tokio::spawn(accept(listener, service.clone()));
        Self { address, acceptor, service, directory }
    }

    /// Ends the server with its connections; buckets and objects stay.
    pub(crate) async fn end(&mut self) {
        self.acceptor.abort();
        let _ = (&mut self.acceptor).await;
    }

    /// Starts an ended server again where it was.
    pub(crate) async fn restart(&mut self) {
        let listener = TcpListener::bind(&self.address).await.expect("its own port");
        self.acceptor = tokio::spawn(accept(listener, self.service.clone()));
    }

    /// The URL for clients; buckets stand in the path.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address to put a proxy in front of.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Makes a bucket.
    pub(crate) fn add_bucket(&self, bucket: &str) {
        fs::create_dir(self.directory.path().join(bucket)).expect("the bucket is new");
    }

    /// Removes a bucket with all its objects.
    pub(crate) fn remove_bucket(&self, bucket: &str) {
        fs::remove_dir_all(self.directory.path().join(bucket)).expect("the bucket exists");
    }

    /// Puts an object into a bucket.
    pub(crate) fn add_object(&self, bucket: &str, key: &str, content: &[u8]) {
        let file = self.directory.path().join(bucket).join(key);
        fs::create_dir_all(file.parent().expect("it is in a bucket")).expect("the directory is writable");
        fs::write(file, content).expect("the bucket exists");
    }

    /// The keys of all objects of a bucket, sorted.
    pub(crate) fn objects(&self, bucket: &str) -> Vec<String> {
        let root = self.directory.path().join(bucket);
        let (mut folders, mut keys) = (vec![root.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the bucket exists").flatten() {
                let path = entry.path();
                match path.strip_prefix(&root).expect("it is below").to_str() {
                    _ if path.is_dir() => folders.push(path),
                    Some(key) => keys.push(key.to_owned()),
                    None => panic!("not text: {}", path.display()),
                }
            }
        }
        keys.sort();
        keys
    }

    /// Whether a bucket holds an object.
    pub(crate) fn has_object(&self, bucket: &str, key: &str) -> bool {
        self.directory.path().join(bucket).join(key).exists()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let http = hyper::server::conn::http1::Builder::new();
        connections.spawn(http.serve_connection(TokioIo::new(client), service.clone()));
    }
}
