//! What kinds that speak HTTP do with answers that nobody needs: nested without end, far too large once decoded, never
//! ending, or leading elsewhere.

mod endless;
mod memory;
mod nested;
mod redirects;

use std::time::Duration;

use platform_core::probe::{Observation, Problem, Reason};

use testkit::fake_broker::FakeBroker;
use testkit::subject::{Subject, Surroundings};
use testkit::web::{Asked, Reply, reply};

/// What no redirection may carry elsewhere.
const SECRET: &str = "s3cr3tNobodyElseMaySee";

/// The kinds that ask by HTTP, and what they answer for otherwise.
const KINDS: [&str; 4] = ["rabbitmq", "stripe", "s3", "http"];

/// A kind's content, with its service at this address. RabbitMQ needs a broker beside its management interface.
fn content(kind: &str, broker: &FakeBroker, address: &str) -> String {
    match kind {
        "rabbitmq" => format!(
            "rabbitmq: {{url: 'amqp://exporter:{SECRET}@{}/%2f', management_url: 'http://{address}'}}",
            broker.address()
        ),
        "stripe" => format!("stripe: {{api_key: rk_live_{SECRET}, api_base: 'http://{address}'}}"),
        "s3" => format!(
            "s3: {{bucket: backups, endpoint: 'http://{address}', access_key_id: AKIAEXAMPLE, \
             secret_access_key: {SECRET}}}"
        ),
        "s3 objects" => content("s3", broker, address).replace("bucket:", "objects: [{prefix: ''}], bucket:"),
        _ => format!("http: {{url: 'http://{address}/', bearer_token: {SECRET}}}"),
    }
}

fn subject(kind: &str, broker: &FakeBroker, address: &str) -> Subject {
    let surroundings = Surroundings { timeout: Duration::from_secs(10), ..Surroundings::default() };
    surroundings.source(&content(kind, broker, address))
}

/// What the management interface of a broker without queues says.
fn management(asked: &Asked) -> Reply {
    let path = asked.path.split('?').next().unwrap_or_default();
    match path {
        "/api/overview" => reply(200, r#"{"rabbitmq_version": "4.2.0"}"#),
        "/api/health/checks/alarms" => reply(200, "{}"),
        _ => reply(200, "[]"),
    }
}

/// Why a source is down or degraded.
fn reasons_of(result: Result<Observation, Problem>) -> Vec<Reason> {
    match result {
        Ok(seen) => seen.failure.into_iter().chain(seen.problems).map(|problem| problem.reason).collect(),
        Err(problem) => vec![problem.reason],
    }
}
