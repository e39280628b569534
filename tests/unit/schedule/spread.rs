//! How probes are spread over time.

use std::fmt::Write;

use platform_core::probe::Reason;

use super::script::{Act, Number, Script};
use super::{configuration, pass, start};

const SOURCES: usize = 45;
const INTERVAL: usize = 15;

/// The largest number of probes of all sources in a second, over two intervals.
async fn most_in_a_second(script: &Script) -> usize {
    let mut most = 0;
    for _ in 0..2 * INTERVAL {
        let before = script.probes();
        pass(1).await;
        most = most.max(script.probes() - before);
    }
    most
}

#[tokio::test(start_paused = true)]
async fn sources_of_one_server_are_probed_soon_and_then_apart_even_after_an_outage() {
    let mut config = "sources:".to_owned();
    for number in 0..SOURCES {
        write!(
            config,
            "\n  s{number}: {{postgres: {{url: postgres://db/s{number}}}, interval: {INTERVAL}s}}"
        )
        .expect("a string takes everything");
    }
    let config = configuration(&config);
    let script = Script::new(Act::Value(1.0));
    let names: Vec<_> = config.sources().keys().map(|name| name.as_str()).collect();
    let scripts: Vec<_> = names.iter().map(|name| (*name, &script)).collect();
    let running = start(&config, &scripts, Number::default()).await;
    pass(2).await;
    assert!(running.store.is_ready());
    pass(15).await;
    let evenly = SOURCES / INTERVAL;
    assert!(most_in_a_second(&script).await <= evenly + 1);

    script.set(Act::Fail(Reason::Connect));
    pass(120).await;
    script.set(Act::Value(1.0));
    pass(15).await;
    assert!(most_in_a_second(&script).await <= evenly + 1);
}
