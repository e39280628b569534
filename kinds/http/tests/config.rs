use platform_exporter::registry::Kind;

use testkit::subject::{config, source};

fn faults(yaml: &str) -> String {
    config(yaml).expect_err("it is wrong").to_string()
}

#[test]
fn a_url_is_enough() {
    let config = config("http: {url: https://example.test/health}").expect("it is right");
    assert_eq!(config.kind(), Kind::Http);
    assert_eq!(config.definition().target(), "https://example.test/health");
}

#[test]
fn what_is_wrong_is_reported_with_what_was_expected() {
    let cases = [
        ("http: {url: 'ftp://files.test/'}", "http:// or https://"),
        ("http: {url: 'no url'}", "as in https://shop.example.com/health"),
        ("http: {url: 'http://a.test', method: 'G T'}", "a method such as GET"),
        ("http: {url: 'http://a.test', expect: {status: [2xy]}}", "expected a status code such as 204"),
        ("http: {url: 'http://a.test', expect: {status: [99]}}", "expected a status code such as 204"),
        ("http: {url: 'http://a.test', expect: {status: 200}}", "expected a list"),
        ("http: {url: 'http://a.test', expect: {body: '(a'}}", "unclosed group"),
        ("http: {url: 'http://a.test', method: HEAD, expect: {body: a}}", "use `method: GET`"),
        ("http: {url: 'http://a.test', basic_auth: {username: a}}", "`password_file`"),
        ("http: {url: 'http://a.test', basic_auth: {username: a, password: b}, bearer_token: c}", "either"),
        ("http: {url: 'http://a.test', bearer_token: a, bearer_token_file: b}", "not both"),
        ("http: {url: 'http://a.test', headers: {'a b': c}}", "is not a valid header name"),
        ("http: {url: 'http://a.test', headers: {Content-Length: '3'}}", "remove it"),
        ("http: {url: 'http://a.test', folow_redirects: false}", "follow_redirects"),
    ];
    for (yaml, words) in cases {
        let faults = faults(yaml);
        assert!(faults.contains(words), "{yaml}: {faults}");
    }
}

#[test]
fn faults_hold_no_secret() {
    let cases = [
        "http: {url: 'ftp://user:s3cr3t@files.test/'}",
        "http: {url: 'http://a.test', headers: {X-Key: \"s3cr3t\\n\"}}",
        "http: {url: 'http://a.test', basic_auth: {username: a, password: s3cr3t}, bearer_token: s3cr3t}",
        "http: {url: 'http://a.test:s3cr3t'}",
    ];
    for yaml in cases {
        let faults = faults(yaml);
        assert!(!faults.contains("s3cr3t"), "{faults}");
    }
}

#[tokio::test]
async fn nothing_shows_a_secret() {
    let yaml = "http: {url: 'http://user:s3cr3t@127.0.0.1:1/?token=s3cr3t', headers: {X-Key: s3cr3t}, \
                body: s3cr3t, bearer_token: s3cr3t}";
    let config = config(yaml).expect("it is right");
    let problem = source(yaml).probe().await.expect_err("nobody listens");
    let shown = format!("{config:?} {} {problem:?} {problem}", config.definition().target());
    assert!(!shown.contains("s3cr3t"), "{shown}");
}
