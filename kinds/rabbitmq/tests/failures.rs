//! Brokers that hang, die and come back.

use std::time::Duration;

use platform_core::probe::Reason;
use serde_json::json;

use super::{SOON, Subject, both, problems, reasons, the, well};
use crate::packs::exported::check_live;
use testkit::proxy::{Mode, Proxy};
use testkit::rabbitmq::Rabbitmq;
use testkit::subject::Surroundings;
use testkit::wait::eventually;

fn impatient(yaml: &str, timeout: Duration) -> Subject {
    Surroundings { timeout, ..Surroundings::default() }.source(yaml)
}

pub(super) async fn is_down(subject: &mut Subject, reason: Reason) {
    let problem = subject.probe().await.expect_err("it is down");
    assert_eq!(problem.reason, reason, "{problem}");
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux has /proc").count()
}

/// The driver's own threads in this process.
fn driver_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux has /proc").flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("lapin-io-loop")).count()
}

#[tokio::test]
async fn a_broker_hangs_dies_and_comes_back() {
    let mut broker = Rabbitmq::start().await;
    broker.add_queue("%2f", "orders", json!({})).await;
    let mut subject = both(&broker, "%2f", ", queues: [orders]");
    well(&mut subject).await;

    broker.stop();
    // The first has its old connection, the second cannot get a new one.
    is_down(&mut subject, Reason::Timeout).await;
    is_down(&mut subject, Reason::Timeout).await;
    broker.resume();
    well(&mut subject).await;

    broker.kill();
    is_down(&mut subject, Reason::Connect).await;
    broker.restart().await;
    well(&mut subject).await;
    // A restart between two probes is no failure of either.
    broker.restart().await;
    let families = well(&mut subject).await.families;
    assert_eq!(the(&families, "rabbitmq_queue_messages", &["/", "orders"]), 0.0);

    a_bad_network_is_distinguished(&broker).await;
    management_alone_can_fail(&broker).await;
}

async fn a_bad_network_is_distinguished(broker: &Rabbitmq) {
    let proxy = Proxy::start(&broker.address()).await;
    let yaml = format!("rabbitmq: {{url: '{}'}}", proxy.through(&broker.url()));
    let mut subject = impatient(&yaml, Duration::from_secs(1));
    proxy.set(Mode::Reset).await;
    for _ in 0..50 {
        is_down(&mut subject, Reason::Connect).await;
    }
    proxy.set(Mode::Pass).await;
    for (mode, reason) in [
        (Mode::Refuse, Reason::Connect),
        (Mode::Reset, Reason::Connect),
        (Mode::Unreachable, Reason::Timeout),
        (Mode::Blackhole, Reason::Timeout),
        (Mode::Cut(20), Reason::Connect),
    ] {
        well(&mut subject).await;
        proxy.set(mode).await;
        is_down(&mut subject, reason).await;
        proxy.set(Mode::Pass).await;
    }
    well(&mut subject).await;
    drop(subject);
    eventually(SOON, "all connections are gone", async || proxy.open() == 0).await;
}

async fn management_alone_can_fail(broker: &Rabbitmq) {
    let proxy = Proxy::start(&broker.management_address()).await;
    let management = proxy.address();
    let yaml = format!(
        "rabbitmq: {{url: '{}', management_url: 'http://{management}', queues: [orders]}}",
        broker.url()
    );
    let mut subject = impatient(&yaml, Duration::from_secs(2));
    for (mode, reason) in [(Mode::Refuse, Reason::Connect), (Mode::Blackhole, Reason::Timeout)] {
        well(&mut subject).await;
        proxy.set(mode).await;
        let observation = subject.probe().await.expect("AMQP answers");
        assert_eq!(reasons(&observation.problems), [reason], "{:?}", observation.problems);
        assert_eq!(the(&observation.families, "rabbitmq_queue_messages_ready", &["/", "orders"]), 0.0);
        proxy.set(Mode::Pass).await;
    }
    well(&mut subject).await;
    // Something else answers there.
    let yaml =
        format!("rabbitmq: {{url: '{}', management_url: 'http://{management}/elsewhere'}}", broker.url());
    assert_eq!(reasons(&problems(&mut impatient(&yaml, Duration::from_secs(2))).await), [Reason::NotFound]);
}

const CANCELLED: usize = 40;

#[tokio::test]
async fn cancelled_probes_leave_nothing_behind() {
    let broker = Rabbitmq::start().await;
    let proxy = Proxy::start(&broker.address()).await;
    let yaml = format!("rabbitmq: {{url: '{}'}}", proxy.through(&broker.url()));
    let mut subject = impatient(&yaml, Duration::from_millis(300));
    eventually(SOON, "it is well", async || subject.probe().await.is_ok()).await;
    broker.stop();
    is_down(&mut subject, Reason::Timeout).await;
    eventually(SOON, "the connection is gone", async || proxy.open() == 0).await;

    let (seen, threads, descriptors) = (proxy.seen(), driver_threads(), descriptors());
    for _ in 0..CANCELLED {
        is_down(&mut subject, Reason::Timeout).await;
    }
    assert_eq!(proxy.seen(), seen + CANCELLED, "each probe tried");
    eventually(SOON, "all connections are gone", async || proxy.open() == 0).await;
    // Other tests of this process have threads and descriptors too, but not so many at once.
    eventually(SOON, "all threads are gone", async || driver_threads() < threads + CANCELLED / 2).await;
    eventually(SOON, "all descriptors are gone", async || self::descriptors() < descriptors + CANCELLED / 2)
        .await;
    broker.resume();
    eventually(SOON, "it is well again", async || subject.probe().await.is_ok()).await;
}

#[tokio::test]
async fn a_command_leaves_without_a_warning_in_the_log_of_the_broker() {
    let broker = Rabbitmq::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let config = format!("sources: {{broker: {{rabbitmq: {{url: '{}'}}}}}}", broker.url());
    let checked = tokio::task::spawn_blocking(move || check_live(directory.path(), &config)).await;
    assert!(checked.expect("it ran").0);
    eventually(SOON, "the connection is closed", async || {
        broker.process().log_tail().contains("closing AMQP connection")
    })
    .await;
    let log = broker.process().log_tail();
    assert!(!log.contains("unexpectedly"), "{log}");
}
