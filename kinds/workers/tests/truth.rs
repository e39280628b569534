//! Every sample in hard states, recounted from what the test has left in each store.

mod class;
mod stores;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use platform_core::heartbeat::{Heartbeats, Signal};

use self::class::{Class, Made};
use self::stores::{Beat, PLAIN, Stores};
use super::{of_class, probe, seconds_ago};
use testkit::recount::{Recounts, Series, series};
use testkit::subject::{Subject, Surroundings, value};
use testkit::wait::eventually;

const HOUR: f64 = 3600.0;

/// The classes that read another source, and the stores of their heartbeats.
struct Scene {
    stores: Stores,
    subject: Subject,
    classes: BTreeMap<&'static str, Class>,
    /// How far the clocks of the stores are ahead.
    ahead: f64,
}

impl Scene {
    async fn start(ahead: f64, more: &str, interval: f64) -> Self {
        let stores = Stores::start(Duration::from_secs_f64(ahead)).await;
        let subject = stores.source(more);
        let class = |interval, states| Class { interval, states, ..Class::default() };
        let mut classes: BTreeMap<_, _> = PLAIN.map(|name| (name, class(Some(interval), &[][..]))).into();
        classes.extend([
            ("sidekiq", class(Some(10.0), &["busy", "idle", "quiet"])),
            ("rq", class(Some(405.0), &["busy", "idle", "started", "suspended"])),
            ("resque", class(Some(60.0), &["busy", "idle"])),
            ("bullmq", class(None, &[])),
        ]);
        Self { stores, subject, classes, ahead }
    }

    /// A heartbeat in each plain layout; those that cannot be read are of workers that are alive in some.
    async fn beat(&mut self, worker: &str, beat: Beat, is_alive: bool) {
        for layout in PLAIN {
            self.stores.beat(layout, worker, beat).await;
            let made = match beat {
                Beat::At(at) => Made::new(worker, Some(at), is_alive),
                // Such a key expires when its worker is gone, unlike what is left in the other stores.
                Beat::Unreadable => Made::new(worker, None, layout == "keys"),
            };
            let workers = &mut self.of(layout).workers;
            workers.retain(|known| known.id != made.id);
            workers.push(made);
        }
    }

    fn of(&mut self, class: &str) -> &mut Class {
        self.classes.get_mut(class).expect("it is one of them")
    }

    async fn clear(&mut self) {
        self.stores.clear().await;
        self.classes.values_mut().for_each(|class| class.workers.clear());
    }

    async fn check(&mut self, recounts: &mut Recounts, state: &str) {
        let families = probe(&mut self.subject).await.families;
        let of_class = |(name, class): (&&str, &Class)| class.series(name);
        let all: Series = self.classes.iter().flat_map(of_class).collect();
        // Clocks of one machine do not differ; those that were put ahead start a moment after they are read.
        let slack = if self.ahead > 0.0 { 2.0 } else { 0.0 };
        let [before, after] = [-slack, slack].map(|slack| {
            let skew = |name: &&str| (series("worker_clock_skew_seconds", &[name]), self.ahead + slack);
            let mut all = all.clone();
            all.extend(self.classes.keys().map(skew));
            all
        });
        recounts.compare(state, &before, &families, &after, &[]);
    }

    /// Two workers in each class, one of which works.
    async fn employ(&mut self) {
        let at = |age: f64| seconds_ago(age - self.ahead).floor();
        let (recent, old) = (at(5.0), at(30.0));
        self.beat("a", Beat::At(recent), true).await;
        self.beat("b", Beat::At(old), true).await;
        let sidekiq = vec![self.stores.sidekiq("web-1", 3).await, self.stores.sidekiq("web-2", 0).await];
        let rq = vec![self.stores.rq("9a1e", "busy").await, self.stores.rq("77c0", "idle").await];
        let resque = vec![
            self.stores.resque("a:1:mail", recent, true, true).await,
            self.stores.resque("a:2:mail", old, false, true).await,
        ];
        let bullmq = vec![self.stores.bullmq("m1").await, self.stores.bullmq("m2").await];
        for (class, workers) in [("sidekiq", sidekiq), ("rq", rq), ("resque", resque), ("bullmq", bullmq)] {
            self.of(class).workers = workers;
        }
    }
}

/// One of two has died.
async fn one_dies(scene: &mut Scene) {
    let dead = seconds_ago(1000.0).floor();
    scene.beat("b", Beat::At(dead), false).await;
    // Their hashes expire, and their names stay.
    scene.stores.redis.run::<()>(&["DEL", "web-2:4:0cb7a8f8d2f1", "rq:worker:77c0"]).await;
    scene.of("sidekiq").workers.pop();
    scene.of("rq").workers.pop();
    scene.of("resque").workers[1] = scene.stores.resque("a:2:mail", dead, false, false).await;
    scene.stores.named.pop();
    scene.of("bullmq").workers.pop();
    let gone = async || {
        let clients: String = scene.stores.redis.run(&["CLIENT", "LIST"]).await;
        !clients.contains(":w:m2")
    };
    eventually(Duration::from_secs(10), "the connection is closed", gone).await;
}

async fn of_stores(recounts: &mut Recounts) {
    let mut scene = Scene::start(0.0, "", 30.0).await;
    scene.check(recounts, "none").await;
    scene.employ().await;
    scene.check(recounts, "as many as expected").await;
    scene.beat("c", Beat::At(seconds_ago(1.0).floor()), true).await;
    let third = scene.stores.sidekiq("web-3", 10).await;
    scene.of("sidekiq").workers.push(third);
    let third = scene.stores.bullmq("m3").await;
    scene.of("bullmq").workers.push(third);
    scene.check(recounts, "more than expected").await;
    scene.clear().await;
    scene.employ().await;
    one_dies(&mut scene).await;
    scene.check(recounts, "one of two has died").await;
    scene.beat("ahead", Beat::At(seconds_ago(-HOUR).floor()), true).await;
    scene.beat("behind", Beat::At(seconds_ago(HOUR).floor()), false).await;
    scene.check(recounts, "workers with clocks an hour ahead and behind").await;
    scene.beat("unreadable", Beat::Unreadable, false).await;
    scene.check(recounts, "times that cannot be read").await;

    scene.stores.redis.run::<()>(&["SAVE"]).await;
    scene.stores.named.clear();
    scene.stores.redis.restart().await;
    scene.of("bullmq").workers.clear();
    scene.check(recounts, "Redis has been restarted, with its data").await;
    scene.clear().await;
    scene.check(recounts, "none is left").await;
}

/// A worker whose clock is ahead has died.
async fn of_the_future(recounts: &mut Recounts) {
    let mut scene = Scene::start(0.0, ", interval: 1s", 1.0).await;
    scene.beat("ahead", Beat::At(seconds_ago(-HOUR).floor()), false).await;
    eventually(Duration::from_secs(30), "it is missed", async || {
        let families = probe(&mut scene.subject).await.families;
        PLAIN.iter().all(|class| value(&families, "workers_alive", &[class]) == Some(0.0))
    })
    .await;
    scene.check(recounts, "a worker whose clock is ahead has died").await;
}

/// The clocks of the stores are ahead, and so are those of the workers.
async fn of_stores_ahead(recounts: &mut Recounts) {
    let mut scene = Scene::start(HOUR, "", 30.0).await;
    for (worker, ago, is_alive) in [("a", 5.0 - HOUR, true), ("b", 200.0 - HOUR, false), ("c", 5.0, false)] {
        scene.beat(worker, Beat::At(seconds_ago(ago).floor()), is_alive).await;
    }
    scene.check(recounts, "stores with clocks an hour ahead").await;
}

/// Workers that push to the exporter, whose clock is the only one.
async fn of_pushes(recounts: &mut Recounts) {
    let heartbeats = Arc::new(Heartbeats::default());
    let surroundings = Surroundings { heartbeats: Arc::clone(&heartbeats), ..Surroundings::default() };
    let yaml = "workers: {classes: {c: {push: true, token: secret, interval: 1h, expected: 2}}}";
    let mut subject = surroundings.source(yaml);
    let none_refused = (series("worker_heartbeats_refused_total", &["c"]), 0.0);
    let started = Series::from([
        (series("workers_expected", &["c"]), 2.0),
        (series("worker_heartbeat_interval_seconds", &["c"]), HOUR),
        (series("workers", &["c", "failed"]), 0.0),
        (series("workers", &["c", "running"]), 0.0),
        (series("workers", &["c", "succeeded"]), 0.0),
        (series("workers", &["c", "offline"]), 2.0),
        none_refused.clone(),
    ]);
    recounts.compare(
        "pushes: the exporter has just started",
        &started,
        &probe(&mut subject).await.families,
        &started,
        &[],
    );

    let mut workers = Vec::new();
    for (worker, signal, age, state, is_alive) in [
        ("a", Signal::Success, 10.0, "succeeded", true),
        ("b", Signal::Exit(0), 20.0, "succeeded", true),
        ("c", Signal::Start, 30.0, "running", true),
        ("d", Signal::Fail, 10.0, "failed", false),
        ("e", Signal::Exit(3), 10.0, "failed", false),
        ("f", Signal::Success, 5.0 * HOUR, "succeeded", false),
    ] {
        let (at, progress) = (seconds_ago(age).floor(), seconds_ago(6.0 * HOUR).floor());
        let is_success = matches!(signal, Signal::Success | Signal::Exit(0));
        for (signal, at) in [(Signal::Success, progress), (signal, at)] {
            heartbeats
                .record("c", worker, signal, UNIX_EPOCH + Duration::from_secs_f64(at))
                .expect("there is room");
        }
        workers.push(Made {
            state: Some(state),
            is_heard: worker != "f",
            progress_at: Some(if is_success { at } else { progress }),
            ..Made::new(worker, Some(at), is_alive)
        });
    }
    let class = Class { interval: Some(HOUR), states: &["failed", "running", "succeeded"], workers };
    let observation = probe(&mut surroundings.source(yaml)).await;
    assert_eq!(of_class(&observation, "workers_alive"), Some(3.0));
    let mut recount = class.series("c");
    recount.extend([none_refused]);
    recounts.compare(
        "pushes: successes, failures, a start, silence",
        &recount,
        &observation.families,
        &recount,
        &[],
    );
}

#[tokio::test]
async fn every_sample_is_true_in_every_state() {
    let mut recounts = Recounts::default();
    of_stores(&mut recounts).await;
    of_the_future(&mut recounts).await;
    of_stores_ahead(&mut recounts).await;
    of_pushes(&mut recounts).await;
    recounts.finish("workers");
}
