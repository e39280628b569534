//! Many queues on one broker, compared with the broker's own metrics.

use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};

use crate::cycles::{Contender, FRESH_PROBE, Turns, compare, idle};
use crate::detours::Detours;
use crate::ours;
use crate::report::{Section, Table, bytes, grouped, time};
use crate::stats::{median, slope};
use crate::usage::memory;
use testkit::exporter::Exporter;
use testkit::rabbitmq::Rabbitmq;

/// The variables with the addresses of the broker and its management interface.
const BROKER: &str = "BROKER";
const MANAGEMENT: &str = "MANAGEMENT";
const QUEUES: [usize; 3] = [100, 1_000, 10_000];
/// Concurrent declarations.
const PIPELINE: usize = 500;
/// Number of probes for the breakdown of probe time.
const PROBES: usize = 3;
const TURNS: Turns = Turns { number: 2, length: Duration::from_secs(5), every: FRESH_PROBE };

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    section.text(
        "Every tenth queue has a dead-letter queue, and every hundredth holds a message and has no consumer. One cycle \
         is one probe, or one scrape of `/metrics/per-object` of RabbitMQ's own plugin `rabbitmq_prometheus`, which \
         runs inside the broker: compare the sum of both CPU columns. *Probe* is `platform_probe_duration_seconds`, \
         *at the broker* the time spent waiting for responses over AMQP and from the management interface, up to the \
         last byte of each, and *own time* the rest. *Wire* is the traffic of both. No exporter can be faster than the \
         broker is at listing its queues. By default, 1,000 queues have their own series, and the rest is summed under \
         `other`; `max_queues` raises this limit.",
    );
    testkit::install_ring();
    let broker = Rabbitmq::options().prometheus().setting("collect_statistics_interval = 5000").start().await;
    let mut table = Table::new(&[
        "queues",
        "",
        "values",
        "CPU",
        "CPU of the broker",
        "CPU of both per value",
        "probe",
        "at the broker",
        "own time",
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
        settle(&broker).await;
        println!("{} queues: measuring", grouped(queues));
        points.push((queues as f64, measure(&broker, queues, &mut table).await));
    }
    section.table(&table);
    section.text(&format!(
        "Each additional queue with its own series costs {} of the exporter's CPU per probe.",
        time(slope(&points))
    ));
    section
}

/// Returns the exporter's CPU for a probe of all queues, in milliseconds.
async fn measure(broker: &Rabbitmq, queues: usize, table: &mut Table) -> f64 {
    let environment = vec![(BROKER, broker.url()), (MANAGEMENT, broker.management_url())];
    let all = Detours::start(&environment, &[BROKER, MANAGEMENT]).await;
    let some = Detours::start(&environment, &[BROKER, MANAGEMENT]).await;
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
            process: Some(exporter.pid()),
            detours: Some(detours),
        })
        .collect();
    contenders.push(Contender {
        name: "rabbitmq_prometheus",
        url: broker.prometheus_url("/metrics/per-object"),
        process: None,
        detours: None,
    });
    let costs = compare(&contenders, Some(broker.process()), TURNS).await;
    for (place, (contender, cost)) in contenders.iter().zip(&costs).enumerate() {
        let row = [
            grouped(queues),
            contender.name.to_owned(),
            format!("{:.0}", cost.values),
            time(cost.cpu),
            time(cost.cpu_of_service),
            time((cost.cpu + cost.cpu_of_service) / cost.values),
        ];
        let further = match exporters.get(place) {
            Some(exporter) => of_probe(exporter, detours[place]).await,
            // It runs inside the broker.
            None => ["–"; 6].map(str::to_owned),
        };
        table.row(row.into_iter().chain(further));
    }
    costs[0].cpu
}

/// Breakdown of probe time, traffic and memory.
async fn of_probe(exporter: &Exporter, detours: &Detours) -> [String; 6] {
    let (mut lasting, mut waiting, mut own) = (Vec::new(), Vec::new(), Vec::new());
    let mut carried = 0.0;
    for _ in 0..PROBES {
        tokio::time::sleep(FRESH_PROBE).await;
        let before = detours.traffic();
        let exposition = exporter.get("/probe?source=broker").await;
        let traffic = detours.traffic() - before;
        let lasted = exposition.lines().find_map(|line| {
            let series = line.strip_prefix("platform_probe_duration_seconds")?;
            series.rsplit_once(' ')?.1.parse::<f64>().ok()
        });
        let lasted = lasted.expect("every probe has it") * 1e3;
        lasting.push(lasted);
        waiting.push(traffic.waited);
        own.push(lasted - traffic.waited);
        carried = traffic.bytes;
    }
    let memory = memory(exporter.pid());
    [
        time(median(&lasting)),
        time(median(&waiting)),
        time(median(&own)),
        bytes(carried),
        format!("{:.1} MiB", memory.resident),
        format!("{:.1} MiB", memory.peak),
    ]
}

/// Waits until the broker has finished the work caused by declarations, at most twenty seconds.
async fn settle(broker: &Rabbitmq) {
    for _ in 0..4 {
        if idle(Some(broker.process())).await < 0.15 {
            break;
        }
    }
}

async fn start(detours: &Detours, options: &str) -> Exporter {
    let config = format!(
        "sources: {{broker: {{rabbitmq: {{url: '{}', management_url: '{}'{options}}}, interval: 1h, timeout: 30s}}}}",
        detours.url(BROKER),
        detours.url(MANAGEMENT)
    );
    ours::start(&config, Vec::new(), 1).await
}

/// Declares a range of queues over one channel.
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
