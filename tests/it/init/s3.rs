//! The backups in a bucket, in the configuration.

use std::process::Command;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use testkit::exporter::binary;
use testkit::s3::S3;

use super::text;

/// The directory of an application whose bucket is in the environment.
struct Application<'a> {
    store: &'a S3,
    directory: TempDir,
}

impl<'a> Application<'a> {
    fn of(store: &'a S3) -> Self {
        Self { store, directory: TempDir::with_prefix("init-").unwrap() }
    }

    async fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(binary());
        command.current_dir(&self.directory).args(arguments).env("S3_BUCKET", "acme");
        command.env("AWS_ENDPOINT_URL_S3", self.store.endpoint());
        command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (output.status.success(), text(&output))
    }

    /// Runs `init`. Returns what it prints, and the configuration.
    async fn init(&self) -> (String, String) {
        let (is_good, printed) = self.run(&["init", "--yes", "--name", "shop"]).await;
        assert!(is_good, "{printed}");
        (printed, std::fs::read_to_string(self.directory.path().join("platform.yml")).unwrap())
    }
}

fn add(store: &S3, key: &str, hours: u64) {
    let modified = SystemTime::now() - Duration::from_secs(hours * 3600);
    store.add_old_object("acme", key, b"content", modified);
}

#[tokio::test]
async fn backups_are_written_with_their_rhythm_and_nothing_else() {
    let store = S3::start("key", "secret").await;
    store.add_bucket("acme");
    for night in 0..5 {
        add(&store, &format!("backups/{night}.dump"), 3 + 24 * night);
        add(&store, &format!("backup-20261126/{night}.dump"), 3 + 24 * night);
        add(&store, &format!("backup-anna@example.com/{night}.dump"), 3 + 24 * night);
        add(&store, &format!("backup/anna/{night}.dump"), 800 + 24 * night);
        add(&store, &format!("avatars/{night}.png"), night);
    }
    let application = Application::of(&store);
    let (printed, platform) = application.init().await;
    let keys = "objects: [{prefix: \"backup/\"}, {prefix: \"backups/\", max_age: \"27h\"}]}}";
    assert!(platform.contains(keys), "{platform}\n{printed}");
    assert!(platform.contains("# `max_age` is a guess"), "{platform}");
    assert!(!platform.contains("anna") && !platform.contains("avatars"), "{platform}");
    let check = application.run(&["check", "--live", "--config.file", "platform.yml"]).await;
    assert!(check.0, "{}", check.1);
    let name = platform.split_once("sources:\n").unwrap().1;
    let name = name.lines().find(|line| line.contains("s3:")).unwrap().trim().split(':').next().unwrap();
    let probe = ["probe", name, "--config.file", "platform.yml", "--format", "prometheus"];
    let probed = application.run(&probe).await.1;
    assert!(probed.contains("s3_objects{bucket=\"acme\",prefix=\"backups/\"} 5"), "{probed}");
}

#[tokio::test]
async fn a_bucket_that_may_not_be_listed_is_written_with_what_it_needs() {
    let store = S3::with_policy("key", "secret", r#"{"Statement": []}"#).await;
    store.add_bucket("acme");
    add(&store, "backups/1.dump", 3);
    let (printed, platform) = Application::of(&store).init().await;
    assert!(platform.contains("s3: {bucket: ") && !platform.contains("objects"), "{platform}");
    let needed = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::acme"}"#;
    assert!(printed.contains("was not looked at: permission: list: status 403"), "{printed}");
    assert!(printed.contains(&format!("it needs {needed}")), "{printed}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_watched_is_left_out_with_its_reason() {
    let lists = r#""Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::acme""#;
    let whole = r#"{"Null": {"s3:prefix": "true"}}"#;
    let folders = r#"{"StringEquals": {"s3:prefix": ["backups/", "exports/"]}}"#;
    let statements = [whole, folders].map(|condition| format!(r#"{{{lists}, "Condition": {condition}}}"#));
    let policy = format!(r#"{{"Statement": [{}]}}"#, statements.join(", "));
    let store = S3::with_policy("key", "secret", &policy).await;
    store.add_bucket("acme");
    add(&store, "backups/1.dump", 3);
    add(&store, "dumps/1.dump", 3);
    for number in 0..=10_000 {
        store.add_object("acme", &format!("exports/{number}.csv"), b"");
    }
    let (printed, platform) = Application::of(&store).init().await;
    assert!(platform.contains("objects: [{prefix: \"backups/\"}]}}"), "{platform}\n{printed}");
    let denied = "dumps/ is not in `objects`: permission: list: status 403";
    assert!(printed.contains(denied), "{printed}");
    assert!(printed.contains("it needs {\"Effect\":\"Allow\",\"Action\":\"s3:ListBucket\""), "{printed}");
    let cut = "exports/ is not in `objects`: listing_truncated: there are more than 10000 objects";
    assert!(printed.contains(cut), "{printed}");
}
