use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use platform_core::probe::Reason;

use super::{assert_well, fails, served, source, works};
use crate::kinds::s3::{failure, problems, store};
use testkit::namespace::{address, inside};
use testkit::wait::eventually;
use testkit::web::{Asked, Reply, Web, reply};

const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The metadata service of an instance with a role: by version 2 alone.
fn instance(asked: &Asked, seconds: i64) -> Reply {
    let is_known = asked.header("x-aws-ec2-metadata-token") == "metadata-t0ken";
    match (asked.method.as_str(), asked.path.as_str()) {
        ("PUT", "/latest/api/token") => {
            match asked.header("x-aws-ec2-metadata-token-ttl-seconds").parse::<u32>() {
                Ok(1..=21600) => reply(200, "metadata-t0ken"),
                _ => reply(400, ""),
            }
        }
        ("GET", _) if !is_known => reply(401, ""),
        ("GET", ROLES) => reply(200, "backup-role"),
        ("GET", path) if path == format!("{ROLES}backup-role") => served(seconds),
        _ => reply(404, ""),
    }
}

#[tokio::test]
async fn an_instance_has_the_credentials_of_its_role() {
    let s3 = store().await;
    let metadata = Web::start(|asked| instance(asked, 3600)).await;
    works(&s3.endpoint(), &[(ENDPOINT, &metadata.url("/"))]).await;
    let asked: Vec<_> = metadata.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked, ["/latest/api/token", ROLES, &format!("{ROLES}backup-role")]);
    metadata.end().await;
}

#[tokio::test]
async fn an_instance_without_a_role_or_with_a_hop_too_many_is_reported() {
    let roleless = Web::start(|asked| match asked.path.as_str() {
        ROLES => reply(404, ""),
        _ => instance(asked, 3600),
    });
    let problem = fails(&[(ENDPOINT, &roleless.await.url(""))]).await;
    assert!(problem.detail.contains("instance metadata (the instance has no role)"), "{problem}");
    let refusing = Web::start(|_| reply(403, "")).await;
    let problem = fails(&[(ENDPOINT, &refusing.url(""))]).await;
    assert!(problem.detail.starts_with("instance metadata: status 403 instead of the token"), "{problem}");
    let problem = fails(&[(ENDPOINT, &refusing.url("")), ("AWS_EC2_METADATA_DISABLED", "TRUE")]).await;
    assert_eq!(refusing.asked().len(), 1);
    assert!(problem.detail.contains("instance metadata (AWS_EC2_METADATA_DISABLED)"), "{problem}");
}

#[tokio::test]
async fn ec2_is_where_ec2_always_is() {
    let test = "kinds::s3::chain::metadata::ec2_is_where_ec2_always_is";
    if !inside(test, &address("169.254.169.254")) {
        return;
    }
    let _metadata = Web::start_at("169.254.169.254:80", |asked| instance(asked, 3600)).await;
    works(&store().await.endpoint(), &[]).await;
}

/// While the service is gone, what is held goes on until its end, and the source says so.
#[tokio::test]
async fn credentials_are_renewed_before_their_end_and_kept_until_it() {
    const LIFE: i64 = 20;
    let s3 = store().await;
    let handed_out = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&handed_out);
    let metadata = Web::start(move |asked| {
        if asked.path.ends_with("/backup-role") {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        instance(asked, LIFE)
    })
    .await;
    let address = metadata.address().to_owned();
    let mut subject = source(&s3.endpoint(), "", &[(ENDPOINT, &metadata.url(""))]);
    let begin = std::time::Instant::now();
    eventually(Duration::from_secs(120), "the credentials are renewed", async || {
        assert_well(&subject.probe().await.expect("an observation"));
        handed_out.load(Ordering::Relaxed) == 2
    })
    .await;
    // Not at every probe: the first half of their life they are only used.
    assert!(begin.elapsed() > Duration::from_secs(LIFE.unsigned_abs() / 2 - 2), "{:?}", begin.elapsed());
    metadata.end().await;
    let mut reported = Vec::new();
    let end = Duration::from_secs(120);
    eventually(end, "the source is down", async || match subject.probe().await {
        Ok(observation) => {
            assert_eq!(failure(&observation), None, "the credentials are good");
            reported.extend(problems(&observation));
            false
        }
        Err(problem) => {
            assert!(problem.reason == Reason::Auth && problem.detail.contains(&address), "{problem}");
            true
        }
    })
    .await;
    assert!(!reported.is_empty() && reported.iter().all(|reason| *reason == Reason::Auth), "{reported:?}");
    let _metadata = Web::start_at(&address, |asked| instance(asked, 3600)).await;
    assert_well(&subject.probe().await.expect("an observation"));
}
