//! What the configurations of kinds have in common.

use super::runner::{INTERVAL, TIMEOUT};

/// The two sources of a kind, and a query to the first, so that its query lane is in use as well.
///
/// Its last answer is kept for longer than any fault lasts: that it becomes stale is another problem.
pub(crate) fn sources(plain: &str, secure: &str, question: &str) -> String {
    let (times, every, timeout) = (times(), INTERVAL.as_secs(), TIMEOUT.as_secs());
    let query = match question {
        "" => String::new(),
        _ => format!(
            "queries:\n  - name: asked\n    source: plain\n    every: {every}s\n    timeout: {timeout}s\n    \
             max_age: 1h\n    {question}\n    metrics: [{{name: asked, value: value, help: A number.}}]\n"
        ),
    };
    format!("  plain:\n    {plain}\n{times}  secure:\n    {secure}\n{times}{query}")
}

/// The two sources of workers of one class, read from these two others.
pub(crate) fn workers(plain: &str, secure: &str, class: &str) -> String {
    let times = times();
    let reader = |from: &str| format!("workers: {{classes: {{mail: {{from: {from}, {class}}}}}}}");
    let stores = format!("  store:\n    {plain}\n{times}  secure-store:\n    {secure}\n{times}");
    stores + &sources(&reader("store"), &reader("secure-store"), "")
}

/// What the query of [`sources`] says when it asks the server on this port for its port.
pub(crate) fn answer_of(port: &str) -> String {
    format!(r#"asked{{source="plain"}} {port}"#)
}

/// What is said of the worker of [`workers`] that is called like the port of its server.
pub(crate) fn worker_of(port: &str) -> String {
    format!(r#"worker_heartbeat_timestamp_seconds{{source="plain",class="mail",worker="{port}"}}"#)
}

/// The port of an address.
pub(crate) fn port(address: &str) -> &str {
    address.rsplit(':').next().expect("a split has a last part")
}

/// Interval and timeout of a source under test.
pub(crate) fn times() -> String {
    format!("    interval: {}s\n    timeout: {}s\n", INTERVAL.as_secs(), TIMEOUT.as_secs())
}
