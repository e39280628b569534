use platform_core::probe::Reason;

use super::{NOWHERE, fails, path, served, source, works};
use crate::kinds::s3::{failure, store};
use testkit::namespace::{address, inside};
use testkit::process::write_secret;
use testkit::web::{Web, reply};

const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// An agent that serves whoever shows the token.
async fn agent(token: &'static str, seconds: i64) -> Web {
    Web::start(move |asked| match asked.header("authorization") == token {
        true => served(seconds),
        false => reply(403, format!("{{\"message\": \"unknown token {}\"}}", asked.header("authorization"))),
    })
    .await
}

#[tokio::test]
async fn the_token_is_shown_and_reread() {
    let (s3, directory) = (store().await, tempfile::tempdir().expect("a temporary directory"));
    let agent = agent("t0ken", 3600).await;
    let (url, file) = (agent.url("/v1/credentials"), directory.path().join("token"));
    works(&s3.endpoint(), &[(FULL, &url), (TOKEN, "t0ken")]).await;
    write_secret(&file, "t0ken of yesterday\n");
    // The file, which is rotated, comes before the variable.
    let variables = [(FULL, url.as_str()), (TOKEN_FILE, path(&file)), (TOKEN, "t0ken")];
    let problem = fails(&variables).await;
    assert_eq!(problem.reason, Reason::Auth);
    assert!(
        problem.detail.starts_with(&format!("container: {url}: status 403; tried before: ")),
        "{problem}"
    );
    write_secret(&file, "t0ken\n");
    works(&s3.endpoint(), &variables).await;
    assert!(agent.asked().iter().all(|asked| asked.path == "/v1/credentials"));
}

#[tokio::test]
async fn a_token_goes_nowhere_else_in_the_clear() {
    for url in
        ["http://10.0.0.1/x", "http://agent.example/x", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/x", "x"]
    {
        let problem = fails(&[(FULL, url), (TOKEN, "t0ken"), NOWHERE]).await;
        assert!(problem.detail.contains(FULL) && problem.reason == Reason::Auth, "{url}: {problem}");
    }
}

#[tokio::test]
async fn what_is_no_credentials_is_reported_without_it() {
    let web = Web::start(|_| reply(200, "{\"AccessKeyId\": \"t0ken\", \"SecretAccessKey\": 7}")).await;
    let problem = fails(&[(FULL, &web.url("/x"))]).await;
    assert!(problem.detail.contains("JSON of an unexpected form"), "{problem}");
    let problem = fails(&[(FULL, "http://127.0.0.1:1/x")]).await;
    assert!(problem.reason == Reason::Auth && problem.detail.contains("http://127.0.0.1:1/x: "), "{problem}");
}

/// Of the relative address, only the path is given: the host is that of ECS.
#[tokio::test]
async fn ecs_is_where_ecs_always_is() {
    let test = "kinds::s3::chain::container::ecs_is_where_ecs_always_is";
    if !inside(test, &address("169.254.170.2")) {
        return;
    }
    let agent = Web::start_at("169.254.170.2:80", |_| served(3600)).await;
    let s3 = store().await;
    let relative = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1b9e");
    // The relative address comes first.
    let mut subject = source(&s3.endpoint(), "", &[relative, (FULL, "http://127.0.0.1:1/x")]);
    for _ in 0..3 {
        assert_eq!(failure(&subject.probe().await.expect("an observation")), None);
    }
    let asked: Vec<_> = agent.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(asked, ["/v2/credentials/1b9e"], "credentials are kept while they are good");
}
