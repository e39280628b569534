use std::sync::Arc;

use kind_s3::reason;
use platform_core::probe::Reason;
use platform_exporter::registry::Kind;

use super::{KEY, SECRET, failure, plain, probe, problems, source, store, up};
use testkit::proxy::Proxy;
use testkit::sts::Sts;
use testkit::subject::{self, value};
use testkit::web::{Web, reply};

#[tokio::test]
async fn a_good_bucket_is_up() {
    let s3 = store().await;
    for objects in 0..3 {
        let observation = probe(&s3.endpoint(), "").await;
        assert_eq!((failure(&observation), problems(&observation)), (None, vec![]), "{objects}");
        assert_eq!((up(&observation, "head"), up(&observation, "list")), (Some(1.0), Some(1.0)));
        assert_eq!(up(&observation, "put"), None);
        assert_eq!(plain(&observation, "aws_credentials_valid"), None);
        let duration = value(&observation.families, "s3_operation_duration_seconds", &["backups", "list"]);
        assert!(duration.is_some_and(|seconds| seconds > 0.0 && seconds < 2.0));
        s3.add_object("backups", &format!("object & {objects}"), b"content");
    }
}

#[tokio::test]
async fn emits_its_catalogue_and_nothing_else() {
    let (s3, sts) = (store().await, Sts::start().await);
    s3.add_object("backups", "nightly/dump", b"content");
    let objects = "objects: [{prefix: nightly/, max_age: 26h}]";
    let keys = format!("{objects}, canary: {{prefix: health}}, sts: {{endpoint: '{}'}}", sts.endpoint());
    let observation = probe(&s3.endpoint(), &keys).await;
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![]));
    let mut emitted: Vec<_> =
        observation.families.into_iter().map(|family| Arc::unwrap_or_clone(family.desc)).collect();
    let mut catalogue = (Kind::S3.facts().catalogue)();
    emitted.sort_by(|a, b| a.name.cmp(&b.name));
    catalogue.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(emitted, catalogue);
}

#[tokio::test]
async fn a_missing_bucket_is_reported_and_found_again() {
    let s3 = store().await;
    let mut subject = source(&s3.endpoint(), "");
    s3.remove_bucket("backups");
    let observation = subject.probe().await.expect("an observation");
    assert_eq!(failure(&observation), Some(reason::BUCKET_MISSING));
    assert_eq!((up(&observation, "head"), up(&observation, "list")), (Some(0.0), None));
    s3.add_bucket("backups");
    assert_eq!(failure(&subject.probe().await.expect("an observation")), None);
}

#[tokio::test]
async fn a_wrong_secret_is_credentials() {
    let s3 = store().await;
    let yaml = super::yaml(&s3.endpoint(), "").replace(SECRET, "wrong");
    let observation = subject::source(&yaml).probe().await.expect("an observation");
    assert_eq!(failure(&observation), Some(reason::CREDENTIALS_INVALID), "{observation:?}");
    assert_eq!((up(&observation, "head"), up(&observation, "list")), (Some(0.0), Some(0.0)));
}

#[tokio::test]
async fn rotated_credentials_are_picked_up() {
    let s3 = store().await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (key, secret) = (directory.path().join("key"), directory.path().join("secret"));
    std::fs::write(&key, "AKIAOLD").expect("it is writable");
    std::fs::write(&secret, "old").expect("it is writable");
    let mut subject = subject::source(&format!(
        "s3: {{bucket: backups, endpoint: '{}', access_key_id_file: {}, secret_access_key_file: {}}}",
        s3.endpoint(),
        key.display(),
        secret.display()
    ));
    let observation = subject.probe().await.expect("an observation");
    assert!(failure(&observation).is_some());
    std::fs::write(&key, KEY).expect("it is writable");
    std::fs::write(&secret, format!("{SECRET}\n")).expect("it is writable");
    assert_eq!(failure(&subject.probe().await.expect("an observation")), None);
    std::fs::remove_file(&secret).expect("it is there");
    assert_eq!(subject.probe().await.expect_err("there is no secret").reason, Reason::Auth);
}

#[tokio::test]
async fn one_connection_serves_every_probe() {
    let s3 = store().await;
    let proxy = Proxy::start(s3.address()).await;
    let mut subject =
        source(&format!("http://{}", proxy.address()), "canary: {prefix: health, interval: 1ms}");
    for _ in 0..4 {
        assert_eq!(failure(&subject.probe().await.expect("an observation")), None);
    }
    assert_eq!(proxy.seen(), 1);
    drop(subject);
    testkit::wait::eventually(std::time::Duration::from_secs(5), "it is closed", async || proxy.open() == 0)
        .await;
}

#[tokio::test]
async fn asks_for_one_key_below_the_prefix() {
    let web = Web::start(|_| reply(200, LISTING)).await;
    let observation = probe(&web.url(""), "prefix: nightly/").await;
    assert_eq!(failure(&observation), None);
    let asked = web.asked();
    let methods: Vec<_> = asked.iter().map(|asked| asked.method.as_str()).collect();
    assert_eq!(methods, ["HEAD", "GET"]);
    assert!(asked[0].path.starts_with("/backups/?X-Amz-"), "{}", asked[0].path);
    for part in ["list-type=2", "max-keys=1", "prefix=nightly%2F"] {
        assert!(asked[1].path.contains(part), "{}", asked[1].path);
    }
}

pub(super) const LISTING: &str = "<?xml version=\"1.0\"?>\
    <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>false</IsTruncated>\
    </ListBucketResult>";
