//! The keys of a source, and its URL.

use testkit::subject::config;

fn target(yaml: &str) -> String {
    config(yaml).unwrap_or_else(|faults| panic!("{faults}")).definition().target()
}

fn faults(yaml: &str) -> String {
    config(yaml).expect_err("a fault").to_string()
}

#[test]
fn takes_the_urls_that_applications_have() {
    for (url, expected) in [
        ("postgres://localhost", "postgres://localhost:5432/postgres"),
        ("postgresql://u:p@db.example.com:6432/shop", "postgres://db.example.com:6432/shop"),
        ("postgres://u:p%40%2F%23%3F@db/my%20shop?sslmode=require", "postgres://db:5432/my shop"),
        ("postgres://u:p@[::1]:5433/shop", "postgres://[::1]:5433/shop"),
        ("postgres://u@db/shop?schema=public&connection_limit=5&pool_timeout=0", "postgres://db:5432/shop"),
        ("postgresql:///shop?host=/run/postgresql&user=u", "postgres:///run/postgresql:5432/shop"),
        ("postgresql://u:p@/shop?host=/cloudsql/a:b:c&port=5433", "postgres:///cloudsql/a:b:c:5433/shop"),
        ("postgres://db/?dbname=shop&user=u&password=a%40b", "postgres://db:5432/shop"),
        ("postgres://db/?dbname=a%40b", "postgres://db:5432/a%40b"),
        (
            "postgres://db/?sslmode=require&channel_binding=prefer&target_session_attrs=any",
            "postgres://db:5432/postgres",
        ),
        (
            "postgres://db/?application_name=a&connect_timeout=3&keepalives=1&pool=5",
            "postgres://db:5432/postgres",
        ),
        (
            "postgres://db/?ssl_min_protocol_version=TLSv1.2&ssl=false&anything=else",
            "postgres://db:5432/postgres",
        ),
    ] {
        assert_eq!(target(&format!("postgres: {{url: '{url}'}}")), expected, "{url}");
    }
}

#[test]
fn says_what_is_wrong_and_never_the_secret() {
    for (keys, expected) in [
        ("{}", "the key `url` is missing"),
        ("{url: 'mysql://u:hunter2@db/shop'}", "expected a URL that starts with postgres://"),
        ("{url: 'postgres://u:hunter2#@db/shop'}", "percent-encode"),
        ("{url: 'postgres://u:hunter2@a:1,b:2/shop'}", "with one host"),
        ("{url: 'postgres://u:hunter2@a,b/shop'}", "expected one host"),
        ("{url: 'postgres://u:hunter2@db/shop?sslmode=on'}", "expected sslmode to be one of"),
        ("{url: 'postgres://u:hunter2@db/shop?port=x'}", "expected a number after `port=`"),
        ("{url: 'postgres://db?sslrootcert=ca.pem'}", "set it under the key `tls`: ca_file"),
        ("{url: 'postgres://db?ssl_mode=verify-full'}", "did you mean `sslmode`?"),
        ("{url: 'postgres://db?ssl=true'}", "sslmode=verify-full"),
        ("{url: 'postgres://db?channel_binding=require'}", "`channel_binding` of the URL is not supported"),
        ("{url: 'postgres://db?require_auth=hunter2'}", "`require_auth` of the URL is not supported"),
        ("{url: 'postgres://db?options=-csearch_path%3Dapp'}", "ALTER ROLE"),
        (
            "{url: 'postgres://db?sslmode=disable', tls: {ca_file: ca.pem}}",
            "`tls.ca_file` needs sslmode=verify-full",
        ),
        ("{url: 'postgres://db', tls: {cert_file: c.pem}}", "belong together"),
        (
            "{url: 'postgres://db?sslmode=verify-ca', tls: {ca_file: ca.pem, server_name: db.internal}}",
            "`tls.server_name` needs sslmode=verify-full",
        ),
        ("{url: 'postgres://db', tls: {server_name: '*'}}", "a DNS name"),
        ("{url: 'postgres://db', password: hunter2, password_file: p}", "not both"),
        ("{url: 'postgres://db', top_tables: 0}", "expected `top_tables` from 1 to 10000, or `all`"),
        ("{url: 'postgres://db', toptables: 5}", "unknown key"),
        ("{url: 'postgres://db', databases: shop}", "postgres.databases: expected a list"),
        ("{url: 'postgres://db', databases: [a, b, a]}", "the database `a` is listed twice"),
        ("{url: 'postgres://db', databases: ['']}", "expected the name of a database"),
        ("{url: 'postgres://db/app', databases: [app]}", "the database of the URL, which is always read"),
        ("{url: 'postgres://db', databases: [postgres]}", "the database of the URL, which is always read"),
        (
            "{url: 'postgres://db', databases: [a, b, c, d, e, f, g, h, i, j, k]}",
            "postgres.databases: expected at most 10 databases, each of which takes a connection; found 11",
        ),
    ] {
        let faults = faults(&format!("postgres: {keys}"));
        assert!(faults.contains(expected), "{keys}: {faults}");
        assert!(!faults.contains("hunter2"), "{faults}");
    }
}

#[test]
fn is_not_printed_with_its_secrets() {
    let yaml = "postgres: {url: 'postgres://u:hunter2@db/shop?password=hunter2', password: hunter2}";
    let config = config(yaml).expect("it is good");
    let printed = format!("{config:?} {}", config.definition().target());
    assert!(printed.contains("db") && !printed.contains("hunter2"), "{printed}");
}
