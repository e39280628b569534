//! The alerts that failures of real servers raise.

mod load;

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::{Client, Collection};
use tokio::net::TcpStream;

use self::load::{open_cursor, write_slowly};
use crate::alerting::drill::{Drills, beside};
use crate::alerting::on_servers;
use testkit::exporter::Exporter;
use testkit::mongodb::Mongodb;

const MINUTE: Duration = Duration::from_secs(60);

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The server has tickets for 128.
const WRITERS: usize = 120;

const MOST_CONNECTIONS: usize = 400;

/// What watches a server, and a client of it.
struct Scene<'a> {
    exporter: &'a Exporter,
    client: Client,
    address: String,
    /// The name that the server gives itself.
    host: String,
}

impl Scene<'_> {
    fn items(&self) -> Collection<Document> {
        self.client.database("shop").collection("items")
    }

    async fn run(&self, command: Document) {
        let answer = self.client.database("admin").run_command(command.clone()).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"));
    }

    /// A series of serverStatus with further labels.
    fn status(&self, family: &str, labels: &str) -> String {
        series(family, &format!(",host=\"{}\"{labels}", self.host))
    }

    async fn value(&self, series: &str) -> f64 {
        self.exporter.value(series).await.unwrap_or_else(|| panic!("{series} is there"))
    }
}

/// The server ends cursors once in a second, so within each interval.
async fn exporter(url: &str) -> Exporter {
    let source = format!("{{mongodb: {{url: '{url}', slow_operation: 5s}}, interval: 2s}}");
    Exporter::start(&format!("sources: {{shop: {source}}}")).await
}

/// The series of the source with further labels.
fn series(family: &str, labels: &str) -> String {
    format!("{family}{{source=\"shop\"{labels}}}")
}

async fn connections(scene: &Scene<'_>, drills: &mut Drills<'_>) {
    drills.well().await;
    let available = scene.status("mongodb_ss_connections", ",conn_type=\"available\"");
    let most = scene.value(&available).await - 10.0;
    let mut clients = Vec::new();
    while (clients.len() as f64) < most {
        clients.push(TcpStream::connect(&scene.address).await.expect("there is room"));
    }
    scene.exporter.wait_until(&available, |left| left < 16.0, PATIENCE).await;
    drills
        .fires(15 * MINUTE, &[("MongodbConnectionsHigh", "critical"), ("MongodbConnectionsHigh", "warning")])
        .await;
}

async fn slow(scene: &Scene<'_>, drills: &mut Drills<'_>) {
    let slow = series("mongodb_currentop_slow_operations", "");
    drills.well().await;
    let items = scene.items();
    let waiting = tokio::spawn(async move { items.find_one(doc! {"$where": "sleep(600000) || true"}).await });
    scene.exporter.wait_until(&slow, |operations| operations > 0.0, PATIENCE).await;
    drills.fires(20 * MINUTE, &[("MongodbOperationsSlow", "warning")]).await;
    waiting.abort();
    scene.exporter.wait_until(&slow, |operations| operations == 0.0, PATIENCE).await;

    drills.well().await;
    let write = async || write_slowly(&scene.items()).await;
    beside(write, 5, drills.fires(20 * MINUTE, &[("MongodbLatencyHigh", "warning")])).await;
    // One that has begun after all others ends after them.
    write_slowly(&scene.items()).await;
    drills.settled().await;

    drills.well().await;
    let scan = async || {
        scene.items().find_one(doc! {"has": "no index"}).await.expect("it answers");
    };
    beside(scan, 3, drills.fires(45 * MINUTE, &[("MongodbCollectionScans", "info")])).await;
    drills.settled().await;
}

/// Writers that wait for a lock, each with a ticket.
async fn queued(scene: &Scene<'_>, drills: &mut Drills<'_>) {
    drills.well().await;
    scene.run(doc! {"fsync": 1, "lock": true}).await;
    let write = |_| {
        let items = scene.items();
        tokio::spawn(async move { items.insert_one(doc! {"late": true}).await })
    };
    let writers: Vec<_> = (0..WRITERS).map(write).collect();
    let all = WRITERS as f64;
    let queue = scene.status("mongodb_ss_globalLock_currentQueue", ",count_type=\"total\"");
    scene.exporter.wait_until(&queue, |queued| queued >= all, PATIENCE).await;
    let slow = series("mongodb_currentop_slow_operations", "");
    scene.exporter.wait_until(&slow, |operations| operations >= all, PATIENCE).await;
    drills
        .fires(
            15 * MINUTE,
            &[
                ("MongodbOperationsQueued", "warning"),
                ("MongodbOperationsSlow", "warning"),
                ("MongodbTicketsLow", "warning"),
            ],
        )
        .await;
    scene.run(doc! {"fsyncUnlock": 1}).await;
    for writer in writers {
        writer.await.expect("it ends").expect("it is written");
    }
    scene.exporter.wait_until(&slow, |operations| operations == 0.0, PATIENCE).await;
}

async fn cursors(scene: &Scene<'_>, drills: &mut Drills<'_>) {
    drills.well().await;
    let open = scene.status("mongodb_ss_metrics_cursor_open", ",csr_type=\"total\"");
    let open_one = async || open_cursor(&scene.client).await;
    beside(open_one, 10, scene.exporter.wait_until(&open, |cursors| cursors > 10_000.0, PATIENCE)).await;
    drills.fires(10 * MINUTE, &[("MongodbCursorsOpenHigh", "warning")]).await;
    scene.run(doc! {"setParameter": 1, "cursorTimeoutMillis": 1}).await;
    scene.exporter.wait_until(&open, |cursors| cursors < 10.0, PATIENCE).await;

    drills.well().await;
    beside(open_one, 3, drills.fires(15 * MINUTE, &[("MongodbCursorsTimedOut", "warning")])).await;
    // The last ones time out too.
    scene.exporter.wait_until(&open, |cursors| cursors < 10.0, PATIENCE).await;
    drills.settled().await;
}

async fn ends(server: &mut Mongodb, scene: &Scene<'_>, drills: &mut Drills<'_>) {
    drills.well().await;
    let uptime = scene.status("mongodb_ss_uptime", "");
    let before = scene.value(&uptime).await;
    server.restart().await;
    scene.exporter.wait_until(&uptime, |seconds| seconds < before, PATIENCE).await;
    drills.fires(15 * MINUTE, &[("MongodbRestarted", "info")]).await;

    drills.well().await;
    server.kill();
    scene
        .exporter
        .wait_until("platform_source_up{source=\"shop\",kind=\"mongodb\"}", |up| up == 0.0, PATIENCE)
        .await;
    drills.fires(15 * MINUTE, &[("PlatformSourceDown", "critical")]).await;
}

#[tokio::test]
async fn failures_raise_their_alerts_and_no_others() {
    let mut server = Mongodb::options()
        .argument(&format!("--maxConns={MOST_CONNECTIONS}"))
        .argument("--setParameter=clientCursorMonitorFrequencySecs=1")
        // The driver opens every cursor in a session.
        .argument("--setParameter=enableTimeoutOfInactiveSessionCursors=true")
        .start()
        .await;
    let exporter = exporter(&server.url()).await;
    let client = Client::with_uri_str(format!("{}&maxPoolSize=200", server.url())).await;
    let status = server.run(doc! {"serverStatus": 1}).await;
    let scene = Scene {
        exporter: &exporter,
        client: client.expect("our own URL"),
        address: server.address(),
        host: status.get_str("host").expect("it has a name").to_owned(),
    };
    scene.items().insert_many((0..5).map(|n| doc! {"n": n})).await.expect("it takes them");
    let mut drills = Drills::of(&exporter);
    connections(&scene, &mut drills).await;
    slow(&scene, &mut drills).await;
    queued(&scene, &mut drills).await;
    cursors(&scene, &mut drills).await;
    ends(&mut server, &scene, &mut drills).await;
    drills.have_seen(&on_servers::MONGODB);
}
