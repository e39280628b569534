//! Users and passwords, and what they have to do with heartbeats.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{Files, Site, TLS, hash, run};
use testkit::http;
use testkit::prometheus::Prometheus;
use testkit::wait::until;

const PASSWORD: &str = "planted-password";
const TOKEN: &str = "planted-token";

fn users() -> String {
    format!("basic_auth_users:\n  alice: {}\n  bob: {}\n", hash(PASSWORD), hash("other"))
}

#[tokio::test]
async fn every_path_wants_the_password() {
    let site = Site::start(&format!("{TLS}{}", users())).await;
    let client = site.client();
    for path in ["/", "/metrics", "/probe?source=page", "/-/healthy", "/-/ready", "/nowhere"] {
        let response = client.get(site.url(path)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 401, "{path}");
        assert!(response.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "), "{path}");
    }
    for (user, password, status) in [
        ("alice", PASSWORD, 200),
        ("alice", PASSWORD, 200),
        ("bob", "other", 200),
        ("alice", "other", 401),
        ("bob", PASSWORD, 401),
        ("carol", PASSWORD, 401),
        ("", "", 401),
        ("Alice", PASSWORD, 401),
    ] {
        let request = client.get(site.url("/metrics")).basic_auth(user, Some(password));
        assert_eq!(request.send().await.unwrap().status().as_u16(), status, "{user}");
    }
    for authorization in ["Basic", "Basic ?", "Basic YWxpY2U=", "Bearer x", "Digest a=b", "Basic //79"] {
        let request = client.get(site.url("/metrics")).header("authorization", authorization);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 401, "{authorization}");
    }
    let log = site.exporter.log();
    assert_eq!(log.matches("user=alice").count(), 2, "{log}");
    assert_eq!(log.matches("user=bob").count(), 1, "{log}");
    assert!(!log.contains("carol"), "who is not known is not named: it may be a password: {log}");
    assert!(!log.contains(PASSWORD) && !log.contains("$2"), "{log}");
}

#[tokio::test]
async fn the_status_is_read_with_the_password_from_a_file() {
    let site = Site::start(&format!("{TLS}{}", users())).await;
    site.files.write("password", PASSWORD);
    let (url, ca, file) = (site.url(""), site.files.path("ca.pem"), site.files.path("password"));
    let credentials = ["--username", "alice", "--password-file", file.as_str()];
    let trusting = ["status", "--url", url.as_str(), "--ca-file", ca.as_str()];
    let output = run(&[&trusting[..], &credentials].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() != Some(2) && text.starts_with("STATUS"), "{text}");
    let address = site.address();
    for (arguments, expected) in [
        (&trusting[..], "--password-file"),
        (&["status", "--url", url.as_str()], "certificate"),
        (&["status", "--web.listen-address", address.as_str()], "--url https://"),
    ] {
        let output = run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(expected), "{arguments:?}: {error}");
    }
}

/// The token of a class and the passwords are apart: neither opens what the other does.
#[tokio::test]
async fn heartbeats_want_their_token_and_nothing_else() {
    let config = format!(
        "sources: {{crons: {{workers: {{classes: {{backup: {{push: true, token: {TOKEN}, interval: 1h}}}}}}, \
         interval: 1s}}}}\n"
    );
    let site = Files::new(&format!("{TLS}{}", users())).serve_with(&config).await;
    let client = site.client();
    let push = || client.post(site.url("/heartbeat/backup/host1"));
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(push()).await, 401);
    assert_eq!(status(push().basic_auth("alice", Some(PASSWORD))).await, 401);
    assert_eq!(status(push().bearer_auth("wrong")).await, 401);
    assert_eq!(status(push().bearer_auth(TOKEN)).await, 200);
    assert_eq!(status(client.get(site.url("/metrics")).bearer_auth(TOKEN)).await, 401);
    assert_eq!(status(client.get(site.url("/heartbeat/../metrics")).bearer_auth(TOKEN)).await, 401);
    // What a worker sends along is read and thrown away, within reason.
    assert_eq!(status(push().bearer_auth(TOKEN).body(vec![b'x'; 100_000])).await, 200);
    assert_eq!(status(push().bearer_auth(TOKEN).body(vec![b'x'; 100_001])).await, 413);
    let log = site.exporter.log();
    assert!(!log.contains(TOKEN) && !log.contains(PASSWORD), "{log}");
}

/// bcrypt is slow on purpose. Who has been here before does not wait for those who guess.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_keep_nobody_waiting_who_is_known() {
    let slow = bcrypt::hash(PASSWORD, 7).unwrap();
    let site = Site::start(&format!("basic_auth_users: {{alice: {slow}}}\n")).await;
    let url = site.exporter.url("/metrics");
    let get = async |client: &reqwest::Client, user: &str, password: &str| {
        let started = Instant::now();
        let answer = client.get(&url).basic_auth(user, Some(password)).send().await.unwrap();
        (answer.status().as_u16(), started.elapsed())
    };
    let known = http::client();
    assert_eq!(get(&known, "alice", PASSWORD).await.0, 200);
    // As many as may wait for their turn from one address, so that there are always others before.
    let guesses = join_all((0..8).map(async |guesser| {
        let (client, user) = (http::client(), if guesser % 2 == 0 { "alice" } else { "nobody" });
        let mut times = Vec::new();
        for number in 0..5 {
            let (status, time) = get(&client, user, &format!("guess {guesser} {number}")).await;
            assert!(matches!(status, 401 | 429), "{status}");
            times.extend((status == 401).then_some(time));
        }
        times
    }));
    let mut guesses = std::pin::pin!(guesses);
    let mut times = Vec::new();
    let guesses = loop {
        tokio::select! {
            guesses = &mut guesses => break guesses.concat(),
            (status, time) = get(&known, "alice", PASSWORD) => {
                assert_eq!(status, 200);
                times.push(time);
            }
        }
    };
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    assert!(times.len() > guesses.len(), "{} answers beside {} guesses", times.len(), guesses.len());
    let (known, guess) = (median(times), median(guesses));
    assert!(known * 4 < guess, "{known:?} for who is known, {guess:?} for a guess");
}

#[tokio::test]
async fn prometheus_scrapes_with_certificate_and_password() {
    let clients =
        "client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [prom]";
    let web =
        format!("tls_server_config: {{cert_file: server.pem, key_file: server.key, {clients}}}\n{}", users());
    let site = Site::start(&web).await;
    site.files.install("prometheus", &site.files.ca.issue(&["prom"]));
    let path = |name: &str| site.files.path(name);
    let job = |name: &str, password: &str, identity: &str| {
        format!(
            "- {{job_name: {name}, scheme: https, scrape_interval: 1s, static_configs: [{{targets: ['{}']}}], \
             basic_auth: {{username: alice, password: {password}}}, tls_config: {{ca_file: {}{identity}}}}}\n",
            site.address(),
            path("ca.pem")
        )
    };
    let identity = format!(", cert_file: {}, key_file: {}", path("prometheus.pem"), path("prometheus.key"));
    let jobs =
        [job("good", PASSWORD, &identity), job("wrong", "guess", &identity), job("nobody", PASSWORD, "")];
    let prometheus = Prometheus::start(&format!("scrape_configs:\n{}", jobs.concat())).await;
    for (job, expected) in [("good", "1"), ("wrong", "0"), ("nobody", "0")] {
        until(Duration::from_secs(30), &format!("up of {job} is {expected}"), async || {
            let result = prometheus.query(&format!("up{{job=\"{job}\"}}")).await;
            (result[0]["value"][1] == expected).then_some(())
        })
        .await;
    }
    let targets = prometheus.get("targets").await;
    let error_of = |job: &str| {
        let targets = targets["activeTargets"].as_array().unwrap();
        let target = targets.iter().find(|target| target["labels"]["job"] == job).unwrap();
        target["lastError"].as_str().unwrap().to_owned()
    };
    assert!(error_of("wrong").contains("401"), "{}", error_of("wrong"));
    // An alert, or a connection that has ended already: it depends on who is first.
    assert_ne!(error_of("nobody"), "");
    assert_eq!(error_of("good"), "");
}
