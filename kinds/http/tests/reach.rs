//! What redirections must not reach.

use std::net::{IpAddr, UdpSocket};

use platform_core::probe::Reason;

use super::{code, observe, ok, plain, probe, reason};
use testkit::tls::{Ca, TlsFront};
use testkit::web::{Web, reply, with};

async fn leading_to(address: &str, target: String) -> Web {
    Web::start_at(address, move |_| with(reply(307, ""), "location", &target)).await
}

#[tokio::test]
async fn the_client_s_certificate_is_shown_to_its_own_host_alone() {
    let ca = Ca::generate();
    let (server, client) = (ca.issue(&["127.0.0.1", "localhost"]), ca.issue(&["exporter"]));
    let keys = format!("tls: {{ca_file: {}, {}}}", ca.certificate().display(), client.keys());
    let elsewhere = Web::start(|_| ok()).await;
    let second = TlsFront::start_for(elsewhere.address(), &server, &ca).await;
    for (host, is_own) in [("127.0.0.1", true), ("localhost", false)] {
        let target = second.address().replace("127.0.0.1", host);
        let web = leading_to("127.0.0.1:0", format!("https://{target}/")).await;
        let first = TlsFront::start_for(web.address(), &server, &ca).await;
        let result = probe(&format!("https://{}/", first.address()), &keys).await;
        assert_eq!(web.asked().len(), 1, "the first host was shown the certificate");
        assert_eq!(elsewhere.asked().len(), usize::from(is_own), "{host}: {result:?}");
        if !is_own {
            // The second host insists on a certificate.
            let refused = result.expect_err("no certificate");
            assert!(matches!(refused.reason, Reason::Tls | Reason::Connect), "{refused}");
        }
    }
}

#[tokio::test]
async fn addresses_of_a_link_are_out_of_reach() {
    // Not those of a cloud's metadata, which a test that fails would ask.
    for target in ["http://169.254.1.1:9/", "http://[fe80::1]:9/", "http://[::ffff:169.254.1.1]:9/"] {
        let web = leading_to("127.0.0.1:0", target.to_owned()).await;
        let observation = observe(&web.url("/"), "").await;
        assert_eq!(
            (code(&observation), reason(&observation)),
            (Some(307.0), Some(Reason::Protocol)),
            "{target}"
        );
        assert_eq!(plain(&observation, "probe_http_redirects"), Some(0.0));
    }
}

/// An address of this machine that others can reach, where it has one.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.200:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

#[tokio::test]
async fn what_listens_on_this_machine_alone_is_out_of_reach_from_outside() {
    let Some(address) = own_address() else { return };
    let inside = Web::start(|_| ok()).await;
    let names = [inside.url("/"), inside.url("/").replace("127.0.0.1", "localhost")];
    for target in names.clone().into_iter().chain([inside.url("/").replace("127.0.0.1", "0.0.0.0")]) {
        let outside = leading_to(&format!("{address}:0"), target.clone()).await;
        let observation = observe(&outside.url("/"), "").await;
        assert_eq!(
            (code(&observation), reason(&observation)),
            (Some(307.0), Some(Reason::Protocol)),
            "{target}"
        );
        assert_eq!(inside.asked().len(), 0, "{target}");
        // Neither by a detour.
        let detour = leading_to("127.0.0.1:0", outside.url("/")).await;
        assert_eq!(reason(&observe(&detour.url("/"), "").await), Some(Reason::Protocol));
        assert_eq!((detour.asked().len(), inside.asked().len()), (1, 0), "{target}");
    }
    for target in names {
        let neighbour = leading_to("127.0.0.1:0", target).await;
        assert_eq!(reason(&observe(&neighbour.url("/"), "").await), None);
    }
}
