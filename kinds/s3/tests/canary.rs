use std::time::{Duration, SystemTime};

use hyper::Method;
use parking_lot::Mutex;
use platform_core::probe::Reason;

use super::ladder::LISTING;
use super::{failure, probe, problems, source, store, up};
use testkit::http::client;
use testkit::sts::Sts;
use testkit::subject::value;
use testkit::web::{Asked, Reply, Web, reply, with};

const FOLDER: &str = "health/platform_exporter-subject";

fn unix_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs()
}

#[tokio::test]
async fn puts_reads_deletes_and_leaves_nothing() {
    let s3 = store().await;
    let before = unix_now();
    let observation = probe(&s3.endpoint(), "canary: {prefix: health/}").await;
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![]));
    for operation in ["head", "list", "put", "get", "delete"] {
        assert_eq!(up(&observation, operation), Some(1.0), "{operation}");
    }
    let success = value(&observation.families, "s3_canary_last_success_timestamp_seconds", &["backups"]);
    #[expect(clippy::cast_precision_loss, reason = "exact")]
    let since = success.expect("it succeeded") - before as f64;
    assert!((0.0..5.0).contains(&since), "{since}");
    assert_eq!(s3.objects("backups"), Vec::<String>::new());
}

#[tokio::test]
async fn tidies_up_after_crashed_runs_and_touches_nothing_else() {
    let s3 = store().await;
    let now = unix_now();
    let old = format!("{FOLDER}/{}-0123456789abcdef", now - 3700);
    let kept = [
        format!("{FOLDER}/{}-0123456789abcdef", now - 60),
        format!("{FOLDER}/{}-notours", now - 3700),
        format!("health/platform_exporter-other/{}-0123456789abcdef", now - 3700),
        "health/backup.tar".to_owned(),
    ];
    for key in kept.iter().chain([&old]) {
        s3.add_object("backups", key, b"");
    }
    let observation = probe(&s3.endpoint(), "canary: {prefix: health}").await;
    assert_eq!(problems(&observation), []);
    let mut kept = kept.to_vec();
    kept.sort();
    assert_eq!(s3.objects("backups"), kept);
}

/// A store whose answers to everything but the canary are good.
async fn store_with(canary: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Web {
    Web::start(move |asked| match asked.method {
        Method::HEAD => reply(200, ""),
        Method::GET if asked.path.starts_with("/backups/?") => reply(200, LISTING),
        _ => canary(asked),
    })
    .await
}

/// A store that keeps one object, whatever its key.
async fn one_object() -> Web {
    let object = Mutex::new(Vec::new());
    store_with(move |asked| {
        let mut object = object.lock();
        match asked.method {
            Method::PUT => {
                *object = asked.body.to_vec();
                reply(200, "")
            }
            Method::GET => reply(200, object.clone()),
            _ => reply(204, ""),
        }
    })
    .await
}

fn puts(web: &Web) -> Vec<String> {
    let path = |asked: Asked| asked.path.split('?').next().unwrap_or_default().to_owned();
    web.asked().into_iter().filter(|asked| asked.method == Method::PUT).map(path).collect()
}

#[tokio::test]
async fn flies_once_in_its_interval_and_keeps_its_result_meanwhile() {
    let web = one_object().await;
    let mut subject = source(&web.url(""), "canary: {prefix: health}");
    for _ in 0..3 {
        let observation = subject.probe().await.expect("an observation");
        assert_eq!(problems(&observation), []);
        assert_eq!(up(&observation, "put"), Some(1.0));
    }
    assert_eq!(puts(&web).len(), 1);

    let mut subject = source(&web.url(""), "canary: {prefix: health, interval: 1ms}");
    for _ in 0..3 {
        subject.probe().await.expect("an observation");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut keys = puts(&web);
    assert_eq!(keys.len(), 3);
    keys.dedup();
    assert_eq!(keys.len(), 3, "every run has a key of its own");
    assert!(keys.iter().all(|key| key.starts_with(&format!("/backups/{FOLDER}/"))), "{keys:?}");
}

#[tokio::test]
async fn a_failed_run_is_repeated_at_the_next_probe() {
    let denied = Mutex::new(true);
    let object = Mutex::new(Vec::new());
    let web = store_with(move |asked| match asked.method {
        Method::PUT if std::mem::take(&mut *denied.lock()) => {
            reply(403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        }
        Method::PUT => {
            *object.lock() = asked.body.to_vec();
            reply(200, "")
        }
        Method::GET => reply(200, object.lock().clone()),
        _ => reply(204, ""),
    })
    .await;
    let mut subject = source(&web.url(""), "canary: {prefix: health}");
    let observation = subject.probe().await.expect("an observation");
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![Reason::Permission]));
    assert_eq!((up(&observation, "put"), up(&observation, "get")), (Some(0.0), None));
    let observation = subject.probe().await.expect("an observation");
    assert_eq!(problems(&observation), []);
    assert_eq!(up(&observation, "put"), Some(1.0));
}

#[tokio::test]
async fn other_bytes_are_a_problem_and_are_deleted_all_the_same() {
    let web = store_with(|asked| match asked.method {
        Method::GET => reply(200, "something else"),
        Method::PUT => with(reply(200, ""), "x-amz-version-id", "v/1"),
        _ => reply(204, ""),
    })
    .await;
    let observation = probe(&web.url(""), "canary: {prefix: health}").await;
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![Reason::Protocol]));
    assert_eq!((up(&observation, "get"), up(&observation, "delete")), (Some(0.0), Some(1.0)));
    let last = web.asked().pop().expect("it was asked");
    assert_eq!(last.method, Method::DELETE);
    assert!(last.path.contains("versionId=v%2F1"), "{}", last.path);
}

#[tokio::test]
async fn leaves_no_version_in_a_bucket_that_keeps_versions() {
    // The S3 of moto keeps versions; it does not verify signatures.
    let moto = Sts::start().await;
    let url = format!("{}/backups", moto.endpoint());
    let enable = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                  <Status>Enabled</Status></VersioningConfiguration>";
    for request in [client().put(&url), client().put(format!("{url}?versioning")).body(enable)] {
        let response = request.send().await.expect("moto answers");
        assert!(response.status().is_success(), "{response:?}");
    }
    let observation = probe(&moto.endpoint(), "canary: {prefix: health}").await;
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![]), "{observation:?}");
    assert_eq!(up(&observation, "delete"), Some(1.0));
    let versions = client().get(format!("{url}?versions")).send().await.expect("moto answers");
    let versions = versions.text().await.expect("moto answers in full");
    assert!(versions.contains("ListVersionsResult"), "{versions}");
    assert!(!versions.contains("<Key>"), "{versions}");
}
