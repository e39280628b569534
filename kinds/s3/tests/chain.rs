//! Where credentials come from when the configuration has none: each step of AWS's chain, and their order.

mod container;
mod metadata;
mod web_identity;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use kind_s3::reason;
use platform_core::probe::{Observation, Problem, Reason};
use serde_json::json;

use super::{KEY, SECRET, failure, problems, store};
use testkit::exporter::binary;
use testkit::process::write_secret;
use testkit::subject::{Subject, Surroundings};
use testkit::web::{Reply, Web, reply};

type Variables<'a> = &'a [(&'static str, &'a str)];

/// A machine without metadata.
const NOWHERE: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");

/// A source without keys, in this environment.
fn source(endpoint: &str, keys: &str, variables: Variables<'_>) -> Subject {
    let variables: BTreeMap<_, _> = variables.iter().map(|&(name, value)| (name, value.to_owned())).collect();
    let surroundings =
        Surroundings { timeout: Duration::from_secs(30), variables, ..Surroundings::default() };
    surroundings.source(&format!("s3: {{bucket: backups, endpoint: '{endpoint}', {keys}}}"))
}

fn assert_well(observation: &Observation) {
    assert_eq!((failure(observation), problems(observation)), (None, vec![]), "{observation:?}");
}

/// One probe in this environment, which works.
async fn works(endpoint: &str, variables: Variables<'_>) {
    assert_well(&source(endpoint, "", variables).probe().await.unwrap_or_else(|problem| panic!("{problem}")));
}

/// One probe in this environment, for which there are no credentials.
async fn fails(variables: Variables<'_>) -> Problem {
    let problem = source("http://127.0.0.1:1", "", variables).probe().await.expect_err("no credentials");
    assert!(!problem.detail.contains(SECRET) && !problem.detail.contains("t0ken"), "{problem}");
    problem
}

/// What ECS and EC2 answer: the key of the store, good for so many seconds.
fn served(seconds: i64) -> Reply {
    let end = Timestamp::from_second(Timestamp::now().as_second() + seconds).expect("a time");
    let answer = json!({
        "Code": "Success", "AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": "t0ken",
        "Expiration": end.to_string(),
    });
    reply(200, answer.to_string())
}

/// A store that takes every key.
async fn bucket() -> Web {
    let page = "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><MaxKeys>1</MaxKeys></ListBucketResult>";
    Web::start(move |_| reply(200, page)).await
}

/// The keys that a store was asked with since this was last called.
fn keys_used(bucket: &Web) -> Vec<String> {
    let keys = bucket.asked().into_iter().map(|asked| {
        let (_, rest) = asked.path.split_once("X-Amz-Credential=").expect("it is signed");
        rest.split_once("%2F").expect("a scope").0.to_owned()
    });
    let mut keys: Vec<_> = keys.collect();
    keys.dedup();
    keys
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[tokio::test]
async fn a_key_of_the_environment_is_enough() {
    let s3 = store().await;
    works(&s3.endpoint(), &[("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)]).await;
    let problem = fails(&[("AWS_ACCESS_KEY_ID", KEY), NOWHERE]).await;
    assert_eq!(
        problem.to_string(),
        "auth: environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together"
    );
}

/// The binary itself, with nothing but the environment of an application.
#[tokio::test]
async fn an_application_s_environment_reaches_the_chain() {
    let s3 = store().await;
    let probe = async |more: Variables<'_>| {
        let mut command = tokio::process::Command::new(binary());
        command.args(["probe", "s3"]).env_clear().envs(more.iter().copied()).kill_on_drop(true);
        command.envs([("S3_BUCKET", "backups"), ("AWS_ENDPOINT_URL_S3", &s3.endpoint()), NOWHERE]);
        command.output().await.expect("it starts")
    };
    let without = probe(&[]).await;
    let with_key = probe(&[("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)]).await;
    let reported = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(reported.starts_with("s3: auth: no credentials found; tried: environment"), "{reported}");
    let metrics = String::from_utf8_lossy(&with_key.stdout).into_owned();
    assert!(metrics.contains("s3_bucket_up{bucket=\"backups\",operation=\"list\"} 1"), "{metrics}");
}

#[tokio::test]
async fn without_any_credentials_every_step_is_named() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let problem = fails(&[("HOME", path(home.path())), ("AWS_ACCESS_KEY_ID", ""), NOWHERE]).await;
    let aws = home.path().join(".aws").display().to_string();
    assert_eq!(
        problem.to_string(),
        format!(
            "auth: no credentials found; tried: environment (no AWS_ACCESS_KEY_ID), web identity (no \
             AWS_WEB_IDENTITY_TOKEN_FILE), profile (no `default` in {aws}/credentials and {aws}/config), container (no \
             AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI), instance metadata \
             (AWS_EC2_METADATA_DISABLED)"
        )
    );
    let problem = fails(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")]).await;
    assert!(problem.detail.contains("profile (no `default` in no HOME)"), "{problem}");
    assert!(problem.detail.contains("instance metadata (http://127.0.0.1:1: "), "{problem}");
}

#[tokio::test]
async fn the_files_of_awss_tools_are_reread() {
    let (s3, home) = (store().await, tempfile::tempdir().expect("a temporary directory"));
    let directory = home.path().join(".aws");
    std::fs::create_dir(&directory).expect("it is writable");
    let credentials = directory.join("credentials");
    let section = |name: &str, secret: &str| {
        format!("[{name}] ; who\nAWS_ACCESS_KEY_ID={KEY}\naws_secret_access_key = {secret} # since May\n")
    };
    write_secret(&credentials, &(section("default", "outdated") + &section("backup", SECRET)));
    let at_home = ("HOME", path(home.path()));
    works(&s3.endpoint(), &[at_home, ("AWS_PROFILE", "backup")]).await;
    let mut subject = source(&s3.endpoint(), "", &[at_home]);
    let observation = subject.probe().await.expect("an observation");
    assert_eq!(failure(&observation), Some(reason::CREDENTIALS_INVALID));
    write_secret(&credentials, &section("default", SECRET));
    assert_well(&subject.probe().await.expect("an observation"));

    std::fs::rename(&credentials, home.path().join("elsewhere")).expect("it is there");
    let elsewhere = home.path().join("elsewhere");
    works(&s3.endpoint(), &[("AWS_SHARED_CREDENTIALS_FILE", path(&elsewhere))]).await;
    write_secret(&directory.join("config"), &section("profile ops", SECRET));
    works(&s3.endpoint(), &[at_home, ("AWS_PROFILE", "ops")]).await;
}

#[tokio::test]
async fn a_profile_that_cannot_be_used_is_reported() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let file = home.path().join("credentials");
    let variables = |text: &str, profile: &'static str| {
        write_secret(&file, text);
        [("AWS_SHARED_CREDENTIALS_FILE", path(&file)), ("AWS_PROFILE", profile), NOWHERE]
    };
    let cases = [
        ("[default]\n", "ops", "no `ops` in "),
        ("[ops]\nregion = eu-west-1\n", "ops", "`ops` has no aws_access_key_id"),
        ("[ops]\nrole_arn = arn:aws:iam::1:role/x\n", "ops", "its role_arn is not supported"),
        ("[default]\ncredential_process = /bin/x\n", "", "its credential_process is not supported"),
        ("[default]\nregion = eu-west-1\n", "", "tried: environment"),
    ];
    for (text, profile, words) in cases {
        let problem = fails(&variables(text, profile)).await;
        assert!(problem.reason == Reason::Auth && problem.detail.contains(words), "{problem}");
    }
    // What cannot be read is not the same as what is not there.
    let problem = fails(&[("AWS_SHARED_CREDENTIALS_FILE", path(home.path())), NOWHERE]).await;
    assert!(problem.detail.starts_with("profile: cannot read "), "{problem}");
}

/// The order is that of AWS's own clients; and where a step is set up and fails, none after it gives another identity.
#[tokio::test]
async fn the_first_step_that_is_set_up_decides() {
    let (bucket, other) = (bucket().await, bucket().await);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("credentials");
    write_secret(&file, "[default]\naws_access_key_id = PROFILE\naws_secret_access_key = x\n");
    let token = directory.path().join("token");
    write_secret(&token, "t0ken");
    let served = |key: &'static str| {
        Web::start(move |asked| {
            match asked.path.as_str() {
            "/latest/api/token" => reply(200, "t0ken"),
            "/latest/meta-data/iam/security-credentials/" => reply(200, "role"),
            _ => reply(
                200,
                json!({"AccessKeyId": key, "SecretAccessKey": "x", "Token": "x", "Expiration": "2099-01-01T00:00:00Z"})
                    .to_string(),
            ),
        }
        })
    };
    let (container, metadata) = (served("CONTAINER").await, served("METADATA").await);
    let sts = Web::start(|_| {
        reply(
            200,
            "<AccessKeyId>WEB</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>x</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration>",
        )
    })
    .await;
    let (container, metadata) = (container.url("/creds"), metadata.url(""));
    let steps: [&[(&'static str, &str)]; 5] = [
        &[("AWS_ACCESS_KEY_ID", "ENVIRONMENT"), ("AWS_SECRET_ACCESS_KEY", "x")],
        &[("AWS_WEB_IDENTITY_TOKEN_FILE", path(&token)), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")],
        &[("AWS_SHARED_CREDENTIALS_FILE", path(&file))],
        &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container)],
        &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata)],
    ];
    let keys = format!("sts: {{enabled: false, endpoint: '{}'}}", sts.url("/"));
    for (start, expected) in ["ENVIRONMENT", "WEB", "PROFILE", "CONTAINER", "METADATA"].iter().enumerate() {
        let variables: Vec<_> = steps[start..].concat();
        assert_well(&source(&bucket.url(""), &keys, &variables).probe().await.expect("an observation"));
        assert_eq!(keys_used(&bucket), [*expected]);
    }
    let refusing = other.url("/creds");
    let refused = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", refusing.as_str()), steps[4][0]];
    let problem = fails(&refused).await;
    assert!(problem.detail.starts_with("container: "), "{problem}");
    assert!(problem.detail.contains("; tried before: environment (no AWS_ACCESS_KEY_ID), "), "{problem}");
}
