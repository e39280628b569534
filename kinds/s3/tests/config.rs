use platform_exporter::registry::Kind;

use testkit::subject::config;

const CREDENTIALS: &str = "access_key_id: a, secret_access_key: s3cr3t";

fn target(keys: &str) -> String {
    let config =
        config(&format!("s3: {{{CREDENTIALS}, {keys}}}")).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.kind(), Kind::S3);
    config.definition().target()
}

#[test]
fn the_address_follows_from_region_endpoint_and_name() {
    let cases = [
        ("bucket: b-1", "https://b-1.s3.us-east-1.amazonaws.com/"),
        ("bucket: b-1, region: eu-west-1", "https://b-1.s3.eu-west-1.amazonaws.com/"),
        ("bucket: b-1, region: cn-north-1", "https://b-1.s3.cn-north-1.amazonaws.com.cn/"),
        ("bucket: b.example.com", "https://s3.us-east-1.amazonaws.com/b.example.com/"),
        ("bucket: b-1, path_style: true", "https://s3.us-east-1.amazonaws.com/b-1/"),
        ("bucket: b-1, endpoint: 'http://minio:9000'", "http://minio:9000/b-1/"),
        (
            "bucket: b-1, region: auto, endpoint: 'https://x.r2.cloudflarestorage.com', path_style: false",
            "https://b-1.x.r2.cloudflarestorage.com/",
        ),
    ];
    for (keys, expected) in cases {
        assert_eq!(target(keys), expected, "{keys}");
    }
}

#[test]
fn what_is_wrong_is_reported_with_what_was_expected() {
    let cases = [
        ("s3: {}", "`bucket` is missing"),
        ("s3: {bucket: b, secret_access_key: s3cr3t}", "`access_key_id` is missing"),
        ("s3: {bucket: b, access_key_id: a}", "`secret_access_key_file` is missing"),
        ("s3: {bucket: b, CRED, secret_access_key_file: f}", "not both"),
        ("s3: {bucket: 's3://b/path', CRED}", "without s3://"),
        ("s3: {bucket: '..', CRED}", "a bucket name"),
        ("s3: {bucket: b, region: 'eu west', CRED}", "a name such as eu-west-1"),
        ("s3: {bucket: b, endpoint: 'minio:9000', CRED}", "http:// or https://"),
        ("s3: {bucket: b, endpoint: 'http://u:s3cr3t@minio', CRED}", "use `access_key_id`"),
        ("s3: {bucket: b, endpoint: 'http://10.0.0.1', path_style: false, CRED}", "`path_style: true`"),
        ("s3: {bucket: b, CRED, canary: {}}", "`prefix` is missing"),
        ("s3: {bucket: b, CRED, canary: {prefix: ''}}", "a folder such as health/"),
        ("s3: {bucket: b, CRED, canary: {prefix: 'a/../b'}}", "a folder such as health/"),
        ("s3: {bucket: b, CRED, canary: {prefix: '/a'}}", "a folder such as health/"),
        ("s3: {bucket: b, CRED, canary: {prefix: a, interval: 0s}}", "above zero"),
        ("s3: {bucket: b, CRED, acces_key_id: a}", "access_key_id"),
    ];
    for (yaml, words) in cases {
        let faults = config(&yaml.replace("CRED", CREDENTIALS)).expect_err("it is wrong").to_string();
        assert!(faults.contains(words), "{yaml}: {faults}");
        assert!(!faults.contains("s3cr3t"), "{faults}");
    }
}
