//! S3, in process: it verifies signatures, and keeps objects as files.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hyper_util::rt::TokioIo;
use s3s::S3Result;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::path::S3Path;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// An S3 server.
#[derive(Debug)]
pub struct S3 {
    address: String,
    acceptor: JoinHandle<()>,
    service: S3Service,
    directory: TempDir,
    rights: Option<Arc<Mutex<Policy>>>,
}

impl S3 {
    /// Starts a server that knows one key, and has no buckets.
    pub async fn start(access_key: &str, secret_key: &str) -> Self {
        Self::configured(access_key, secret_key, None).await
    }

    /// As [`Self::start`], for a key whose rights are those of an IAM policy.
    pub async fn with_policy(access_key: &str, secret_key: &str, policy: &str) -> Self {
        let policy = serde_json::from_str::<Policy>(policy).expect("a policy of IAM");
        Self::configured(access_key, secret_key, Some(policy)).await
    }

    async fn configured(access_key: &str, secret_key: &str, policy: Option<Policy>) -> Self {
        let directory = TempDir::with_prefix("s3-").expect("a temporary directory");
        let files = FileSystem::new(directory.path()).expect("the directory exists");
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        let rights = policy.map(|policy| Arc::new(Mutex::new(policy)));
        if let Some(rights) = &rights {
            builder.set_access(Rights(Arc::clone(rights)));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let service = builder.build();
        let acceptor = tokio::spawn(accept(listener, service.clone()));
        Self { address, acceptor, service, directory, rights }
    }

    /// Ends the server with its connections; buckets and objects stay.
    pub async fn end(&mut self) {
        self.acceptor.abort();
        let _ = (&mut self.acceptor).await;
    }

    /// Starts an ended server again where it was.
    pub async fn restart(&mut self) {
        let listener = TcpListener::bind(&self.address).await.expect("its own port");
        self.acceptor = tokio::spawn(accept(listener, self.service.clone()));
    }

    /// The URL for clients; buckets stand in the path.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address to put a proxy in front of.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Adds a statement to the policy of a server that has one.
    pub fn allow(&self, statement: &str) {
        let rights = self.rights.as_ref().expect("it was started with a policy");
        let statement = serde_json::from_str(statement).expect("a statement of IAM");
        rights.lock().expect("no test panics meanwhile").statement.push(statement);
    }

    /// Makes a bucket.
    pub fn add_bucket(&self, bucket: &str) {
        fs::create_dir(self.directory.path().join(bucket)).expect("the bucket is new");
    }

    /// Removes a bucket with all its objects.
    pub fn remove_bucket(&self, bucket: &str) {
        fs::remove_dir_all(self.directory.path().join(bucket)).expect("the bucket exists");
    }

    /// Puts an object into a bucket.
    pub fn add_object(&self, bucket: &str, key: &str, content: &[u8]) {
        let file = self.directory.path().join(bucket).join(key);
        fs::create_dir_all(file.parent().expect("it is in a bucket")).expect("the directory is writable");
        fs::write(file, content).expect("the bucket exists");
    }

    /// Puts an object into a bucket that was last modified at this time.
    pub fn add_old_object(&self, bucket: &str, key: &str, content: &[u8], modified: SystemTime) {
        self.add_object(bucket, key, content);
        let file = fs::File::options().write(true).open(self.directory.path().join(bucket).join(key));
        file.expect("it is there").set_modified(modified).expect("the file is ours");
    }

    /// Puts a backup of each of the last seven days into a bucket, each a little larger than the one before.
    pub fn add_backups(&self, bucket: &str) {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        for days in 0..7_u32 {
            let content = vec![0; 400_000 - 2_000 * days as usize];
            let modified = SystemTime::now() - DAY / 6 - DAY * days;
            self.add_old_object(bucket, &format!("backups/days-ago-{days}.dump"), &content, modified);
        }
    }

    /// The keys of all objects of a bucket, sorted.
    pub fn objects(&self, bucket: &str) -> Vec<String> {
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

/// A policy of IAM, of statements that allow; wildcards stand at the end of a resource.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    statement: Vec<Statement>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: String,
    action: Value,
    resource: String,
    #[serde(default)]
    condition: Condition,
}

/// Which listings a statement is for: without this key, any.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Condition {
    string_equals: Option<ListedPrefix>,
    /// With `"true"`, those of a whole bucket.
    null: Option<ListedPrefix>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedPrefix {
    #[serde(rename = "s3:prefix")]
    prefix: Value,
}

/// Whether one of the texts, or the only one, is this one.
fn has(texts: &Value, text: &str) -> bool {
    match texts {
        Value::Array(texts) => texts.iter().any(|own| own == text),
        own => own == text,
    }
}

impl Statement {
    /// `prefix` is that of a listing: a request without one equals nothing.
    fn allows(&self, action: &str, resource: &str, prefix: Option<&str>) -> bool {
        let Condition { string_equals, null } = &self.condition;
        let equals = |listed: &ListedPrefix| prefix.is_some_and(|prefix| has(&listed.prefix, prefix));
        let is_null = |listed: &ListedPrefix| has(&listed.prefix, &prefix.is_none().to_string());
        let meets_condition = string_equals.as_ref().is_none_or(equals) && null.as_ref().is_none_or(is_null);
        let is_meant = match self.resource.strip_suffix('*') {
            Some(prefix) => resource.starts_with(prefix),
            None => resource == self.resource,
        };
        self.effect == "Allow" && has(&self.action, action) && is_meant && meets_condition
    }
}

/// The policy in force.
struct Rights(Arc<Mutex<Policy>>);

#[async_trait::async_trait]
impl S3Access for Rights {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
        let action = match context.s3_op().name() {
            "HeadBucket" | "ListObjectsV2" | "ListObjects" => "s3:ListBucket".to_owned(),
            operation => format!("s3:{operation}"),
        };
        let resource = match context.s3_path() {
            S3Path::Root => "*".to_owned(),
            S3Path::Bucket { bucket } => format!("arn:aws:s3:::{bucket}"),
            S3Path::Object { bucket, key } => format!("arn:aws:s3:::{bucket}/{key}"),
        };
        let query = context.uri().query().unwrap_or_default().as_bytes();
        let prefix = url::form_urlencoded::parse(query).find(|(key, _)| key == "prefix");
        let prefix = prefix.as_ref().map(|(_, prefix)| prefix.as_ref());
        let policy = self.0.lock().expect("no test panics meanwhile");
        match policy.statement.iter().any(|statement| statement.allows(&action, &resource, prefix)) {
            true => Ok(()),
            false => Err(s3s::s3_error!(AccessDenied)),
        }
    }
}
