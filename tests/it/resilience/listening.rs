//! Listening on every address, and the health check, with and without IPv6.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use testkit::exporter::binary;
use testkit::namespace::inside;

const CONFIG: &str = "sources: {page: {http: {url: http://127.0.0.1:1/}}}\n";

/// Starts the exporter with these arguments, waits until `healthcheck` without any is content, and asks on an address.
fn is_healthy(arguments: &str, ask: &str) {
    let directory = TempDir::new().unwrap();
    let config = directory.path().join("platform.yml");
    fs::write(&config, CONFIG).unwrap();
    let script = format!(
        "\"$0\" --config.file={} {arguments} & pid=$!; for i in $(seq 600); do \
           if \"$0\" healthcheck 2>/dev/null; then curl --silent --fail --noproxy '*' http://{ask}/-/healthy; \
           code=$?; kill $pid; exit $code; fi; sleep 0.05; done; \"$0\" healthcheck; kill $pid; exit 1",
        config.display()
    );
    let output = Command::new("sh").args(["-c", &script]).arg(binary()).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {message}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "platform_exporter is healthy.", "{message}");
}

#[tokio::test]
async fn works_without_ipv6() {
    let disable = "for i in all default lo; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done";
    if inside("resilience::listening::works_without_ipv6", disable) {
        is_healthy("", "127.0.0.1:9884");
        is_healthy("--web.listen-address=:9885", "127.0.0.1:9885");
    }
}

#[tokio::test]
async fn on_every_address_is_on_those_of_both_families() {
    let only = "echo 1 >/proc/sys/net/ipv6/bindv6only";
    if inside("resilience::listening::on_every_address_is_on_those_of_both_families", only) {
        is_healthy("", "127.0.0.1:9884");
        is_healthy("--web.listen-address=:9885", "[::1]:9885");
        is_healthy("--web.listen-address=127.0.0.1:9886", "127.0.0.1:9886");
    }
}
