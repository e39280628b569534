//! Passwords in mistyped URLs: refused, or used as meant, and never shown.

use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use testkit::exporter::{Exporter, binary};
use testkit::subject::config;
use testkit::wait::eventually;

const SECRET: &str = "Kq9planted";

/// What people make of `SCHEME://admin:PASSWORD@127.0.0.1:1/1`.
const MISTYPED: [&str; 30] = [
    "{s}://admin:7/{p}@127.0.0.1:1/1",
    "{s}://admin:7/{p}@127.0.0.1:1/1?a=b",
    "{s}://admin:{p}/x@127.0.0.1:1/1",
    "{s}://admin:7?{p}@127.0.0.1:1/1",
    "{s}://admin:7#{p}@127.0.0.1:1/1",
    "{s}://admin:7\\{p}@127.0.0.1:1/1",
    "{s}://admin:{p}%40127.0.0.1:1/1",
    "{s}://admin%3A{p}%40127.0.0.1:1/1",
    "{s}://admin:{p}:7@127.0.0.1:1/1",
    "{s}://admin:{p}@@127.0.0.1:1/1",
    "{s}://admin:7@{p}@127.0.0.1:1/1",
    "{s}://admin:{p}%zz@127.0.0.1:1/1",
    "{s}://admin:{p}%@127.0.0.1:1/1",
    "{s}:/admin:{p}@127.0.0.1:1/1",
    "{s}:admin:{p}@127.0.0.1:1/1",
    "{s}//admin:{p}@127.0.0.1:1/1",
    "admin:{p}@127.0.0.1:1/1",
    "{s}:///admin:{p}@127.0.0.1:1/1",
    "{s}:////admin:{p}@127.0.0.1:1/1",
    "{s}://{p}@127.0.0.1:1/1",
    "{s}://:{p}@127.0.0.1:1/1",
    "{s}://admin:{p}@127.0.0.1:99999/1",
    "{s}://admin:{p} @127.0.0.1:1/1",
    "{s}://admin:{p}@/1",
    "{s}://admin:{p}@[::1/1",
    "{s}://admin:{p}127.0.0.1:1/1",
    "{s}://admin:{p},127.0.0.1:1/1",
    "{s}://127.0.0.1:1/1?password={p}",
    "{s}://127.0.0.1:1/1?{p}",
    "wrong://admin:{p}@127.0.0.1:1/1",
];

/// Everything that takes a URL: its scheme, and a source with it.
const TAKERS: [(&str, &str); 9] = [
    ("postgres", "{postgres: {url: 'URL'}"),
    ("mongodb", "{mongodb: {url: 'URL'}"),
    ("redis", "{redis: {url: 'URL'}"),
    ("redis", "{redis: {sentinel: {master: m, urls: ['URL']}}"),
    ("amqp", "{rabbitmq: {url: 'URL'}"),
    ("http", "{rabbitmq: {url: 'amqp://u:p@127.0.0.1:1', management_url: 'URL'}"),
    ("http", "{http: {url: 'URL'}"),
    ("http", "{stripe: {api_key: rk_live_1, api_base: 'URL'}"),
    ("http", "{s3: {bucket: b, access_key_id: a, secret_access_key: b, endpoint: 'URL'}"),
];

#[tokio::test]
async fn no_mistyped_url_shows_its_password() {
    let (mut good, mut bad) = (String::from("sources:\n"), String::from("sources:\n"));
    for (taker, (scheme, source)) in TAKERS.into_iter().enumerate() {
        for (index, url) in MISTYPED.into_iter().enumerate() {
            let source = source.replace("URL", &url.replace("{s}", scheme).replace("{p}", SECRET));
            let message = match config(&format!("{source}}}")) {
                Ok(config) => {
                    writeln!(good, "  s{taker}_{index}: {source}, interval: 1s}}").unwrap();
                    config.definition().target()
                }
                Err(faults) => {
                    writeln!(bad, "  s{taker}_{index}: {source}}}").unwrap();
                    faults.to_string()
                }
            };
            assert!(!message.contains(SECRET), "{source}: {message}");
            assert!(index > 5 || message.contains("%2F"), "{source}: {message}");
        }
    }
    let exporter = Exporter::options(&good).argument("--log.level=debug").start().await;
    eventually(Duration::from_secs(20), "every source has been probed", async || {
        exporter.get("/-/ready").await.contains("is ready")
    })
    .await;
    let mut outputs = vec![exporter.log()];
    for path in ["/", "/metrics", "/sd", "/probe?source=s0_19"] {
        outputs.push(exporter.get(path).await);
    }
    std::fs::write(exporter.directory().join("bad.yml"), &bad).unwrap();
    for (file, arguments) in
        [("platform.yml", &["check", "--live"][..]), ("bad.yml", &["check"]), ("bad.yml", &[])]
    {
        let output = Command::new(binary())
            .args(arguments)
            .arg("--config.file")
            .arg(exporter.directory().join(file))
            .output()
            .unwrap();
        outputs.push(String::from_utf8_lossy(&output.stdout).into_owned());
        outputs.push(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    for output in outputs {
        assert!(!output.contains(SECRET), "{output}");
    }
}
