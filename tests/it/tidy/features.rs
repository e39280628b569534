//! The drivers of the exporter have the same features in tests as in the binary that users build. Tests build them with
//! those that test code needs as well, so a driver may lack one in the binary alone.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use testkit::root;

const DRIVERS: [&str; 9] = [
    "hickory-resolver",
    "hyper",
    "hyper-util",
    "lapin",
    "mongodb",
    "redis",
    "rustls",
    "sqlx",
    "tokio-rustls",
];

/// What only test code uses.
const ONLY_IN_TESTS: [(&str, &[&str]); 3] = [
    ("hyper-util", &["client", "client-legacy", "client-proxy"]),
    ("redis", &["cluster", "cluster-async", "sentinel"]),
    // The exporter has its own TLS in front of this driver.
    ("sqlx", &["tls-rustls-ring-native-roots"]),
];

/// The features of each driver in a build.
fn features(build: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let tree = ["tree", "--locked", "--prefix", "none", "--format", "{p} {f}"];
    let output = Command::new(env!("CARGO")).args(tree).args(build).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut features: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        if let Some(list) = words.nth(1).filter(|_| DRIVERS.contains(&name)) {
            features.entry(name.to_owned()).or_default().extend(list.split(',').map(str::to_owned));
        }
    }
    assert_eq!(features.keys().collect::<Vec<_>>(), DRIVERS, "they are in the tree");
    features
}

#[test]
fn of_drivers_are_those_that_users_get() {
    let binary = features(&["--package", "platform_exporter", "--edges", "normal,build"]);
    let only_in_tests: BTreeMap<_, _> = ONLY_IN_TESTS.into();
    for (driver, of_tests) in features(&["--workspace"]) {
        let of_test_code = only_in_tests.get(driver.as_str()).copied().unwrap_or_default();
        let missing: Vec<_> = of_tests
            .difference(&binary[&driver])
            .filter(|feature| !of_test_code.contains(&feature.as_str()))
            .collect();
        assert!(missing.is_empty(), "the binary has {driver} without {missing:?}");
    }
}
