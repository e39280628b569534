//! A rejected login names where its secret comes from, and never the secret.

use std::process::Command;

use testkit::exporter::binary;
use testkit::mongodb::Mongodb;
use testkit::postgres::Postgres;
use testkit::process::write_secret;
use testkit::rabbitmq::Rabbitmq;
use testkit::redis::Redis;
use testkit::s3::S3;
use testkit::stripe::StripeServer;

/// What `check --live` says of a source, with a file `secret` and a variable `WRONG` that hold the same.
async fn check(source: &str) -> String {
    let source = source.to_owned();
    let run = move || {
        let directory = tempfile::tempdir().unwrap();
        write_secret(&directory.path().join("secret"), "s3cret\n");
        let file = directory.path().join("platform.yml");
        std::fs::write(&file, format!("sources:\n  watched: {source}\n")).unwrap();
        let mut check = Command::new(binary());
        check.env("WRONG", "s3cret").env("HOST", "127.0.0.1");
        let output = check.args(["check", "--live", "--config.file"]).arg(&file).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert!(!output.status.success(), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
        text.replace(directory.path().to_str().unwrap(), "DIRECTORY")
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Checks what is said of each source.
async fn check_all(cases: &[(String, &str)]) {
    for (source, origin) in cases {
        let text = check(source).await;
        let failures: Vec<_> = text.lines().filter(|line| line.starts_with("FAIL")).collect();
        let is_named =
            |line: &&str| line.ends_with(&format!("({origin})")) && line.matches(" from ").count() == 1;
        assert!(!failures.is_empty() && failures.iter().all(is_named), "{origin}:\n{text}");
    }
}

#[tokio::test]
async fn of_passwords_in_files_variables_and_urls() {
    let server = Postgres::options().password("right").start().await;
    let address = server.address();
    let (_, port) = address.rsplit_once(':').unwrap();
    check_all(&[
        (
            format!("{{postgres: {{url: 'postgres://postgres@{address}', password_file: secret}}}}"),
            "password from DIRECTORY/secret",
        ),
        (
            format!("{{postgres: {{url: 'postgres://postgres@{address}', password: '${{WRONG}}'}}}}"),
            "password from ${WRONG}",
        ),
        (
            format!("{{postgres: {{url: 'postgres://postgres@{address}', password: '${{UNSET:-s3cret}}'}}}}"),
            "password from the configuration",
        ),
        (
            format!("{{postgres: {{url: 'postgres://postgres:${{WRONG}}@${{HOST}}:{port}'}}}}"),
            "password from ${WRONG}",
        ),
        (
            format!("{{postgres: {{url: 'postgres://postgres:s3cret@${{HOST}}:{port}'}}}}"),
            "password from the configuration",
        ),
        (
            format!("{{postgres: {{url: 'postgres://${{HOST}}:{port}?user=postgres&password=${{WRONG}}'}}}}"),
            "password from ${WRONG}",
        ),
    ])
    .await;
}

#[tokio::test]
async fn of_every_kind_with_logins() {
    let (mongodb, redis) = tokio::join!(
        Mongodb::options().login("root", "right").standalone().start(),
        Redis::options().user("watcher on >right ~* +@all").start()
    );
    let (rabbitmq, s3) = tokio::join!(Rabbitmq::start(), S3::start("key", "right"));
    s3.add_bucket("backups");
    rabbitmq.add_user("watcher", "right", "monitoring").await;
    rabbitmq.allow("watcher", "%2f", "^$").await;
    let stripe = StripeServer::start().await;
    let (mongodb, redis) = (mongodb.address(), redis.address());
    let (broker, management) = (rabbitmq.address(), rabbitmq.management_address());
    let s3 = format!("bucket: backups, endpoint: '{}', access_key_id: key", s3.endpoint());
    check_all(&[
        (
            format!("{{mongodb: {{url: 'mongodb://root:${{WRONG}}@{mongodb}/?directConnection=true'}}}}"),
            "password from ${WRONG}",
        ),
        (
            format!("{{mongodb: {{url: 'mongodb://root@{mongodb}', password_file: secret}}}}"),
            "password from DIRECTORY/secret",
        ),
        (
            format!("{{redis: {{url: 'redis://{redis}', username: watcher, password_file: secret}}}}"),
            "password from DIRECTORY/secret",
        ),
        (
            format!("{{rabbitmq: {{url: 'amqp://watcher@{broker}', password: '${{WRONG}}'}}}}"),
            "password from ${WRONG}",
        ),
        // Each login has its own password.
        (
            format!(
                "{{rabbitmq: {{url: 'amqp://watcher:right@{broker}', \
                 management_url: 'http://watcher:${{WRONG}}@{management}'}}}}"
            ),
            "password from ${WRONG}",
        ),
        (format!("{{s3: {{{s3}, secret_access_key_file: secret}}}}"), "key from DIRECTORY/secret"),
        (
            format!("{{stripe: {{api_key: 'rk_live_${{WRONG}}', api_base: '{}'}}}}", stripe.url()),
            "key from ${WRONG}",
        ),
        (
            format!("{{stripe: {{api_key_file: secret, api_base: '{}'}}}}", stripe.url()),
            "key from DIRECTORY/secret",
        ),
        (
            format!(
                "{{http: {{url: 'http://{management}/api/whoami', \
                 basic_auth: {{username: watcher, password: s3cret}}}}}}"
            ),
            "password from the configuration",
        ),
    ])
    .await;
}
