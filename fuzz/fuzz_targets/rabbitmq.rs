//! What a broker may answer by AMQP, and its management interface beside a broker that answers well.
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
