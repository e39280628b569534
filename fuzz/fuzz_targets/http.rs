//! Responses of a website, at byte level.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use platform_exporter_fuzz::{Protocol, SECRET, Stage};

static STAGE: LazyLock<Stage> = LazyLock::new(|| Stage::start(Protocol::Plain));

fuzz_target!(|answers: &[u8]| {
    let yaml = format!(
        "http: {{url: \"http://user:{SECRET}@ADDRESS/\", expect: {{status: [200], body: \"a.*b\"}}}}"
    );
    STAGE.ask(&yaml, &[], answers);
});
