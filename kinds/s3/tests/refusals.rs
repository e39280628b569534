use jiff::{SignedDuration, Timestamp};
use kind_s3::reason;
use platform_core::probe::Reason;

use super::ladder::LISTING;
use super::{SECRET, failure, probe, problems, up};
use testkit::web::{Reply, Web, reply, with};

fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <RequestId>656c76696e6727732072657175657374</RequestId></Error>"
    );
    reply(status, body)
}

/// A store that refuses everything in one way; HEAD gets the status alone.
async fn refusing(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Web {
    Web::start(move |_| reply()).await
}

#[tokio::test]
async fn each_code_has_its_reason() {
    let cases = [
        (403, "InvalidAccessKeyId", reason::CREDENTIALS_INVALID),
        (403, "SignatureDoesNotMatch", reason::CREDENTIALS_INVALID),
        (400, "InvalidToken", reason::CREDENTIALS_INVALID),
        (400, "ExpiredToken", reason::CREDENTIALS_EXPIRED),
        (400, "TokenRefreshRequired", reason::CREDENTIALS_EXPIRED),
        (403, "RequestTimeTooSkewed", reason::CLOCK_SKEW),
        (403, "AccessDenied", Reason::Permission),
        (403, "AllAccessDisabled", Reason::Permission),
        (400, "KMS.DisabledException", Reason::Permission),
        (404, "NoSuchBucket", reason::BUCKET_MISSING),
        (301, "PermanentRedirect", reason::WRONG_REGION),
        (400, "AuthorizationHeaderMalformed", reason::WRONG_REGION),
        (503, "SlowDown", Reason::RateLimited),
        (429, "", Reason::RateLimited),
        (500, "InternalError", Reason::Alarm),
        (400, "MalformedXML", Reason::Protocol),
        (403, "", Reason::Permission),
    ];
    for (status, code, reason) in cases {
        let web = refusing(move || error(status, code, "Said by the store")).await;
        let observation = probe(&web.url(""), "").await;
        assert_eq!(failure(&observation), Some(reason), "{status} {code}");
        assert_eq!(up(&observation, "head"), Some(0.0));
    }
}

#[tokio::test]
async fn the_bucket_s_region_is_named() {
    let elsewhere = |status| with(reply(status, ""), "x-amz-bucket-region", "eu-central-1");
    let in_body = "<Error><Code>AuthorizationQueryParametersError</Code><Message>the region is wrong</Message>\
                   <Region>eu-central-1</Region></Error>";
    let webs = [
        refusing(move || elsewhere(301)).await,
        refusing(move || elsewhere(400)).await,
        refusing(move || elsewhere(403)).await,
        refusing(move || reply(400, in_body)).await,
    ];
    for web in &webs {
        let observation = probe(&web.url(""), "region: us-west-2").await;
        let failure = observation.failure.expect("it is elsewhere");
        assert_eq!(failure.reason, reason::WRONG_REGION);
        assert!(failure.detail.contains("in eu-central-1, but `region` is us-west-2"), "{failure}");
    }
    // The right region in the header of a denial is no news.
    let web = refusing(move || elsewhere(403)).await;
    assert_eq!(failure(&probe(&web.url(""), "region: eu-central-1").await), Some(Reason::Permission));
}

#[tokio::test]
async fn clocks_far_apart_explain_a_refused_signature() {
    let dated = |minutes: i64, code: &'static str| {
        let status = if code == "NoSuchBucket" { 404 } else { 403 };
        let date = Timestamp::now() + SignedDuration::from_mins(minutes);
        let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        refusing(move || with(error(status, code, ""), "date", &date))
    };
    let cases = [
        (7, "SignatureDoesNotMatch", reason::CLOCK_SKEW, "behind"),
        (-7, "SignatureDoesNotMatch", reason::CLOCK_SKEW, "ahead of"),
        (1, "SignatureDoesNotMatch", reason::CREDENTIALS_INVALID, "SignatureDoesNotMatch"),
        (20, "RequestTimeTooSkewed", reason::CLOCK_SKEW, "clock is 11"),
        // S3 does not say that a signed URL is out of its time.
        (20, "AccessDenied", reason::CLOCK_SKEW, "behind"),
        (7, "AccessDenied", Reason::Permission, "AccessDenied"),
        (20, "NoSuchBucket", reason::BUCKET_MISSING, "status 404"),
    ];
    for (minutes, code, reason, words) in cases {
        let web = dated(minutes, code).await;
        let failure = probe(&web.url(""), "").await.failure.expect("it is refused");
        assert_eq!(failure.reason, reason, "{minutes} {failure}");
        assert!(failure.detail.contains(words), "{minutes} {failure}");
    }
}

#[tokio::test]
async fn a_denied_list_leaves_the_bucket_degraded() {
    for (status, code, reason) in [
        (403, "AccessDenied", Reason::Permission),
        (503, "SlowDown", Reason::RateLimited),
        (500, "InternalError", Reason::Alarm),
        (200, "NoListing", Reason::Protocol),
    ] {
        let web = Web::start(move |asked| match asked.method.as_str() {
            "HEAD" => reply(200, ""),
            _ => error(status, code, ""),
        })
        .await;
        let observation = probe(&web.url(""), "").await;
        assert_eq!((failure(&observation), problems(&observation)), (None, vec![reason]), "{code}");
        assert_eq!((up(&observation, "head"), up(&observation, "list")), (Some(1.0), Some(0.0)));
    }
}

#[tokio::test]
async fn a_denied_head_beside_a_good_list_is_degraded_too() {
    let web = Web::start(|asked| match asked.method.as_str() {
        "HEAD" => reply(403, ""),
        _ => reply(200, LISTING),
    })
    .await;
    let observation = probe(&web.url(""), "").await;
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![Reason::Permission]));
    assert_eq!((up(&observation, "head"), up(&observation, "list")), (Some(0.0), Some(1.0)));
}

#[tokio::test]
async fn an_answer_that_repeats_the_secret_is_not_repeated() {
    let message = format!("no match for {SECRET}\nhost:example");
    let token = "no match for t0ken";
    for message in [message.as_str(), token] {
        let message = message.to_owned();
        let web = refusing(move || error(403, "SignatureDoesNotMatch", &message)).await;
        let observation = probe(&web.url(""), "session_token: t0ken").await;
        let shown = format!("{observation:?}");
        assert!(!shown.contains(SECRET) && !shown.contains("t0ken"), "{shown}");
        assert!(shown.contains("SignatureDoesNotMatch"), "{shown}");
    }
}
