//! A broker that knows its clients by their certificates.

use platform_core::probe::Reason;

use super::failures::is_down;
use super::{source, well};
use testkit::ports::Port;
use testkit::rabbitmq::Rabbitmq;
use testkit::tls::{Ca, TlsFront};

#[tokio::test]
async fn a_certificate_is_who_we_are_and_the_broker_may_bear_another_name() {
    let (ca, port) = (Ca::generate(), Port::free());
    let identity = ca.issue(&["broker.internal.example"]);
    let broker = Rabbitmq::options()
        .plugin("rabbitmq_auth_mechanism_ssl")
        .setting(&format!("listeners.ssl.default = 127.0.0.1:{port}"))
        .setting(&format!("ssl_options.cacertfile = {}", ca.certificate().display()))
        .setting(&format!("ssl_options.certfile = {}", identity.certificate().display()))
        .setting(&format!("ssl_options.keyfile = {}", identity.key().display()))
        .setting("ssl_options.verify = verify_peer")
        .setting("ssl_options.fail_if_no_peer_cert = true")
        .setting("ssl_cert_login_from = common_name")
        .setting("auth_mechanisms.1 = EXTERNAL\nauth_mechanisms.2 = PLAIN\nauth_mechanisms.3 = AMQPLAIN")
        .start()
        .await;
    broker.add_user("watcher", "unused", "monitoring").await;
    broker.allow("watcher", "%2f", "^$").await;
    let front = TlsFront::start(&broker.management_address(), &identity).await;
    let with = |names: &str, tls: &str| {
        let identity = ca.issue(&[names]).keys();
        let management = format!("https://watcher:unused@{}", front.address());
        source(&format!(
            "rabbitmq: {{url: 'amqps://127.0.0.1:{port}?auth_mechanism=external', \
             management_url: '{management}', tls: {{ca_file: '{}', {identity}{tls}}}}}",
            ca.certificate().display()
        ))
    };
    let named = ", server_name: broker.internal.example";
    well(&mut with("watcher", named)).await;
    is_down(&mut with("watcher", ""), Reason::Tls).await;
    is_down(&mut with("nobody", named), Reason::Auth).await;
}
