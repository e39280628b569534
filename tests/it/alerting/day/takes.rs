//! What the exporter really says at the moments of a day: before, during and after each event, on real servers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use futures_util::future::join_all;
use testkit::exporter::Exporter;
use testkit::time::now;
use testkit::wait::{PAUSE, eventually};
use tokio::time::Instant;

use super::super::replay::page::Page;

/// With much time for a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(400);

/// A moment of the day, in the order in which they are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Quiet,
    LogRotated,
    Deploying,
    Deployed,
    Reloading,
    Reloaded,
    MemberGone,
    MemberBack,
    FailingOver,
    FailedOver,
    RedisGone,
    RedisBack,
    RedisWell,
    ExporterStarting,
    ExporterWell,
    SessionsGone,
    SessionsWell,
}

/// What both ways of scraping give at a moment.
#[derive(Debug)]
pub(super) struct Take {
    pub(super) moment: Moment,
    /// The Unix time.
    pub(super) at: f64,
    pub(super) metrics: Page,
    /// By source.
    pub(super) probes: BTreeMap<String, Page>,
}

/// Those of a day. A moment has several where all is well, so that what differs between probes differs in the day, too.
#[derive(Debug, Default)]
pub(super) struct Takes {
    takes: Vec<Take>,
    /// The numbers of those of each moment.
    moments: [Range<usize>; MOMENTS],
}

const MOMENTS: usize = Moment::SessionsWell as usize + 1;

impl Takes {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Take> {
        self.takes.iter()
    }

    /// The numbers of those of a moment.
    pub(super) fn of(&self, moment: Moment) -> Range<usize> {
        let takes = self.moments[moment as usize].clone();
        assert!(!takes.is_empty(), "{moment:?} was not recorded");
        takes
    }

    fn push(&mut self, take: Take) {
        let (number, moment) = (self.takes.len(), &mut self.moments[take.moment as usize]);
        *moment = if moment.end == 0 { number } else { moment.start }..number + 1;
        self.takes.push(take);
    }

    /// Adds one at once.
    pub(super) async fn add(&mut self, exporter: &Exporter, moment: Moment) {
        self.push(Take::of(exporter, moment).await);
    }

    /// Adds the first in which a series has a value.
    pub(super) async fn first(&mut self, exporter: &Exporter, moment: Moment, series: &str, value: f64) {
        exporter.wait_for(series, value, PATIENCE).await;
        self.add(exporter, moment).await;
    }

    /// Adds some in which all is well, each after every source was probed again.
    pub(super) async fn well(&mut self, exporter: &Exporter, moment: Moment, count: usize) {
        let mut since = now();
        for _ in 0..count {
            let take = well(exporter, moment, since).await;
            since = take.at;
            self.push(take);
        }
    }
}

async fn well(exporter: &Exporter, moment: Moment, since: f64) -> Take {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let take = Take::of(exporter, moment).await;
        let trouble = take.trouble(since);
        if trouble.is_empty() {
            return take;
        }
        assert!(Instant::now() < deadline, "{moment:?}: {trouble:#?}\n{}", exporter.log());
        tokio::time::sleep(10 * PAUSE).await;
    }
}

impl Take {
    async fn of(exporter: &Exporter, moment: Moment) -> Self {
        let metrics = Page::parse(&exporter.get("/metrics").await);
        let at = now();
        let sources: Vec<_> = metrics.of("platform_source_up").map(|(labels, _)| source(labels)).collect();
        let probe = async |source: String| {
            let page = Page::parse(&exporter.get(&format!("/probe?source={source}")).await);
            (source, page)
        };
        let probes = join_all(sources.into_iter().map(probe)).await.into_iter().collect();
        Self { moment, at, metrics, probes }
    }

    /// Why not all is well, or why not every source was probed since a time.
    fn trouble(&self, since: f64) -> Vec<String> {
        let mut trouble: Vec<_> = self.probes.values().chain([&self.metrics]).flat_map(trouble_of).collect();
        let last = self.metrics.of("platform_source_last_success_timestamp_seconds");
        let last = last.filter(|(_, last)| *last <= since);
        trouble.extend(last.map(|(labels, _)| format!("{labels} was not probed")));
        if self.metrics.value("redis_connected_slaves{source=\"sessions\"}") != Some(1.0) {
            trouble.push("the replica is missing".to_owned());
        }
        let probes = self.probes.iter().filter(|(source, _)| *source != "payments").map(|(_, page)| page);
        if drift([&self.metrics]) != 0.0 || drift(probes) != 0.0 {
            trouble.push("somebody subscribes".to_owned());
        }
        trouble
    }
}

/// What is wrong by a page.
fn trouble_of(page: &Page) -> Vec<String> {
    let is_missing = |labels: &str, alive: f64| {
        page.value(&format!("workers_expected{labels}")).is_some_and(|expected| alive < expected)
    };
    [
        page.trouble(),
        page.wrong("platform_source_problem", |_, _| true),
        page.wrong("platform_roll_up_success", |_, value| value < 1.0),
        page.wrong("workers_alive", is_missing),
        page.wrong("rabbitmq_queue_without_consumers", |_, value| value > 0.0),
        page.wrong("mongodb_rs_members_health", |_, value| value < 1.0),
    ]
    .concat()
}

/// How many accounts of Hayon pay by its database and not by Stripe: the two are not asked at the same time.
fn drift<'a>(pages: impl IntoIterator<Item = &'a Page>) -> f64 {
    let of_page = |page: &Page| {
        let paid: f64 = page.of("hayon_users_paid").map(|(_, users)| users).sum();
        let of_hayon =
            |labels: &str| labels.contains("status=\"active\"") && !labels.contains("\"payments\"");
        let active = page.of("stripe_subscriptions").filter(|(labels, _)| of_hayon(labels));
        paid - active.map(|(_, subscriptions)| subscriptions).sum::<f64>()
    };
    pages.into_iter().map(of_page).sum()
}

/// Waits until a page is as it should be.
pub(super) async fn until_page(exporter: &Exporter, what: &str, is_so: impl Fn(&Page) -> bool) {
    eventually(PATIENCE, what, async || is_so(&Page::parse(&exporter.get("/metrics").await))).await;
}

/// The label `source`.
fn source(labels: &str) -> String {
    let (_, rest) = labels.split_once("source=\"").expect("every source has a name");
    rest.split('"').next().unwrap_or_default().to_owned()
}
