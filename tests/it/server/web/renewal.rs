//! Files that change while the exporter runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use super::{Files, NAMES, Site, TLS, client, hash};
use testkit::tls::Ca;
use testkit::wait::eventually;

/// How often a text is in the log.
fn reported(site: &Site, text: &str) -> usize {
    site.exporter.log().matches(text).count()
}

/// As Kubernetes mounts a secret: links to files in `..data`, which is a link that is replaced at once.
#[tokio::test]
async fn a_renewed_certificate_counts_from_the_next_connection_on() {
    let files = Files::new(TLS);
    let mount = |version: &str| {
        let directory = files.directory.path().join(version);
        fs::create_dir(&directory).unwrap();
        for name in ["server.pem", "server.key"] {
            fs::rename(files.path(name), directory.join(name)).unwrap();
        }
        symlink(version, files.path("..tmp")).unwrap();
        fs::rename(files.path("..tmp"), files.path("..data")).unwrap();
    };
    mount("..1");
    for name in ["server.pem", "server.key"] {
        symlink(format!("..data/{name}"), files.path(name)).unwrap();
    }
    let site = files.serve().await;
    let (old, kept) = (site.client(), site.client());
    assert_eq!(site.status(old.clone(), "/metrics").await, Ok(200));
    assert_eq!(site.status(kept.clone(), "/metrics").await, Ok(200));

    let renewed = Ca::generate();
    let identity = renewed.issue(&NAMES);
    let directory = site.files.directory.path().join("..2");
    fs::create_dir(&directory).unwrap();
    fs::copy(identity.certificate(), directory.join("server.pem")).unwrap();
    fs::copy(identity.key(), directory.join("server.key")).unwrap();
    symlink("..2", site.files.path("..tmp")).unwrap();
    fs::rename(site.files.path("..tmp"), site.files.path("..data")).unwrap();
    assert_eq!(site.status(client(&renewed, None), "/metrics").await, Ok(200));
    assert!(site.status(site.client(), "/metrics").await.is_err(), "the old one is not shown any more");
    assert_eq!(site.status(kept, "/metrics").await, Ok(200), "a connection that is there stays");
    assert_eq!(reported(&site, "event=web.config.loaded"), 1, "{}", site.exporter.log());
}

#[tokio::test]
async fn a_certificate_without_its_key_changes_nothing_and_is_reported_once() {
    let site = Site::start(TLS).await;
    let renewed = Ca::generate();
    let identity = renewed.issue(&NAMES);
    site.files.write("server.pem", &fs::read_to_string(identity.certificate()).unwrap());
    for _ in 0..20 {
        assert_eq!(site.status(site.client(), "/metrics").await, Ok(200));
    }
    assert_eq!(reported(&site, "event=web.config.refused"), 1, "{}", site.exporter.log());
    assert!(site.exporter.log().contains("the key does not match the certificate"));
    site.files.write("server.key", &fs::read_to_string(identity.key()).unwrap());
    assert_eq!(site.status(client(&renewed, None), "/metrics").await, Ok(200));
    assert_eq!(reported(&site, "event=web.config.loaded"), 1, "{}", site.exporter.log());
}

#[tokio::test]
async fn users_come_and_go_without_a_restart() {
    let users = |users: &str| format!("{TLS}basic_auth_users: {{{users}}}\n");
    let alice = format!("alice: {}", hash("wonder"));
    let site = Site::start(&users(&alice)).await;
    let get = async |user: &str, password: &str| {
        let request = site.client().get(site.url("/-/healthy")).basic_auth(user, Some(password));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((get("alice", "wonder").await, get("bob", "builder").await), (200, 401));
    site.files.write("web.yml", &users(&format!("{alice}, bob: {}", hash("builder"))));
    assert_eq!((get("alice", "wonder").await, get("bob", "builder").await), (200, 200));
    site.files.write("web.yml", &users(&format!("alice: {}", hash("other"))));
    assert_eq!((get("alice", "wonder").await, get("alice", "other").await), (401, 200));
    assert_eq!(get("bob", "builder").await, 401);
    // Written in place, at the same length, as an editor does.
    fs::write(site.files.path("web.yml"), users(&format!("alice: {}", hash("third")))).unwrap();
    eventually(Duration::from_secs(5), "it is read", async || get("alice", "third").await == 200).await;
    assert_eq!(get("alice", "other").await, 401);
}

/// A file that is half written, or gone, opens nothing.
#[tokio::test]
async fn nothing_that_was_asked_for_is_given_up_without_a_restart() {
    let clients =
        "client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [a]";
    let user = hash("geheim");
    let whole = format!(
        "tls_server_config: {{cert_file: server.pem, key_file: server.key, {clients}}}\n\
         basic_auth_users: {{alice: '{user}'}}\n"
    );
    let site = Site::start(&whole).await;
    let identity = site.files.ca.issue(&["a"]);
    let known = || client(&site.files.ca, Some(&identity));
    let is_closed = async || {
        assert_eq!(site.status(known(), "/metrics").await, Ok(401));
        assert!(site.status(site.client(), "/metrics").await.is_err());
    };
    is_closed().await;
    for (web, reason) in [
        (String::new(), "no longer has TLS"),
        (whole.lines().next().unwrap().to_owned(), "no longer has basic_auth_users"),
        (whole.replace(clients, "min_version: TLS12"), "no longer has client_auth_type"),
        (whole.replace(", client_allowed_sans: [a]", ""), "no longer has client_allowed_sans"),
        ("tls_server_config: {".to_owned(), "not valid YAML"),
        (whole.replace(&user, "geheim"), "expected a bcrypt hash"),
    ] {
        site.files.write("web.yml", &web);
        is_closed().await;
        is_closed().await;
        assert_eq!(reported(&site, reason), 1, "{}", site.exporter.log());
    }
    fs::remove_file(site.files.path("web.yml")).unwrap();
    is_closed().await;
    assert_eq!(reported(&site, "cannot read"), 1, "{}", site.exporter.log());
    site.files.write("web.yml", &whole);
    let request = known().get(site.url("/metrics")).basic_auth("alice", Some("geheim"));
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
    let log = site.exporter.log();
    assert!(log.contains("event=web.config.loaded"), "{log}");
    assert!(!log.contains("geheim") && !log.contains(&user), "{log}");
}
