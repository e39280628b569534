use std::time::Duration;

use procfs::process::{ClearRefs, Process};

use super::{content, management};
use testkit::exporter::{Exporter, value};
use testkit::fake_broker::FakeBroker;
use testkit::wait::eventually;
use testkit::web::{Asked, Reply, Web, reply};

/// The binary with these sources, and one beside them that nothing happens to.
pub(super) struct Watched {
    exporter: Exporter,
    sources: usize,
    before: u64,
    _web: Web,
}

const SOON: Duration = Duration::from_secs(60);

impl Watched {
    pub(super) async fn start(contents: &[String], timeout: Duration) -> Self {
        let web = Web::start(|_| reply(200, "fine")).await;
        let times = format!("interval: {0}s\n    timeout: {0}s", timeout.as_secs());
        let mut config = format!("sources:\n  other:\n    http: {{url: '{}'}}\n    {times}\n", web.url("/"));
        for (number, content) in contents.iter().enumerate() {
            config.push_str(&format!("  source{number}:\n    {content}\n    {times}\n"));
        }
        // Otherwise the peak depends on when the allocator returns what was freed, and so on how busy the machine is.
        let options = Exporter::options(&config).variable("MIMALLOC_PURGE_DELAY", "0");
        let exporter = options.start().await;
        let process = Process::new(exporter.pid().as_raw()).expect("it runs");
        let before = process.status().expect("it runs").vmrss.unwrap_or_default();
        process.clear_refs(ClearRefs::PeakRSS).expect("our own child");
        Self { exporter, sources: contents.len(), before, _web: web }
    }

    /// Waits until every source has been probed so many times more, and the one beside them as well.
    pub(super) async fn goes_on(&self, probes: u32) {
        eventually(SOON, "all sources are probed", async || {
            let exposition = self.exporter.get("/metrics").await;
            let counted = exposition.lines().filter(|line| line.starts_with("platform_probes_total{"));
            let counted = counted.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            counted.filter(|count| *count >= f64::from(probes)).count() > self.sources
        })
        .await;
        let up =
            value(&self.exporter.get("/metrics").await, r#"platform_source_up{source="other",kind="http"}"#);
        assert_eq!(up, Some(1.0), "{}", self.exporter.log());
    }

    /// The peak of memory since the start, in MiB.
    pub(super) fn taken(&self) -> u64 {
        let process = Process::new(self.exporter.pid().as_raw()).expect("it runs");
        let peak = process.status().expect("it runs").vmhwm.unwrap_or_default();
        peak.saturating_sub(self.before) / 1024
    }
}

/// A list of as many items as fit, or as there shall be.
fn list(item: impl Fn(usize) -> String, bytes: usize, items: usize) -> String {
    let mut text = String::from("[");
    for number in 0..items {
        let item = item(number);
        if text.len() + item.len() + 2 > bytes {
            break;
        }
        text.extend([if number > 0 { "," } else { "" }, &item]);
    }
    text + "]"
}

const MIB: usize = 1 << 20;

/// What a kind's service answers, and how much memory it may take, in MiB.
struct Case {
    kind: &'static str,
    name: &'static str,
    answer: Box<dyn Fn(&Asked) -> Reply + Send + Sync>,
    most: u64,
}

/// The management interface, with other answers to some paths.
fn broker(answers: Vec<(&'static str, String)>) -> Box<dyn Fn(&Asked) -> Reply + Send + Sync> {
    let answers: Vec<_> =
        answers.into_iter().map(|(path, body)| (path, hyper::body::Bytes::from(body))).collect();
    Box::new(move |asked| {
        let found = answers.iter().find(|(path, _)| asked.path.starts_with(&format!("/api/{path}")));
        found.map_or_else(|| management(asked), |(_, body)| reply(200, body.clone()))
    })
}

fn always(body: String) -> Box<dyn Fn(&Asked) -> Reply + Send + Sync> {
    let body = hyper::body::Bytes::from(body);
    Box::new(move |_| reply(200, body.clone()))
}

fn cases() -> Vec<Case> {
    let queue = |number: usize| {
        format!(
            r#"{{"vhost":"v","name":"{number:0200}","arguments":{{"x-dead-letter-exchange":"dlx"}},"messages":1}}"#
        )
    };
    let binding = |number: usize| {
        format!(
            r#"{{"vhost":"v","source":"dlx","destination":"{number:0200}","destination_type":"queue","routing_key":""}}"#
        )
    };
    let consumer = |number: usize| format!(r#"{{"queue":{{"vhost":"v","name":"{number:0100}"}}}}"#);
    let small = |_: usize| r#"{"vhost":"","name":""}"#.to_owned();
    let policy = |number: usize| {
        format!(
            r#"{{"vhost":"v","name":"{number}","pattern":"[a-z0-9]{{400}}{number}","apply-to":"all","definition":{{"dead-letter-exchange":"dlx"}}}}"#
        )
    };
    let exchange = r#"[{"vhost":"v","name":"dlx","type":"fanout"}]"#.to_owned();
    let event =
        |number: usize| format!(r#"{{"id":"{number:0200}","type":"{number:0200}","created":{number}}}"#);
    let page = |data: String| format!(r#"{{"data":{data},"has_more":true}}"#);
    let objects = |bytes: usize| {
        let contents = "<Contents><Key></Key></Contents>".repeat(bytes / 33);
        format!(
            r#"<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{contents}</ListBucketResult>"#
        )
    };
    vec![
        Case {
            kind: "rabbitmq",
            name: "more queues than are decoded",
            answer: broker(vec![("queues", list(small, 32 * MIB, usize::MAX))]),
            most: 128,
        },
        Case {
            kind: "rabbitmq",
            name: "as many queues, bindings and consumers as are decoded",
            answer: broker(vec![
                ("queues", list(queue, 32 * MIB, 100_000)),
                ("exchanges", exchange),
                ("bindings", list(binding, 32 * MIB, 200_000)),
                ("consumers", list(consumer, 32 * MIB, 200_000)),
            ]),
            most: 320,
        },
        Case {
            kind: "rabbitmq",
            name: "as many patterns of policies as are decoded",
            answer: broker(vec![
                ("queues", list(queue, MIB, 10_000)),
                ("policies", list(policy, 4 * MIB, 10_000)),
            ]),
            most: 192,
        },
        Case {
            kind: "stripe",
            name: "pages of 16 MiB that are not lists of objects",
            answer: always(page(list(|_| "[]".to_owned(), 16 * MIB - 99, usize::MAX))),
            most: 48,
        },
        Case {
            kind: "stripe",
            name: "more objects than a page has",
            answer: always(page(list(event, 16 * MIB - 99, usize::MAX))),
            most: 48,
        },
        Case { kind: "s3", name: "a page of objects without keys", answer: always(objects(MIB)), most: 24 },
        Case {
            kind: "s3 objects",
            name: "a page of objects without keys",
            answer: always(objects(4 * MIB)),
            most: 64,
        },
        Case { kind: "http", name: "1 MiB and more", answer: always("x".repeat(64 * MIB)), most: 16 },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_bounded_for_the_worst_answers() {
    let amqp = FakeBroker::start().await;
    for Case { kind, name, answer, most } in cases() {
        let web = Web::start(answer).await;
        let watched = Watched::start(&[content(kind, &amqp, web.address())], Duration::from_secs(10)).await;
        watched.goes_on(1).await;
        let taken = watched.taken();
        println!("{kind}, {name}: {taken} MiB");
        assert!(taken <= most, "{kind}, {name}: {taken} MiB");
    }
}
