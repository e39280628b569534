//! Responses of Stripe: events, endpoints, destinations, subscriptions, errors.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use platform_exporter_fuzz::{Protocol, SECRET, Stage};

static STAGE: LazyLock<Stage> = LazyLock::new(|| Stage::start(Protocol::Http));

fuzz_target!(|answers: &[u8]| {
    let yaml =
        format!("stripe: {{api_key: rk_live_{SECRET}, api_base: \"http://ADDRESS\", subscriptions: true}}");
    STAGE.ask(&yaml, &[], answers);
});
