//! Every kind of file that the exporter reads, replaced by one that hangs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{PATIENCE, answers, hang};
use crate::server::web::{Files, SOURCES, TLS};
use testkit::exporter::{Exporter, binary};
use testkit::http;
use testkit::tls::Ca;
use testkit::wait::eventually;
use testkit::web::{Web, reply};

fn write(directory: &Path, name: &str, content: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, content).unwrap();
    path.display().to_string()
}

async fn probes(exporter: &Exporter, source: &str) -> f64 {
    let series = format!("platform_probes_total{{source=\"{source}\",kind=\"http\"}}");
    exporter.value(&series).await.unwrap_or_default()
}

/// Sources whose secret or certificate is a file that hangs, by name: each with its kind.
fn sources(directory: &Path, ca: &str, listening: &str) -> Vec<(&'static str, String)> {
    let file = |name: &str| {
        let path = directory.join(name);
        hang(&path);
        path.display().to_string()
    };
    vec![
        (
            "postgres_password",
            format!("postgres: {{url: 'postgres://u@{listening}/db', password_file: {}}}", file("pg")),
        ),
        (
            "postgres_ca",
            format!("postgres: {{url: 'postgres://u@{listening}/db', tls: {{ca_file: {}}}}}", file("pg-ca")),
        ),
        (
            "postgres_key",
            format!(
                "postgres: {{url: 'postgres://u@{listening}/db', tls: {{cert_file: {ca}, key_file: {}}}}}",
                file("pg-key")
            ),
        ),
        (
            "mongodb_password",
            format!("mongodb: {{url: 'mongodb://u@{listening}', password_file: {}}}", file("mongo")),
        ),
        (
            "mongodb_ca",
            format!("mongodb: {{url: 'mongodb://{listening}', tls: {{ca_file: {}}}}}", file("mongo-ca")),
        ),
        (
            "redis_ca",
            format!("redis: {{url: 'rediss://{listening}', tls: {{ca_file: {}}}}}", file("redis-ca")),
        ),
        (
            "rabbitmq_password",
            format!("rabbitmq: {{url: 'amqp://u@{listening}', password_file: {}}}", file("amqp")),
        ),
        (
            "stripe_key",
            format!("stripe: {{api_base: 'http://{listening}', api_key_file: {}}}", file("stripe")),
        ),
        (
            "s3_key",
            format!(
                "s3: {{bucket: b, endpoint: 'http://{listening}', access_key_id: A, secret_access_key_file: {}}}",
                file("s3")
            ),
        ),
        (
            "http_password",
            format!(
                "http: {{url: 'http://{listening}/', basic_auth: {{username: u, password_file: {}}}}}",
                file("http")
            ),
        ),
        ("http_ca", format!("http: {{url: 'https://{listening}/', tls: {{ca_file: {}}}}}", file("http-ca"))),
    ]
}

#[tokio::test]
async fn that_hang_stop_nobody_else() {
    let directory = TempDir::new().unwrap();
    let (page, silent) = tokio::join!(Web::start(|_| reply(200, "fine")), TcpListener::bind("127.0.0.1:0"));
    let silent = silent.unwrap();
    let ca = Ca::generate();
    let hung = sources(
        directory.path(),
        &ca.certificate().display().to_string(),
        &silent.local_addr().unwrap().to_string(),
    );
    let token = directory.path().join("token");
    hang(&token);
    let mut config = format!(
        "sources:\n  witness: {{http: {{url: '{}'}}, interval: 1s}}\n  crons: {{workers: {{classes: {{backup: {{push: \
         true, token_file: {}, interval: 1h}}}}}}}}\n",
        page.url("/"),
        token.display()
    );
    for (name, kind) in &hung {
        config += &format!("  {name}: {{{kind}, interval: 4s, timeout: 4s}}\n");
    }
    let mut exporter = Exporter::start(&config).await;
    for (name, kind) in &hung {
        let kind = kind.split(':').next().unwrap();
        let series =
            format!("platform_source_problem{{source=\"{name}\",kind=\"{kind}\",reason=\"timeout\"}}");
        exporter.wait_for(&series, 1.0, PATIENCE).await;
    }
    // Whoever knows no token may knock as often as he likes: the file is read by one thread.
    let knocks = (0..40).map(async |_| {
        let push = http::client().post(exporter.url("/heartbeat/backup/host")).bearer_auth("guess").send();
        push.await.expect("the exporter answers").status().as_u16()
    });
    let statuses: BTreeSet<_> = futures_util::future::join_all(knocks).await.into_iter().collect();
    assert_eq!(statuses, BTreeSet::from([500]));
    let before = probes(&exporter, "witness").await;
    eventually(PATIENCE, "the witness is probed on", async || {
        probes(&exporter, "witness").await >= before + 3.0
    })
    .await;
    answers(&exporter).await;
    let log = exporter.log();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let file = entry.unwrap().path().display().to_string();
        assert!(log.contains(&file), "the log does not name {file}:\n{log}");
    }
    let threads = fs::read_dir(format!("/proc/{}/task", exporter.process().pid())).unwrap().count();
    assert!(threads < 60, "{threads} threads for {} files that hang", hung.len() + 1);
    kill(exporter.process().pid(), Signal::SIGTERM).unwrap();
    assert_eq!(exporter.process().ended(Duration::from_secs(10)).await.code(), Some(0));
}

#[tokio::test]
async fn that_hang_later_are_their_sources_problem_until_they_answer_again() {
    let directory = TempDir::new().unwrap();
    let page = Web::start(|_| reply(200, "fine")).await;
    let password = write(directory.path(), "password", "geheim");
    let config = format!(
        "sources:\n  page: {{http: {{url: '{0}', basic_auth: {{username: u, password_file: {password}}}}}, interval: \
         1s}}\n  witness: {{http: {{url: '{0}'}}, interval: 1s}}\n",
        page.url("/")
    );
    let exporter = Exporter::start(&config).await;
    let up = "platform_source_up{source=\"page\",kind=\"http\"}";
    exporter.wait_for(up, 1.0, PATIENCE).await;
    hang(Path::new(&password));
    exporter
        .wait_for("platform_source_problem{source=\"page\",kind=\"http\",reason=\"timeout\"}", 1.0, PATIENCE)
        .await;
    let before = probes(&exporter, "witness").await;
    eventually(PATIENCE, "the witness is probed on", async || {
        probes(&exporter, "witness").await >= before + 3.0
    })
    .await;
    let log = exporter.log();
    assert_eq!(log.matches("event=file.hangs").count(), 1, "{log}");
    // The mount is back: what hung ends, and the next probe reads the file that is there now.
    fs::OpenOptions::new().write(true).open(&password).unwrap();
    fs::remove_file(&password).unwrap();
    write(directory.path(), "password", "geheim");
    exporter.wait_for(up, 1.0, PATIENCE).await;
}

#[tokio::test]
async fn of_the_web_configuration_that_hang_leave_what_was_loaded() {
    let site = Files::new(TLS).serve_with(SOURCES).await;
    assert_eq!(site.status(site.client(), "/metrics").await, Ok(200));
    hang(Path::new(&site.files.path("server.pem")));
    for _ in 0..5 {
        let started = Instant::now();
        assert_eq!(site.status(site.client(), "/metrics").await, Ok(200));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }
    eventually(PATIENCE, "the log names the file", async || {
        let log = site.exporter.log();
        log.contains("event=file.hangs") && log.contains(&site.files.path("server.pem"))
    })
    .await;
}

#[tokio::test]
async fn of_the_configuration_that_hang_refuse_a_reload_and_a_start() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("platform.yml");
    fs::write(&path, SOURCES).unwrap();
    let exporter = Exporter::options("").config_file(&path).start().await;
    hang(&path);
    let reload = http::client().post(exporter.url("/-/reload")).send();
    let started = async {
        let path = path.clone();
        let run = move || Command::new(binary()).arg("check").arg("--config.file").arg(path).output();
        tokio::task::spawn_blocking(run).await.unwrap().unwrap()
    };
    let (reload, checked) = tokio::join!(reload, started);
    let reload = reload.unwrap();
    assert_eq!(reload.status().as_u16(), 500);
    let message = reload.text().await.unwrap();
    let checked = String::from_utf8(checked.stderr).unwrap();
    for message in [message, checked] {
        assert!(message.contains("platform.yml: the file system does not answer"), "{message}");
    }
    answers(&exporter).await;
    assert_eq!(exporter.value("platform_config_last_reload_successful").await, Some(0.0));
    fs::OpenOptions::new().write(true).open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, SOURCES).unwrap();
    eventually(PATIENCE, "the configuration can be read again", async || {
        let reload = http::client().post(exporter.url("/-/reload")).send().await.unwrap();
        reload.status().as_u16() == 200
    })
    .await;
}

/// Standard error is a file, too: a pipe whose reader has stopped must stop nobody else.
#[tokio::test]
async fn of_the_log_that_hang_stop_nobody() {
    let directory = TempDir::new().unwrap();
    let wrapper = directory.path().join("with-a-deaf-log");
    // `sleep` holds the reading end of the pipe, and never reads.
    let script = format!("#!/bin/bash\nexec 2> >(exec sleep 1000)\nexec '{}' \"$@\"\n", binary().display());
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let page = Web::start(|_| reply(200, "fine")).await;
    let config = format!("sources: {{witness: {{http: {{url: '{}'}}, interval: 1s}}}}\n", page.url("/"));
    let exporter = Exporter::options(&config).binary(&wrapper).argument("--web.access-log").start().await;
    // Some 150 bytes a line: a pipe holds 64 KiB.
    for _ in 0..2_000 {
        assert_eq!(exporter.get("/-/healthy").await, "platform_exporter is healthy.\n");
    }
    let before = probes(&exporter, "witness").await;
    eventually(PATIENCE, "the witness is probed on", async || {
        probes(&exporter, "witness").await >= before + 2.0
    })
    .await;
}
