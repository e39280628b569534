//! What a configuration may say.

use testkit::subject::config;

fn accepts(content: &str) -> String {
    let config = config(&format!("rabbitmq: {{{content}}}")).unwrap_or_else(|faults| panic!("{faults}"));
    config.definition().target()
}

fn refuses(content: &str) -> String {
    let faults = config(&format!("rabbitmq: {{{content}}}")).expect_err("it is wrong").to_string();
    assert!(!faults.contains("s3cret"), "{faults}");
    faults
}

#[test]
fn a_url_is_enough() {
    assert_eq!(accepts("url: amqp://localhost"), "amqp://localhost");
    assert_eq!(
        accepts("url: 'amqps://u:s3cret@broker.internal:5671/shop'"),
        "amqps://broker.internal:5671/shop"
    );
    accepts("url: 'amqp://[::1]/', consumers_expected: true, queues: [a, b]");
    accepts(
        "url: amqp://h, management_url: 'https://m/rabbit/', queue_filter: {exclude: '^amq\\.'}, max_queues: 5",
    );
}

#[test]
fn faults_say_what_was_expected() {
    for (content, expected) in [
        ("queues: [a]", "url"),
        ("url: 'http://u:s3cret@localhost'", "amqp://USER:PASSWORD@HOST:5672/VHOST"),
        ("url: 'amqp://u:s3cret#@localhost'", "percent-encode"),
        ("url: 'amqps://h?verify=verify_none'", "the certificate is always verified"),
        ("url: 'amqps://h?cacertfile=a'", "under the key `tls`"),
        ("url: 'amqp://h?auth_mecanism=external'", "did you mean `auth_mechanism`?"),
        ("url: amqp://h, management_url: 'amqp://u:s3cret@h'", "http://HOST:15672"),
        ("url: amqp://h, queue_filter: {include: a}", "add `management_url`"),
        (
            "url: amqp://h, management_url: 'http://h', queue_filter: {include: '('}",
            "expected a regular expression",
        ),
        ("url: amqp://h, management_url: 'http://h', queue_filter: {only: a}", "include, exclude"),
        ("url: amqp://h, consumers_expected: {only: a}", "include"),
        ("url: amqp://h, consumers_expected: sometimes", "true, false, or {include: PATTERN"),
        ("url: amqp://h, queues: [b, a, b]", "queue b is listed twice"),
        ("url: amqp://h, max_queues: 0", "max_queues"),
        ("url: amqp://h, password: s3cret, password_file: /f", "set either `password` or `password_file`"),
    ] {
        let faults = refuses(content);
        assert!(faults.contains(expected), "{content}: {faults}");
    }
}
