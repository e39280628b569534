//! Many queues of one broker, beside the broker's own metrics.

use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};

use crate::cycles::{Contender, Turns, compare};
use crate::detours::Detours;
use crate::report::{Section, Table, bytes, grouped, time};
use crate::stats::slope;
use crate::support::exporter::Exporter;
use crate::support::rabbitmq::Rabbitmq;
use crate::usage::memory;
use crate::{ours, support};

const QUEUES: [usize; 3] = [100, 1_000, 10_000];
/// So many declarations are under way at a time.
const PIPELINE: usize = 500;
const TURNS: Turns = Turns { number: 3, length: Duration::from_secs(2) };

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    section.text(
        "Every tenth queue has a dead-letter queue, every hundredth holds a message and has no consumer. One cycle is \
         one probe, or one scrape of `/metrics/per-object` of RabbitMQ's own plugin `rabbitmq_prometheus`, which works \
         inside of the broker: compare the CPU of both together. *At the broker* is how long the probe waited for \
         answers; *own time* is the rest. By default, 1,000 queues have series of their own, and the rest is summed \
         under `other`; `max_queues` gives all of them theirs.",
    );
    support::install_ring();
    let broker = Rabbitmq::options().prometheus().setting("collect_statistics_interval = 5000").start().await;
    let mut table = Table::new(&[
        "queues",
        "",
        "values",
        "a cycle",
        "at the broker",
        "own time",
        "CPU",
        "CPU of the broker",
        "CPU of both a value",
        "wire",
        "resident",
        "peak",
    ]);
    let mut points = Vec::new();
    let mut declared = 0;
    for queues in QUEUES {
        println!("{} queues: declaring", grouped(queues));
        declare(&broker, declared, queues).await;
        declared = queues;
        println!("{} queues: measuring", grouped(queues));
        points.push((queues as f64, measure(&broker, queues, &mut table).await));
    }
    section.table(&table);
    section.text(&format!(
        "Each further queue with series of its own costs {} of the exporter's CPU a probe.",
        time(slope(&points))
    ));
    section
}

/// Gives the exporter's CPU for a probe of all queues, in milliseconds.
async fn measure(broker: &Rabbitmq, queues: usize, table: &mut Table) -> f64 {
    let environment = vec![("AMQP", broker.url()), ("MANAGEMENT", broker.management_url())];
    let [all, some] = [
        Detours::start(&environment, &["AMQP", "MANAGEMENT"]).await,
        Detours::start(&environment, &["AMQP", "MANAGEMENT"]).await,
    ];
    let exporters = [start(&all, ", max_queues: 20000").await, start(&some, "").await];
    let detours = [&all, &some];
    let names = ["all", "1,000 and other"];
    let mut contenders: Vec<_> = exporters
        .iter()
        .zip(detours)
        .zip(names)
        .map(|((exporter, detours), name)| Contender {
            name,
            url: exporter.url("/probe?source=broker"),
            process: exporter.pid(),
            detours: Some(detours),
        })
        .collect();
    contenders.push(Contender {
        name: "rabbitmq_prometheus",
        url: broker.prometheus_url("/metrics/per-object"),
        // It has no process of its own: its CPU is that of the broker.
        process: nix::unistd::Pid::from_raw(i32::MAX),
        detours: None,
    });
    let costs = compare(&contenders, Some(broker.process()), TURNS).await;
    for (contender, cost) in contenders.iter().zip(&costs) {
        let exporter = exporters.iter().find(|exporter| exporter.pid() == contender.process);
        let memory = exporter.map(|exporter| memory(exporter.pid()));
        let own = |figure: String| if exporter.is_some() { figure } else { "–".to_owned() };
        let mib = |figure: Option<f64>| figure.map_or("–".to_owned(), |mib| format!("{mib:.1} MiB"));
        table.row([
            grouped(queues),
            contender.name.to_owned(),
            format!("{:.0}", cost.values),
            time(cost.time),
            own(time(cost.traffic.waited)),
            own(time(cost.time - cost.traffic.waited)),
            own(time(cost.cpu)),
            time(cost.cpu_of_service),
            time((cost.cpu + cost.cpu_of_service) / cost.values),
            own(bytes(cost.traffic.bytes)),
            mib(memory.map(|memory| memory.resident)),
            mib(memory.map(|memory| memory.peak)),
        ]);
    }
    costs[0].cpu
}

async fn start(detours: &Detours, options: &str) -> Exporter {
    let config = format!(
        "sources: {{broker: {{rabbitmq: {{url: '{}', management_url: '{}'{options}}}, interval: 1h, timeout: 30s}}}}",
        detours.url("AMQP"),
        detours.url("MANAGEMENT")
    );
    ours::start(&config, Vec::new(), 1).await
}

/// Declares the queues from one number up to another, over one channel.
async fn declare(broker: &Rabbitmq, from: usize, to: usize) {
    let connection = Connection::connect(&broker.url(), ConnectionProperties::default()).await;
    let connection = connection.expect("the broker serves clients");
    let channel = connection.create_channel().await.expect("it answers");
    let (options, nothing) = (QueueDeclareOptions::default(), FieldTable::default());
    channel.queue_declare("dead".into(), options, nothing.clone()).await.expect("it answers");
    let mut dead_lettering = FieldTable::default();
    for (key, value) in [("x-dead-letter-exchange", ""), ("x-dead-letter-routing-key", "dead")] {
        dead_lettering.insert(key.into(), AMQPValue::LongString(value.into()));
    }
    for first in (from..to).step_by(PIPELINE) {
        let queues = (first..(first + PIPELINE).min(to)).map(|number| {
            let arguments = if number % 10 == 0 { &dead_lettering } else { &nothing };
            channel.queue_declare(name(number).into(), options, arguments.clone())
        });
        try_join_all(queues).await.expect("the broker takes them");
    }
    for number in (from..to).step_by(100) {
        let options = BasicPublishOptions::default();
        let sent =
            channel.basic_publish("".into(), name(number).into(), options, b"x", BasicProperties::default());
        sent.await.expect("it is sent");
    }
    connection.close(200, "done".into()).await.expect("it answers");
}

fn name(number: usize) -> String {
    format!("tenant-{number}.jobs")
}
