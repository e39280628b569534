//! What a build with any of the kinds is: whole, and clear about what it lacks. It runs with whatever features are on.

use std::process::{Command, Output};

use platform_exporter::registry::Kind;

/// Every kind that there is, with a configuration of it.
const ALL: [(&str, &str); 9] = [
    ("postgres", "{url: 'postgres://db'}"),
    ("mongodb", "{url: 'mongodb://db'}"),
    ("redis", "{url: 'redis://cache'}"),
    ("rabbitmq", "{url: 'amqp://broker'}"),
    ("stripe", "{api_key: rk_live_1}"),
    ("s3", "{bucket: media}"),
    ("workers", "{classes: {mail: {push: true, token: secret, interval: 1m}}}"),
    ("logfile", "{path: /var/log/app.log}"),
    ("http", "{url: 'http://web'}"),
];

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_platform_exporter")).args(arguments).output().expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_catalogue_has_the_kinds_of_the_build() {
    let catalogue = text(&run(&["catalog"]).stdout);
    for (name, _) in ALL {
        let is_built = Kind::ALL.iter().any(|kind| kind.as_str() == name);
        assert_eq!(catalogue.contains(&format!("\n## {name}\n")), is_built, "{name}");
    }
}

#[test]
fn a_kind_that_was_left_out_is_reported_with_its_feature() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("platform.yml");
    for (name, keys) in ALL {
        std::fs::write(&file, format!("sources: {{a: {{{name}: {keys}}}}}\n")).expect("it is writable");
        let output = run(&["check", "--syntax-only", "--config.file", file.to_str().expect("a plain path")]);
        let (is_built, errors) = (Kind::ALL.iter().any(|kind| kind.as_str() == name), text(&output.stderr));
        assert_eq!(output.status.success(), is_built, "{name}: {errors}");
        assert!(is_built || errors.contains(&format!("without the feature `{name}`")), "{name}: {errors}");
    }
}

#[test]
fn the_bundle_is_made() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let output = run(&["bundle", "--out", directory.path().to_str().expect("a plain path")]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for kind in Kind::ALL {
        assert!(directory.path().join(format!("grafana/dashboards/{kind}.json")).is_file(), "{kind}");
    }
}
