//! Responses of a broker over AMQP, and of the management interface next to a well-behaved broker.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use platform_exporter_fuzz::{Protocol, SECRET, Stage};

static STAGE: LazyLock<Stage> = LazyLock::new(|| Stage::start(Protocol::AmqpAndHttp));

fuzz_target!(|answers: &[u8]| {
    let yaml = format!(
        "rabbitmq: {{url: \"amqp://user:{SECRET}@ADDRESS/%2f\", management_url: \"http://ADDRESS\", queues: [q]}}"
    );
    STAGE.ask(&yaml, &[], answers);
});
