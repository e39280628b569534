//! Responses of S3 and STS, including the canary's objects.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use platform_exporter_fuzz::{Protocol, SECRET, Stage};

static STAGE: LazyLock<Stage> = LazyLock::new(|| Stage::start(Protocol::Http));

fuzz_target!(|answers: &[u8]| {
    let yaml = format!(
        "s3: {{bucket: media, endpoint: \"http://ADDRESS\", access_key_id: AKIA, secret_access_key: {SECRET}, sts: {{endpoint: \"http://ADDRESS\"}}, canary: {{prefix: canary/}}}}"
    );
    STAGE.ask(&yaml, &[], answers);
});
