use kind_s3::reason;
use platform_core::probe::Reason;

use super::{failure, impatient, plain, probe, problems, source, store, up};
use testkit::s3::S3;
use testkit::sts::Sts;
use testkit::subject::value;
use testkit::web::{Web, reply};

#[tokio::test]
async fn names_the_account_and_outlives_the_bucket() {
    let (s3, sts) = (store().await, Sts::start().await);
    let keys = format!("sts: {{endpoint: '{}'}}", sts.endpoint());
    let observation = probe(&s3.endpoint(), &keys).await;
    assert_eq!(plain(&observation, "aws_credentials_valid"), Some(1.0));
    assert_eq!(value(&observation.families, "aws_caller_info", &["123456789012"]), Some(1.0));
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![]));

    drop(s3);
    let observation = probe("http://127.0.0.1:1", &keys).await;
    assert_eq!(failure(&observation), Some(Reason::Connect));
    assert_eq!(up(&observation, "head"), Some(0.0));
    assert_eq!(plain(&observation, "aws_credentials_valid"), Some(1.0));
}

#[tokio::test]
async fn frozen_hides_neither_the_bucket_nor_its_own_recovery() {
    let (s3, sts) = (store().await, Sts::start().await);
    let keys = format!("sts: {{endpoint: '{}'}}", sts.endpoint());
    let mut subject = source(&s3.endpoint(), &keys);
    sts.stop();
    let observation = subject.probe().await.expect("an observation");
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![Reason::Timeout]));
    assert_eq!(up(&observation, "list"), Some(1.0));
    assert_eq!(plain(&observation, "aws_credentials_valid"), None);
    sts.resume();
    let observation = subject.probe().await.expect("an observation");
    assert_eq!(plain(&observation, "aws_credentials_valid"), Some(1.0), "{observation:?}");
    assert_eq!(problems(&observation), []);
}

#[tokio::test]
async fn gone_says_nothing_of_the_credentials() {
    let s3 = store().await;
    let observation = probe(&s3.endpoint(), "sts: {endpoint: 'http://127.0.0.1:1'}").await;
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![Reason::Connect]));
    assert_eq!(plain(&observation, "aws_credentials_valid"), None);
}

/// The body of an STS error, as AWS documents it.
fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    \
         <Code>{code}</Code>\n    <Message>{message}</Message>\n  </Error>\n  \
         <RequestId>4fbb0a4c</RequestId>\n</ErrorResponse>"
    )
}

#[tokio::test]
async fn a_refusal_is_about_the_credentials_alone() {
    let s3 = store().await;
    let cases = [
        (403, "InvalidClientTokenId", "The security token included in the request is invalid.", "invalid"),
        (403, "SignatureDoesNotMatch", "The request signature we calculated does not match", "invalid"),
        (403, "ExpiredToken", "The security token included in the request is expired", "expired"),
        (403, "SignatureDoesNotMatch", "Signature expired: 20261121T0000Z is now earlier than …", "skew"),
        (403, "SignatureDoesNotMatch", "Signature not yet current: 20261121T0000Z is still later", "skew"),
        (400, "Throttling", "Rate exceeded", "rate"),
        (500, "InternalFailure", "", "alarm"),
        (404, "", "", "not_found"),
        (200, "", "", "protocol"),
    ];
    for (status, code, message, expected) in cases {
        let (reason, valid) = match expected {
            "invalid" => (reason::CREDENTIALS_INVALID, Some(0.0)),
            "expired" => (reason::CREDENTIALS_EXPIRED, Some(0.0)),
            "skew" => (reason::CLOCK_SKEW, Some(0.0)),
            "rate" => (Reason::RateLimited, None),
            "alarm" => (Reason::Alarm, None),
            "not_found" => (Reason::NotFound, None),
            _ => (Reason::Protocol, None),
        };
        let body = error(code, message);
        let web = Web::start(move |_| reply(status, body.clone())).await;
        let observation = probe(&s3.endpoint(), &format!("sts: {{endpoint: '{}'}}", web.url(""))).await;
        assert_eq!(problems(&observation), [reason], "{code} {message}");
        assert_eq!(failure(&observation), None);
        assert_eq!(plain(&observation, "aws_credentials_valid"), valid, "{code} {message}");
    }
}

#[tokio::test]
async fn is_asked_with_a_signature_that_covers_the_token() {
    let web = Web::start(|_| reply(200, "<Account>1</Account>")).await;
    let keys = format!("region: eu-west-1, session_token: t0ken, sts: {{endpoint: '{}'}}", web.url("/"));
    impatient("http://127.0.0.1:1", &keys).probe().await.expect("an observation");
    let asked = web.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/"));
    assert_eq!(asked.body, "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(asked.header("host"), web.address());
    assert_eq!(asked.header("x-amz-security-token"), "t0ken");
    let date = asked.header("x-amz-date");
    let expected = format!(
        "AWS4-HMAC-SHA256 Credential={}/{}/eu-west-1/sts/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=",
        super::KEY,
        &date[..8]
    );
    assert!(asked.header("authorization").starts_with(&expected), "{}", asked.header("authorization"));
}

#[tokio::test]
async fn a_policy_is_distinguished_from_a_bad_key() {
    let sts = Web::start(|_| reply(200, "<Account>1</Account>")).await;
    let denied = Web::start(|_| reply(403, "<Error><Code>AccessDenied</Code></Error>")).await;
    let observation = probe(&denied.url(""), &format!("sts: {{endpoint: '{}'}}", sts.url(""))).await;
    let failure = observation.failure.expect("everything is denied");
    assert_eq!(failure.reason, Reason::Permission);
    assert!(failure.detail.contains("a policy denies this, not the key"), "{failure}");
}

#[tokio::test]
async fn both_refusing_is_reported_once() {
    let s3 = S3::start(super::KEY, "rotated away").await;
    s3.add_bucket("backups");
    let body = error("InvalidClientTokenId", "The security token included in the request is invalid.");
    let web = Web::start(move |_| reply(403, body.clone())).await;
    let keys = format!("sts: {{endpoint: '{}'}}", web.url(""));
    let observation = probe(&s3.endpoint(), &keys).await;
    assert_eq!(failure(&observation), Some(reason::CREDENTIALS_INVALID));
    assert_eq!(plain(&observation, "aws_credentials_valid"), Some(0.0));
    assert_eq!(problems(&observation), []);
}
