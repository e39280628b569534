//! Every sample in hard states, recounted from what the test has let the store do.

mod objects;

use std::time::{Duration, Instant};

use super::{KEY, SECRET, store, yaml};
use testkit::http::client;
use testkit::recount::{Recounts, Series, series};
use testkit::s3::S3;
use testkit::sts::Sts;
use testkit::subject::{Subject, Surroundings};
use testkit::time::now;

/// The account of every key at moto's STS.
const ACCOUNT: &str = "123456789012";
const CANARY: &str = "canary: {prefix: health, interval: 1h}";
const GOOD: [(&str, f64); 5] = [("head", 1.0), ("list", 1.0), ("put", 1.0), ("get", 1.0), ("delete", 1.0)];
const NO_CANARY: [(&str, f64); 2] = [("head", 1.0), ("list", 1.0)];

/// Operations, and whether they succeed.
type Operations<'a> = &'a [(&'static str, f64)];

struct Watched {
    subject: Subject,
    /// When the canary has last come back: not before, and not after.
    success: Option<(f64, f64)>,
    /// How long the longest probe has taken: the results of the canary are kept.
    longest: Duration,
    has_account: bool,
    has_canary: bool,
    /// What somebody else has counted of the objects.
    objects: Series,
}

impl Watched {
    fn new(endpoint: &str, keys: &str) -> Self {
        Self::of(&yaml(endpoint, keys))
    }

    fn of(yaml: &str) -> Self {
        let surroundings = Surroundings { timeout: Duration::from_secs(20), ..Surroundings::default() };
        let subject = surroundings.source(yaml);
        Self {
            subject,
            success: None,
            longest: Duration::ZERO,
            has_account: false,
            has_canary: yaml.contains("canary"),
            objects: Series::new(),
        }
    }

    /// One probe, with the operations that it attempts, and whether they can succeed; `flies` says whether the canary
    /// comes back in it.
    async fn check(&mut self, recounts: &mut Recounts, state: &str, operations: Operations<'_>, flies: bool) {
        let (began, started) = (now(), Instant::now());
        let observation = self.subject.probe().await.expect("an observation");
        self.longest = self.longest.max(started.elapsed());
        if flies {
            self.success = Some((began, now()));
        }
        let recount = |time: f64, success: Option<f64>| {
            let mut all = Series::new();
            for (operation, good) in operations {
                let labels = ["backups", *operation];
                all.insert(series("s3_bucket_up", &labels), *good);
                all.insert(series("s3_operation_duration_seconds", &labels), time);
            }
            if self.has_account {
                all.insert("aws_credentials_valid".to_owned(), 1.0);
                all.insert(series("aws_caller_info", &[ACCOUNT]), 1.0);
            }
            if self.has_canary {
                all.insert(series("s3_canary_interval_seconds", &["backups"]), 3600.0);
            }
            all.extend(self.objects.clone());
            for prefix in objects::prefixes(&self.objects) {
                all.insert(series("s3_list_duration_seconds", &["backups", prefix]), time);
            }
            let name = series("s3_canary_last_success_timestamp_seconds", &["backups"]);
            all.extend(success.map(|success| (name, success)));
            all
        };
        let before = recount(0.0, self.success.map(|(earliest, _)| earliest));
        let after = recount(self.longest.as_secs_f64(), self.success.map(|(_, latest)| latest));
        recounts.compare(state, &before, &observation.families, &after, &[]);
    }
}

#[tokio::test]
async fn every_sample_is_true_in_every_state() {
    let mut recounts = Recounts::default();
    let mut s3 = store().await;
    let mut plain = Watched::new(&s3.endpoint(), "");
    plain.check(&mut recounts, "an empty bucket", &NO_CANARY, false).await;
    for object in 0..50 {
        s3.add_object("backups", &format!("object & {object}"), b"content");
    }
    plain.check(&mut recounts, "a filled bucket", &NO_CANARY, false).await;

    let mut canary = Watched::new(&s3.endpoint(), CANARY);
    canary.check(&mut recounts, "a canary", &GOOD, true).await;
    canary.check(&mut recounts, "a canary whose last run is kept", &GOOD, false).await;
    s3.remove_bucket("backups");
    canary.check(&mut recounts, "a bucket that is gone, after an old canary", &[("head", 0.0)], false).await;
    s3.add_bucket("backups");
    let left = now().round() - 7200.0;
    let left = format!("health/platform_exporter-subject/{left:.0}-0123456789abcdef");
    s3.add_object("backups", &left, b"");
    let mut next = Watched::new(&s3.endpoint(), CANARY);
    next.check(&mut recounts, "a canary that tidies up", &GOOD, true).await;
    assert_eq!(s3.objects("backups"), Vec::<String>::new());

    refusals(&mut recounts, &mut s3).await;
    versions(&mut recounts).await;
    objects::check(&mut recounts).await;
    recounts.finish("s3");
}

/// Rights that are missing, one more each time.
async fn refusals(recounts: &mut Recounts, s3: &mut S3) {
    let mut wrong = Watched::of(&yaml(&s3.endpoint(), "").replace(SECRET, "wrong"));
    wrong.check(recounts, "a wrong secret", &[("head", 0.0), ("list", 0.0)], false).await;
    let list = r#"{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::backups"}"#;
    let write = r#"{"Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::backups/*"}"#;
    let steps = [("head", 1.0), ("list", 1.0), ("put", 1.0), ("get", 0.0), ("delete", 1.0)];
    let cases: [(&str, String, Operations<'_>); 3] = [
        ("a canary that may not be read", format!("{list}, {write}"), &steps),
        ("a canary that may not be written", list.to_owned(), &[("head", 1.0), ("list", 1.0), ("put", 0.0)]),
        ("nothing is allowed", String::new(), &[("head", 0.0), ("list", 0.0)]),
    ];
    for (state, statements, operations) in cases {
        let policy = format!(r#"{{"Statement": [{statements}]}}"#);
        let store = S3::with_policy(KEY, SECRET, &policy).await;
        store.add_bucket("backups");
        Watched::new(&store.endpoint(), CANARY).check(recounts, state, operations, false).await;
    }
}

/// A bucket that keeps versions, and STS: both of moto.
async fn versions(recounts: &mut Recounts) {
    let moto = Sts::start().await;
    let url = format!("{}/backups", moto.endpoint());
    let keep = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                <Status>Enabled</Status></VersioningConfiguration>";
    for request in [client().put(&url), client().put(format!("{url}?versioning")).body(keep)] {
        let response = request.send().await.expect("moto answers");
        assert!(response.status().is_success(), "{response:?}");
    }
    let keys = format!("{CANARY}, sts: {{endpoint: '{}'}}", moto.endpoint());
    let mut watched = Watched::new(&moto.endpoint(), &keys);
    watched.has_account = true;
    watched.check(recounts, "a bucket that keeps versions, and STS", &GOOD, true).await;
    let versions = client().get(format!("{url}?versions")).send().await.expect("moto answers");
    let versions = versions.text().await.expect("moto answers in full");
    assert!(!versions.contains("<Key>"), "{versions}");
}
