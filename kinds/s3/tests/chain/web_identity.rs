use kind_s3::reason;
use platform_core::probe::Reason;

use super::{assert_well, bucket, keys_used, path, source};
use crate::kinds::s3::plain;
use testkit::process::write_secret;
use testkit::sts::Sts;
use testkit::subject::value;
use testkit::web::{Web, reply};

const ROLE: (&str, &str) = ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/backup");
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

#[tokio::test]
async fn sts_gives_the_credentials_of_a_role() {
    let (sts, bucket) = (Sts::start().await, bucket().await);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("token");
    write_secret(&file, "eyJhbGciOi.t0ken\n");
    let keys = format!("sts: {{endpoint: '{}'}}", sts.endpoint());
    let mut subject = source(&bucket.url(""), &keys, &[(TOKEN_FILE, path(&file)), ROLE]);
    let mut used = Vec::new();
    for _ in 0..3 {
        let observation = subject.probe().await.unwrap_or_else(|problem| panic!("{problem}"));
        assert_well(&observation);
        assert_eq!(plain(&observation, "aws_credentials_valid"), Some(1.0));
        assert_eq!(value(&observation.families, "aws_caller_info", &["123456789012"]), Some(1.0));
        used.extend(keys_used(&bucket));
    }
    used.dedup();
    assert!(matches!(&used[..], [key] if key.starts_with("ASIA")), "{used:?}");
}

#[tokio::test]
async fn is_asked_without_a_signature_and_its_refusal_is_reported() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("token");
    write_secret(&file, "t0ken/+=\n");
    let cases = [
        ("ExpiredTokenException", "Token expired", reason::CREDENTIALS_EXPIRED),
        ("InvalidIdentityToken", "No provider for t0ken/+=", Reason::Auth),
        ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", Reason::Auth),
    ];
    for (code, message, reason) in cases {
        let sts =
            Web::start(move |_| reply(403, format!("<Code>{code}</Code><Message>{message}</Message>"))).await;
        let keys = format!("sts: {{enabled: false, endpoint: '{}'}}", sts.url("/"));
        let variables = [(TOKEN_FILE, path(&file)), ROLE, ("AWS_ROLE_SESSION_NAME", "exporter-7")];
        let problem =
            source("http://127.0.0.1:1", &keys, &variables).probe().await.expect_err("it is refused");
        assert_eq!(problem.reason, reason, "{problem}");
        let begin = format!("web identity: STS AssumeRoleWithWebIdentity: status 403: {code}");
        assert!(problem.detail.starts_with(&begin) && !problem.detail.contains("t0ken"), "{problem}");
        let asked = sts.asked().remove(0);
        assert_eq!((asked.method.as_str(), asked.header("authorization")), ("POST", ""));
        assert_eq!(
            asked.body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&\
             RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fbackup&RoleSessionName=exporter-7&\
             WebIdentityToken=t0ken%2F%2B%3D"
        );
    }
    let without_role = source("http://127.0.0.1:1", "", &[(TOKEN_FILE, path(&file))]).probe().await;
    assert!(without_role.expect_err("a role is missing").detail.contains("AWS_ROLE_ARN is not"));
    let no_file = [(TOKEN_FILE, "/nowhere/token"), ROLE];
    let problem = source("http://127.0.0.1:1", "", &no_file).probe().await.expect_err("there is no file");
    assert!(problem.detail.starts_with("web identity: cannot read /nowhere/token"), "{problem}");
}
