//! RabbitMQ against real brokers.

mod ages;
mod alerts;
mod certificates;
mod config;
mod definitions;
mod failures;
mod hostile;
mod large;
mod parity;
mod retries;
mod rights;
mod sickness;
mod streams;
mod truth;
mod values;

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Connection};
use platform_core::metric::Family;
use platform_core::probe::{Observation, Problem, Reason};
use serde_json::Value;

use testkit::http;
use testkit::rabbitmq::Rabbitmq;
use testkit::subject::{Subject, Surroundings, value};

/// Statistics of the brokers here are at most some seconds old.
const SOON: Duration = Duration::from_secs(20);

/// A source with time enough for a broker that shares two cores with other tests.
fn source(yaml: &str) -> Subject {
    Surroundings { timeout: Duration::from_secs(5), ..Surroundings::default() }.source(yaml)
}

/// A source that is asked both ways.
fn both(broker: &Rabbitmq, vhost: &str, more: &str) -> Subject {
    let url = broker.url_as("operator", "unused", vhost);
    source(&format!(
        "rabbitmq: {{url: '{url}', management_url: 'http://{}'{more}}}",
        broker.management_address()
    ))
}

async fn well(subject: &mut Subject) -> Observation {
    let observation = subject.probe().await.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(observation.problems, []);
    observation
}

/// The reasons and texts of what is wrong with a source that answers.
async fn problems(subject: &mut Subject) -> Vec<Problem> {
    subject.probe().await.unwrap_or_else(|problem| panic!("{problem}")).problems
}

fn reasons(problems: &[Problem]) -> Vec<Reason> {
    problems.iter().map(|problem| problem.reason).collect()
}

/// The value of a sample that has to be there.
fn the(families: &[Family], name: &str, labels: &[&str]) -> f64 {
    value(families, name, labels).unwrap_or_else(|| {
        let names: Vec<_> = families.iter().map(|family| &family.desc.name).collect();
        panic!("no {name} {labels:?}; there is {:?} of {names:?}", members(families, name))
    })
}

fn has(families: &[Family], name: &str) -> bool {
    families.iter().any(|family| family.desc.name == name)
}

fn sum(families: &[Family], name: &str) -> f64 {
    let family = families.iter().find(|family| family.desc.name == name);
    family.unwrap_or_else(|| panic!("no {name}")).samples.iter().map(|sample| sample.value).sum()
}

fn members(families: &[Family], name: &str) -> Vec<Vec<String>> {
    let samples =
        families.iter().filter(|family| family.desc.name == name).flat_map(|family| &family.samples);
    samples.map(|sample| sample.labels.to_vec()).collect()
}

/// A client of the broker, whose publications are confirmed.
async fn client(broker: &Rabbitmq, vhost: &str) -> (Connection, Channel) {
    let url = broker.url_as("operator", "unused", vhost);
    let connection = Connection::connect(&url, Default::default()).await.expect("it answers");
    let channel = connection.create_channel().await.expect("it answers");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("it confirms");
    (connection, channel)
}

async fn publish(channel: &Channel, exchange: &str, key: &str, messages: usize) {
    publish_as(channel, exchange, key, messages, BasicProperties::default()).await;
}

async fn publish_as(
    channel: &Channel,
    exchange: &str,
    key: &str,
    messages: usize,
    properties: BasicProperties,
) {
    for _ in 0..messages {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let sent =
            channel.basic_publish(exchange.into(), key.into(), options, b"x", properties.clone()).await;
        let confirmed = sent.expect("it takes it").await.expect("it confirms");
        assert!(confirmed.is_ack() && confirmed.take_message().is_none(), "{exchange}/{key} leads somewhere");
    }
}

/// Makes much at once.
async fn define(broker: &Rabbitmq, definitions: Value) {
    let url = format!("{}/api/definitions", broker.management_url());
    http::json(http::client().post(url).json(&definitions)).await;
}
