//! As whom, and where: mechanisms, certificates, and servers that are found by name.

use std::net::Ipv4Addr;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use platform_core::probe::Reason;

use super::yaml;
use testkit::dns::{Dns, Entry};
use testkit::mongodb::Mongodb;
use testkit::namespace::{inside, instead_of};
use testkit::subject::{Subject, Surroundings};
use testkit::tls::{Ca, TlsFront};

fn source(yaml: &str) -> Subject {
    Surroundings { timeout: Duration::from_secs(20), ..Surroundings::default() }.source(yaml)
}

fn ca_file(ca: &Ca) -> String {
    format!("ca_file: '{}'", ca.certificate().display())
}

async fn add_user(server: &Mongodb, database: &str, user: Document) {
    server.client().await.database(database).run_command(user).await.expect("the user is new");
}

#[tokio::test]
async fn scram_by_either_hash() {
    let server = Mongodb::options().login("root", "rootpassword").start().await;
    for mechanism in ["SCRAM-SHA-1", "SCRAM-SHA-256"] {
        let roles = vec![doc! {"role": "clusterMonitor", "db": "admin"}];
        let user = doc! {"createUser": mechanism, "pwd": "geheim", "mechanisms": [mechanism], "roles": roles};
        add_user(&server, "admin", user).await;
        let url = |password: &str, more: &str| {
            let address = server.address();
            format!("mongodb://{mechanism}:{password}@{address}/?directConnection=true{more}")
        };
        for more in [String::new(), format!("&authMechanism={mechanism}")] {
            let observation = source(&yaml(&url("geheim", &more), "")).probe().await.expect("it answers");
            assert_eq!(observation.problems, []);
        }
        let problem = source(&yaml(&url("falsch", ""), "")).probe().await.expect_err("a wrong password");
        assert_eq!(problem.reason, Reason::Auth, "{problem}");
    }
}

#[tokio::test]
async fn a_certificate_alone_with_its_key_in_a_file_of_its_own() {
    let ca = Ca::generate();
    let (identity, watcher) = (ca.issue(&["127.0.0.1"]), ca.issue(&["watcher"]));
    let server = Mongodb::options().login("root", "rootpassword").tls(&ca, &identity).start().await;
    let roles = vec![doc! {"role": "clusterMonitor", "db": "admin"}];
    add_user(&server, "$external", doc! {"createUser": "CN=watcher", "roles": roles}).await;
    let url = format!(
        "mongodb://{}/?directConnection=true&authSource=$external&authMechanism=MONGODB-X509",
        server.address()
    );
    let with = |keys: &str| source(&yaml(&url, &format!(", tls: {{{}, {keys}}}", ca_file(&ca))));
    let observation = with(&watcher.keys()).probe().await.expect("it answers");
    assert_eq!(observation.problems, []);
    let nobody = ca.issue(&["nobody"]).keys();
    let problem = with(&nobody).probe().await.expect_err("there is no such user");
    assert_eq!(problem.reason, Reason::Auth, "{problem}");
}

/// The name of a cluster leads to the name of its server, and the certificate bears that one. It needs a name server
/// where the system's resolver looks.
#[tokio::test]
async fn a_cluster_is_found_by_its_name() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let resolver = directory.path().join("resolv.conf");
    std::fs::write(&resolver, "nameserver 127.0.0.1\n").expect("it is writable");
    let test = "kinds::mongodb::logins::a_cluster_is_found_by_its_name";
    if !inside(test, &instead_of("/etc/resolv.conf", &resolver)) {
        return;
    }
    let server = Mongodb::options().standalone().start().await;
    let ca = Ca::generate();
    let front = TlsFront::start(&server.address(), &ca.issue(&["db1.shop.test"])).await;
    let port = front.address().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
    let dns = Dns::start_at(Ipv4Addr::LOCALHOST).await.expect("a network of our own");
    dns.set("_mongodb._tcp.cluster.shop.test", Entry::service("db1.shop.test", port));
    dns.set("cluster.shop.test", Entry::text("authSource=shop"));
    dns.set("_mongodb._tcp.astray.shop.test", Entry::service("db1.elsewhere.test", port));
    dns.set("db1.shop.test", Entry::address(Ipv4Addr::LOCALHOST));
    let named = |name: &str| {
        source(&yaml(&format!("mongodb+srv://{name}/"), &format!(", tls: {{{}}}", ca_file(&ca))))
    };
    let observation = named("cluster.shop.test").probe().await.expect("it answers");
    assert!(!observation.families.is_empty());
    let problem = named("none.shop.test").probe().await.expect_err("there is no such name");
    assert_eq!(problem.reason, Reason::Dns, "{problem}");
    // Whoever may write one zone cannot lead the password into another.
    named("astray.shop.test").probe().await.expect_err("the server is of another domain");
}
