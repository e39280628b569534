//! Clients' certificates.

use super::{Ca, Site, client};

fn web(client_auth: &str) -> String {
    format!("tls_server_config: {{cert_file: server.pem, key_file: server.key, {client_auth}}}\n")
}

#[tokio::test]
async fn each_type_asks_what_its_name_says() {
    let of_ca = "client_ca_file: ca.pem, client_auth_type:";
    let foreign_ca = Ca::generate();
    for (client_auth, without, foreign, ours) in [
        ("client_auth_type: NoClientCert".to_owned(), true, true, true),
        ("client_auth_type: RequestClientCert".to_owned(), true, true, true),
        ("client_auth_type: RequireAnyClientCert".to_owned(), false, true, true),
        (format!("{of_ca} VerifyClientCertIfGiven"), true, false, true),
        (format!("{of_ca} RequireAndVerifyClientCert"), false, false, true),
    ] {
        let site = Site::start(&web(&client_auth)).await;
        let (own, other) = (site.files.ca.issue(&["scraper"]), foreign_ca.issue(&["scraper"]));
        for (identity, expected) in [(None, without), (Some(&other), foreign), (Some(&own), ours)] {
            let answer = site.status(client(&site.files.ca, identity), "/metrics").await;
            assert_eq!(answer.is_ok(), expected, "{client_auth}, {identity:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_has_to_have_an_allowed_name() {
    let names = "[scraper.example.com, 192.0.2.7, '2001:db8::7']";
    let of_ca = "client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert";
    let site = Site::start(&web(&format!("{of_ca}, client_allowed_sans: {names}"))).await;
    for (of_client, expected) in [
        (&["scraper.example.com"][..], true),
        (&["other.example.com", "192.0.2.7"], true),
        (&["2001:db8::7"], true),
        (&["other.example.com"], false),
        (&["scraper.example.com.example.org", "192.0.2.70"], false),
    ] {
        let identity = site.files.ca.issue(of_client);
        let answer = site.status(client(&site.files.ca, Some(&identity)), "/metrics").await;
        assert_eq!(answer.is_ok(), expected, "{of_client:?}: {answer:?}");
    }
    // Names alone prove nothing where nobody has checked who issued the certificate; they are compared all the same.
    let any = web("client_auth_type: RequireAnyClientCert, client_allowed_sans: [scraper]");
    let site = Site::start(&any).await;
    for (name, expected) in [("scraper", true), ("other", false)] {
        let identity = site.files.ca.issue(&[name]);
        let answer = site.status(client(&site.files.ca, Some(&identity)), "/metrics").await;
        assert_eq!(answer.is_ok(), expected, "{name}: {answer:?}");
    }
}
