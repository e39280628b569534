//! What is wrong with a web configuration file is reported at once, before anything is served.

use std::fs;
use std::path::Path;

use super::{Files, check, run};

fn faults(files: &Files, web: &str) -> String {
    files.write("web.yml", web);
    let output = check(Path::new(&files.path("web.yml")));
    assert_eq!(output.status.code(), Some(1), "no faults in:\n{web}");
    let reported = String::from_utf8(output.stderr).unwrap();
    reported
        .replace(&files.path("web.yml"), "web.yml")
        .replace("platform_exporter: ", "")
        .trim_end()
        .to_owned()
}

#[test]
fn all_faults_are_reported_at_once() {
    let files = Files::new("");
    let reported = faults(
        &files,
        "\
tls_server_config:
  cert_file: absent.pem
  key_file: server.pem
  client_auth_type: RequireAndVerifyClientCerts
  client_ca_file: server.key
  min_version: TLS11
  max_version: TLS14
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_AES_128_GCM_SHA256]
  curve_preferences: [CurveP521]
  prefer_server_ciphers: true
http_server_config:
  http2: sometimes
  headers:
    X-Frame-Options: allow
    X-Content-Type-Options: sniff
    Server: none
basic_auth_users:
  alice: geheim
  bob: $2y$31$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG
rate_limit: {interval: often, burst: -1}
tls: {}
",
    );
    assert_eq!(
        reported,
        "\
web.yml:2:14: tls_server_config.cert_file: cannot read absent.pem: No such file or directory (os error 2)
web.yml:3:13: tls_server_config.key_file: expected a private key in PEM, without a passphrase
web.yml:4:21: tls_server_config.client_auth_type: expected one of NoClientCert, RequestClientCert, \
RequireAnyClientCert, RequireClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert, found \
`RequireAndVerifyClientCerts` (did you mean `RequireAndVerifyClientCert`?)
web.yml:5:19: tls_server_config.client_ca_file: expected certificates in PEM
web.yml:6:16: tls_server_config.min_version: TLS 1.0 and 1.1 are insecure and not supported: expected TLS12 or \
TLS13
web.yml:7:16: tls_server_config.max_version: expected TLS12 or TLS13, found `TLS14`
web.yml:8:19: tls_server_config.cipher_suites[0]: expected one of TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, \
TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, \
TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, \
TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, found \
`TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA` (did you mean `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`?)
web.yml:9:23: tls_server_config.curve_preferences[0]: expected one of X25519, CurveP256, CurveP384, found \
`CurveP521` (did you mean `CurveP256`?)
web.yml:10:3: tls_server_config.prefer_server_ciphers: unknown key (did you mean `prefer_server_cipher_suites`?)
web.yml:12:10: http_server_config.http2: expected true or false, found a string
web.yml:14:22: http_server_config.headers.X-Frame-Options: expected deny or sameorigin
web.yml:15:29: http_server_config.headers.X-Content-Type-Options: expected nosniff
web.yml:16:5: http_server_config.headers.Server: unknown key; expected one of Content-Security-Policy, \
X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security
web.yml:18:10: basic_auth_users.alice: expected a bcrypt hash, as printed by `htpasswd -nBC 10 \"\" | tr -d ':\\n'`
web.yml:19:8: basic_auth_users.bob: expected a bcrypt hash with a cost of 4 to 20
web.yml:20:24: rate_limit.interval: expected a duration such as 1s or 100ms, or 0 for no limit
web.yml:20:38: rate_limit.burst: expected a whole number, 0 or above
web.yml:21:1: tls: unknown key; expected one of tls_server_config, http_server_config, basic_auth_users, rate_limit"
    );
}

#[test]
fn what_belongs_together_is_asked_for() {
    let files = Files::new("");
    for (web, expected) in [
        (
            "tls_server_config: {key_file: server.key}",
            "web.yml:1:20: tls_server_config: the key `cert_file` is missing (or `cert`, with inline PEM)",
        ),
        (
            "tls_server_config: {min_version: TLS12}",
            "web.yml:1:20: tls_server_config: the key `cert_file` is missing (or `cert`, with inline PEM)\n\
             web.yml:1:20: tls_server_config: the key `key_file` is missing (or `key`, with inline PEM)",
        ),
        (
            "tls_server_config: {cert_file: server.pem, key_file: server.key, cert: x}",
            "web.yml:1:72: tls_server_config.cert: set either `cert` or `cert_file`, not both",
        ),
        (
            "tls_server_config: {cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem}",
            "web.yml:1:82: tls_server_config.client_ca_file: it has no effect without `client_auth_type: \
             RequireAndVerifyClientCert`",
        ),
        (
            "tls_server_config: {cert_file: server.pem, key_file: server.key, client_auth_type: VerifyClientCertIfGiven}",
            "web.yml:1:84: tls_server_config.client_auth_type: it needs `client_ca_file`, or `client_ca` with inline \
             PEM",
        ),
        (
            "tls_server_config: {cert_file: server.pem, key_file: server.key, min_version: TLS13, max_version: TLS12}",
            "web.yml:1:79: tls_server_config.min_version: expected at most `max_version`",
        ),
        (
            "tls_server_config: {cert_file: ca.pem, key_file: server.key}",
            "web.yml:1:50: tls_server_config.key_file: the key does not match the certificate",
        ),
        (
            "rate_limit: {interval: 1s}",
            "web.yml:1:13: rate_limit: expected a `burst` of at least 1: without it, every request is rejected",
        ),
        (
            "basic_auth_users: {'c:d': $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG}",
            "web.yml:1:19: basic_auth_users: `c:d` cannot sign in: a user name cannot contain a colon",
        ),
        (
            "rate_limit: {interval: [1s], burst: 1}",
            "web.yml:1:24: rate_limit.interval: expected a duration such as 1s or 100ms, or 0 for no limit",
        ),
        ("basic_auth_users: [alice]", "web.yml:1:19: basic_auth_users: expected a map, found a list"),
        ("tls_server_config: yes", "web.yml:1:20: tls_server_config: expected a map"),
    ] {
        assert_eq!(faults(&files, web), expected, "{web}");
    }
}

#[test]
fn both_files_are_checked_together() {
    let files = Files::new("tls: {}\n");
    files.write("platform.yml", "sorces: {}\n");
    let (config, web) = (files.path("platform.yml"), files.path("web.yml"));
    for command in [&["check"][..], &[]] {
        let output = run(&[command, &["--config.file", &config, "--web.config.file", &web]].concat());
        let reported = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            reported.contains("platform.yml:1:1: sorces:") && reported.contains("web.yml:1:1: tls:"),
            "{reported}"
        );
    }
    let output = run(&["check", "--config.file", &config, "--web.config.file", "/absent.yml"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot read /absent.yml"));
}

/// The file that shows every key is one that is accepted, and so is what exporter-toolkit accepts.
#[test]
fn the_example_is_accepted() {
    let files = Files::new("");
    let example = testkit::root().join("examples/web/web.yml");
    let example = fs::read_to_string(example).unwrap();
    for web in ["", "{}", "tls_server_config:\nbasic_auth_users: {}\n", "rate_limit: {interval: 0}", &example]
    {
        files.write("web.yml", web);
        let output = check(Path::new(&files.path("web.yml")));
        assert!(output.status.success(), "{web}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8(output.stdout).unwrap().contains("web.yml: no errors"));
    }
    for key in [
        "cert_file",
        "key_file",
        "cert:",
        "key:",
        "client_auth_type",
        "client_ca_file",
        "client_ca:",
        "min_version",
        "client_allowed_sans",
        "max_version",
        "cipher_suites",
        "prefer_server_cipher_suites",
        "curve_preferences",
        "http2",
        "headers",
        "basic_auth_users",
        "interval",
        "burst",
    ] {
        assert!(example.contains(key), "examples/web/web.yml does not show {key}");
    }
}
