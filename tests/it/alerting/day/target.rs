//! What Prometheus scrapes, by each of the shipped configurations.

use std::collections::BTreeSet;

use super::super::replay::page::Page;
use super::takes::{Take, Takes};

/// A target of Prometheus.
pub(super) struct Target {
    /// The labels that its series get.
    pub(super) labels: String,
    /// Its interval in steps.
    pub(super) every: usize,
    /// What it gives in each take.
    pub(super) pages: Vec<Page>,
}

/// `prometheus/prometheus.yml`: one target.
pub(super) fn of_metrics(takes: &Takes) -> Vec<Target> {
    vec![exporter(takes.iter().map(|take| take.metrics.clone()).collect())]
}

/// `prometheus/probe.yml`: the exporter, and each source.
pub(super) fn of_probes(takes: &Takes) -> Vec<Target> {
    let own = |take: &Take| take.metrics.only(|series| !series.contains("source=\""));
    let sources: BTreeSet<_> = takes.iter().flat_map(|take| take.probes.keys()).collect();
    let source = |source: &String| {
        let pages: Vec<_> =
            takes.iter().map(|take| take.probes.get(source).cloned().unwrap_or_default()).collect();
        let is_slow = pages.iter().any(|page| page.has("stripe_up") || page.has("s3_up"));
        // Every four minutes.
        let labels = format!("job=\"platform_sources\",instance=\"{source}\",source=\"{source}\"");
        Target { labels, every: if is_slow { 16 } else { 1 }, pages }
    };
    [exporter(takes.iter().map(own).collect())].into_iter().chain(sources.into_iter().map(source)).collect()
}

fn exporter(pages: Vec<Page>) -> Target {
    Target { labels: "job=\"platform_exporter\",instance=\"exporter:9884\"".to_owned(), every: 1, pages }
}

impl Target {
    /// All series that it ever gives.
    pub(super) fn series(&self) -> BTreeSet<&String> {
        self.pages.iter().flat_map(Page::series).collect()
    }

    pub(super) fn is_counter(&self, family: &str) -> bool {
        self.pages.iter().any(|page| page.is_counter(family))
    }
}
