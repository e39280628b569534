//! Logins, rights and TLS.

use std::path::Path;

use platform_core::probe::Reason;
use serde_json::json;

use super::{Subject, has, members, problems, reasons, source, the, well};
use testkit::process::write_secret;
use testkit::rabbitmq::Rabbitmq;
use testkit::subject::config;
use testkit::tls::{Ca, TlsFront};

fn as_user(broker: &Rabbitmq, user: &str, password: &str, more: &str) -> Subject {
    let url = broker.url_as(user, password, "shop");
    source(&format!(
        "rabbitmq: {{url: '{url}', management_url: 'http://{}'{more}}}",
        broker.management_address()
    ))
}

async fn is_down(subject: &mut Subject, reason: Reason) -> String {
    let problem = subject.probe().await.expect_err("it is down");
    assert_eq!(problem.reason, reason, "{problem}");
    assert!(!problem.detail.contains("s3cr"), "{problem}");
    problem.detail
}

async fn shop() -> Rabbitmq {
    let broker = Rabbitmq::start().await;
    broker.add_vhost("shop").await;
    broker.add_queue("shop", "orders", json!({})).await;
    broker.publish("shop", "orders", 2).await;
    broker
}

#[tokio::test]
async fn logins_and_rights_are_distinguished() {
    let broker = shop().await;
    // As in the permissions that are printed.
    broker.add_user("watcher", "s3cret", "monitoring").await;
    broker.allow("watcher", "shop", "^$").await;
    let idle = ", consumers_expected: false";
    let mut subject = as_user(&broker, "watcher", "s3cret", &format!(", queues: [orders]{idle}"));
    let families = well(&mut subject).await.families;
    assert_eq!(the(&families, "rabbitmq_queue_messages", &["shop", "orders"]), 2.0);
    assert_eq!(members(&families, "rabbitmq_running").len(), 1);

    // By AMQP alone, no tag is needed.
    broker.add_user("plain", "s3cret", "").await;
    broker.allow("plain", "shop", "^$").await;
    let url = broker.url_as("plain", "s3cret", "shop");
    let families =
        well(&mut source(&format!("rabbitmq: {{url: '{url}', queues: [orders]{idle}}}"))).await.families;
    assert_eq!(the(&families, "rabbitmq_queue_messages_ready", &["shop", "orders"]), 2.0);

    // The broker serves him; the management interface does not.
    let mut subject = as_user(&broker, "plain", "s3cret", &format!(", queues: [orders]{idle}"));
    let observation = subject.probe().await.expect("AMQP answers");
    assert_eq!(reasons(&observation.problems), [Reason::Permission], "{:?}", observation.problems);
    assert_eq!(the(&observation.families, "rabbitmq_queue_messages_ready", &["shop", "orders"]), 2.0);
    assert!(!has(&observation.families, "rabbitmq_queues"));

    // Without the tag `monitoring`, everything but the nodes and the consumers of others.
    broker.add_user("manager", "s3cret", "management").await;
    broker.allow("manager", "shop", "^$").await;
    let observation = as_user(&broker, "manager", "s3cret", idle).probe().await.expect("AMQP answers");
    assert_eq!(reasons(&observation.problems), [Reason::Permission], "{:?}", observation.problems);
    assert_eq!(the(&observation.families, "rabbitmq_queue_messages", &["shop", "orders"]), 2.0);
    assert!(!has(&observation.families, "rabbitmq_running"));
    assert!(!has(&observation.families, "rabbitmq_queue_consumers"));

    // Queues in a virtual host of which the list says nothing.
    broker.add_vhost("hidden").await;
    broker.add_queue("hidden", "secret", json!({})).await;
    let found = problems(&mut as_user(&broker, "watcher", "s3cret", idle)).await;
    assert_eq!(reasons(&found), [Reason::Permission]);
    assert!(found[0].detail.contains("1 of 2 queues"), "{}", found[0]);

    // Wrong for one, right for the other.
    let url = broker.url_as("operator", "unused", "shop");
    let wrong = format!("http://watcher:s3cre@{}", broker.management_address());
    let mut subject = source(&format!("rabbitmq: {{url: '{url}', management_url: '{wrong}'{idle}}}"));
    let found = problems(&mut subject).await;
    assert_eq!(reasons(&found), [Reason::Auth]);
    assert!(!found[0].detail.contains("s3cre"), "{}", found[0]);

    is_down(&mut as_user(&broker, "watcher", "s3cre", ""), Reason::Auth).await;
    is_down(&mut as_user(&broker, "nobody", "s3cret", ""), Reason::Auth).await;
    let nowhere = broker.url_as("watcher", "s3cret", "nowhere");
    let detail = is_down(&mut source(&format!("rabbitmq: {{url: '{nowhere}'}}")), Reason::NotFound).await;
    assert!(detail.contains("nowhere"), "{detail}");
    let forbidden = broker.url_as("watcher", "s3cret", "hidden");
    is_down(&mut source(&format!("rabbitmq: {{url: '{forbidden}'}}")), Reason::Permission).await;
    is_down(&mut source("rabbitmq: {url: 'amqp://u:s3cret@no-such-host.invalid'}"), Reason::Dns).await;

    a_rotated_password_counts(&broker).await;
    an_encrypted_broker_shows_its_authority(&broker).await;
    nothing_shows_the_password(&broker);
}

async fn a_rotated_password_counts(broker: &Rabbitmq) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("password");
    write_secret(&file, "s3cret\n");
    broker.add_user("rotating", "s3cret", "monitoring").await;
    broker.allow("rotating", "shop", "^$").await;
    let (address, management) = (broker.address(), broker.management_address());
    let more = "queue_filter: {include: orders}, consumers_expected: false";
    let yaml = format!(
        "rabbitmq: {{url: 'amqp://{address}/shop', username: rotating, password_file: {}, \
         management_url: 'http://{management}', {more}}}",
        file.display()
    );
    broker.delete("/api/vhosts/hidden").await;
    let mut subject = source(&yaml);
    well(&mut subject).await;
    broker.add_user("rotating", "s3cret2", "monitoring").await;
    // The open connection goes on; the management interface asks every time.
    assert_eq!(reasons(&problems(&mut subject).await), [Reason::Auth]);
    write_secret(&file, "s3cret2\n");
    well(&mut subject).await;
    // A new connection needs the new one.
    well(&mut source(&yaml)).await;
    std::fs::remove_file(&file).expect("it is there");
    is_down(&mut source(&yaml), Reason::Auth).await;
}

async fn an_encrypted_broker_shows_its_authority(broker: &Rabbitmq) {
    let ca = Ca::generate();
    let identity = ca.issue(&["localhost", "127.0.0.1"]);
    let amqp = TlsFront::start(&broker.address(), &identity).await;
    let management = TlsFront::start(&broker.management_address(), &identity).await;
    let trusting = |authority: &Path| {
        source(&format!(
            "rabbitmq: {{url: 'amqps://operator:unused@{}/shop', management_url: 'https://{}', \
             consumers_expected: false, tls: {{ca_file: {}}}}}",
            amqp.address(),
            management.address(),
            authority.display()
        ))
    };
    let mut subject = trusting(ca.certificate());
    let families = well(&mut subject).await.families;
    assert_eq!(the(&families, "rabbitmq_queue_messages", &["shop", "orders"]), 2.0);
    well(&mut subject).await;
    is_down(&mut trusting(Ca::generate().certificate()), Reason::Tls).await;
    // AMQP without TLS where TLS is spoken, and the other way round.
    let plain = format!("rabbitmq: {{url: 'amqp://operator:unused@{}/shop'}}", amqp.address());
    source(&plain).probe().await.expect_err("it is encrypted");
    let encrypted = format!("rabbitmq: {{url: 'amqps://operator:unused@{}/shop'}}", broker.address());
    is_down(&mut source(&encrypted), Reason::Tls).await;
}

fn nothing_shows_the_password(broker: &Rabbitmq) {
    let url = broker.url_as("watcher", "s3cret", "shop");
    let management = format!("http://watcher:s3cret@{}", broker.management_address());
    let config =
        config(&format!("rabbitmq: {{url: '{url}', management_url: '{management}'}}")).expect("it is right");
    let shown = format!("{config:?} {config:#?} {}", config.definition().target());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert_eq!(config.definition().target(), format!("amqp://{}/shop", broker.address()));
}
