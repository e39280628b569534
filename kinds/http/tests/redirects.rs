use platform_core::probe::Reason;

use super::{code, observe, ok, plain, reason};
use testkit::web::{Web, reply, with};

/// `/` leads to `/a`, that to `/b`, which answers.
async fn chain(status: u16) -> Web {
    Web::start(move |asked| match asked.path.as_str() {
        "/" => with(reply(status, "moved"), "location", "/a?x=1"),
        "/a?x=1" => with(reply(status, "moved"), "location", "b"),
        _ => ok(),
    })
    .await
}

#[tokio::test]
async fn are_followed_and_counted() {
    for status in [301, 302, 303, 307, 308] {
        let web = chain(status).await;
        let observation = observe(&web.url("/"), "headers: {X-Api-Key: abc}").await;
        assert_eq!((code(&observation), reason(&observation)), (Some(200.0), None), "{status}");
        assert_eq!(plain(&observation, "probe_http_redirects"), Some(2.0));
        let paths: Vec<_> = web.asked().into_iter().map(|asked| (asked.path.clone(), asked)).collect();
        assert_eq!(paths.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["/", "/a?x=1", "/b"]);
        assert!(paths.iter().all(|(_, asked)| asked.header("x-api-key") == "abc"));
    }
}

#[tokio::test]
async fn are_the_answer_when_not_followed() {
    let web = chain(302).await;
    let observation = observe(&web.url("/"), "follow_redirects: false, expect: {status: [302]}").await;
    assert_eq!((code(&observation), reason(&observation)), (Some(302.0), None));
    assert_eq!(web.asked().len(), 1);
}

#[tokio::test]
async fn change_the_method_as_browsers_do() {
    for (status, method, body) in [(302, "GET", ""), (303, "GET", ""), (307, "POST", "x"), (308, "POST", "x")]
    {
        let web = chain(status).await;
        observe(&web.url("/"), "method: POST, body: x").await;
        let last = web.asked().pop().expect("it was asked");
        assert_eq!((last.method.as_str(), &last.body[..]), (method, body.as_bytes()), "{status}");
    }
}

#[tokio::test]
async fn in_a_loop_end() {
    let web = Web::start(|_| with(reply(302, ""), "location", "/again")).await;
    let observation = observe(&web.url("/"), "").await;
    assert_eq!(reason(&observation), Some(Reason::Protocol));
    assert_eq!(code(&observation), Some(302.0));
    assert_eq!(plain(&observation, "probe_http_redirects"), Some(10.0));
    assert_eq!(web.asked().len(), 11);
}

#[tokio::test]
async fn to_elsewhere_carry_no_secrets() {
    let elsewhere = Web::start(|_| ok()).await;
    let target = elsewhere.url("/");
    let web = Web::start(move |_| with(reply(307, ""), "location", &target)).await;
    let keys = "method: POST, body: s3cr3t, headers: {X-Api-Key: s3cr3t}, bearer_token: s3cr3t";
    observe(&web.url("/"), keys).await;
    let first = web.asked().remove(0);
    assert_eq!(first.header("authorization"), "Bearer s3cr3t");
    let second = format!("{:?}", elsewhere.asked());
    assert!(!second.is_empty() && !second.contains("s3cr3t"), "{second}");
}

#[tokio::test]
async fn to_what_is_not_http_fail_without_its_url() {
    let web = Web::start(|_| with(reply(302, ""), "location", "ftp://user:s3cr3t@files.test/")).await;
    let observation = observe(&web.url("/"), "").await;
    assert_eq!(reason(&observation), Some(Reason::Protocol));
    assert!(!format!("{observation:?}").contains("s3cr3t"));
}
