use testkit::subject::config;

#[test]
fn a_url_alone_will_do() {
    for url in [
        "redis://localhost",
        "redis://localhost:6380/3",
        "rediss://user:pa%2Fss@cache.example.com",
        "redis+unix:///run/redis/redis.sock",
        "valkey://localhost",
    ] {
        config(&format!("redis: {{url: '{url}'}}")).unwrap_or_else(|faults| panic!("{url}: {faults}"));
    }
}

#[test]
fn the_target_is_for_people() {
    let target = |yaml: &str| config(yaml).expect("it is well formed").definition().target();
    assert_eq!(target("redis: {url: 'redis://u:s3cret@cache:6380/2'}"), "redis://cache:6380/2");
    assert_eq!(
        target("redis: {sentinel: {master: main, urls: ['redis://u:s3cret@a:1', 'redis://b:2']}}"),
        "master main of redis://a:1, redis://b:2"
    );
}

#[test]
fn faults_say_what_was_expected_and_repeat_no_secret() {
    for (content, expected) in [
        ("url: 'http://u:s3cret@localhost'", "redis://host:6379/0"),
        ("url: 'redis://u:s3cret#@localhost'", "percent-encode"),
        ("url: 'redis://localhost?ssl_cert_reqs=required'", "rediss://"),
        ("url: 'rediss://localhost?ssl_cert_reqs=none'", "the certificate is always verified"),
        ("url: 'redis://localhost?db=3'", "redis://host/3"),
        ("url: 'redis://localhost?protocl=3'", "did you mean `protocol`?"),
        ("url: 'redis://u:s3cret@localhost/zero'", "redis://host:6379/0"),
        ("url: 'rediss://u:s3cret@localhost/#insecure'", "ca_file"),
        ("username: a", "either `url`"),
        ("url: 'redis://localhost', sentinel: {master: m, urls: ['redis://a']}", "either `url`"),
        ("sentinel: {master: m, urls: []}", "at least one URL"),
        ("sentinel: {master: m, urls: ['redis://u:s3cret#@a']}", "sentinel.urls"),
        ("sentinel: {master: m, urls: ['redis://a']}, cluster: true", "either `sentinel` or `cluster`"),
        ("url: 'redis://localhost/1', cluster: true", "only database 0"),
        ("url: 'redis://localhost', database: -1", "0 or above"),
        ("url: 'redis://localhost', tls: {ca_file: ca.pem}", "rediss://"),
        ("url: 'redis://localhost', username: a", "`password_file`"),
        ("url: 'redis://localhost', password: s3cret, password_file: f", "not both"),
        ("url: 'redis://localhost', keys: [{name: a}, {name: a}]", "listed twice"),
        ("url: 'redis://localhost', key: []", "unknown key"),
    ] {
        let faults = config(&format!("redis: {{{content}}}")).expect_err(content).to_string();
        assert!(faults.contains(expected), "{content}: {faults}");
        assert!(!faults.contains("s3cret"), "{faults}");
    }
}
