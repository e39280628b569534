//! Failures of real servers, and what all rules make of them.
//!
//! What the exporter says before a failure and during it is recorded. promtool then evaluates the shipped rules over an
//! hour in which all is as before, and over a time in which the failure lasts: `series.rs`. So an alert that waits for an
//! hour is seen within seconds, by what the servers really said.

mod series;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use testkit::exporter::Exporter;
use testkit::time::now;
use testkit::wait::PAUSE;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::files::passes;
use super::on_servers::Seen;
use super::replay::page::Page;
use super::replay::{OF_PROMETHEUS, Sample, heading, write_series};

/// With much time for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Seconds between two scrapes.
const STEP: usize = 15;

/// How often rules are evaluated, in seconds: less often in a long time, which would take too long.
fn evaluation(steps: usize) -> usize {
    if steps * STEP < 100_000 { 60 } else { 300 }
}

/// For how many steps all is well before a failure.
const WELL: usize = 3600 / STEP;

/// Every alert that fires, but the one that always does.
const FIRING: &str = "ALERTS{alertstate=\"firing\",alertname!=\"Watchdog\"}";

/// What the exporter said twice: every source was probed in between.
struct Recording {
    first: Take,
    second: Take,
}

struct Take {
    at: f64,
    page: Page,
}

/// The failures of the servers behind an exporter, one after the other.
pub(crate) struct Drills<'a> {
    exporter: &'a Exporter,
    well: Option<Arc<Recording>>,
    seen: BTreeSet<Seen>,
}

impl<'a> Drills<'a> {
    pub(crate) fn of(exporter: &'a Exporter) -> Self {
        Self { exporter, well: None, seen: BTreeSet::new() }
    }

    /// Waits until all is well, and records that.
    pub(crate) async fn well(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let mut was_well = false;
        loop {
            let recording = Recording::of(self.exporter).await;
            let trouble = recording.second.page.trouble();
            // Counters follow a moment later: the first recording may have the end of the failure before.
            if trouble.is_empty() && was_well {
                self.well = Some(Arc::new(recording));
                return;
            }
            was_well = trouble.is_empty();
            if was_well {
                continue;
            }
            assert!(Instant::now() < deadline, "{trouble:#?}\n{}", self.exporter.log());
            tokio::time::sleep(10 * PAUSE).await;
        }
    }

    /// Waits until all is counted that was done to the servers before this: a probe that was under way may lack some.
    pub(crate) async fn settled(&self) {
        for _ in 0..2 {
            Recording::of(self.exporter).await;
        }
    }

    /// Records a failure that can be seen already. If it lasts so long, exactly these alerts fire; none did before.
    pub(crate) async fn fires(&mut self, lasts: Duration, alerts: &[Seen]) {
        let failure = Recording::of(self.exporter).await;
        let well = Arc::clone(self.well.as_ref().expect("all was well before"));
        let expected = alerts.to_vec();
        // Drills of other servers go on.
        let evaluation = spawn_blocking(move || evaluate(&well, &failure, lasts, &expected));
        evaluation.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        self.seen.extend(alerts);
    }

    /// What has fired.
    pub(crate) fn seen(self) -> BTreeSet<Seen> {
        self.seen
    }

    /// Compares what has fired with the list of it.
    pub(crate) fn have_seen(&self, listed: &[Seen]) {
        have_seen(&self.seen, listed);
    }
}

/// Compares what has fired in drills of several exporters with the list of it.
pub(crate) fn have_seen(seen: &BTreeSet<Seen>, listed: &[Seen]) {
    assert_eq!(*seen, listed.iter().copied().collect(), "tests/it/alerting/on_servers.rs");
}

/// Does something again and again, so many times at once, while something else goes on.
pub(crate) async fn beside(load: impl AsyncFn(), times: usize, work: impl Future<Output = ()>) {
    let repeat = async || -> Infallible {
        loop {
            load().await;
        }
    };
    tokio::select! {
        never = select_all((0..times).map(|_| Box::pin(repeat()))) => match never.0 {},
        () = work => {}
    }
}

impl Recording {
    async fn of(exporter: &Exporter) -> Self {
        let first = Take::of(exporter).await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let second = Take::of(exporter).await;
            if first.is_before_a_probe_of_all(&second) {
                return Self { first, second };
            }
            assert!(Instant::now() < deadline, "not every source is probed\n{}", exporter.log());
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Take {
    async fn of(exporter: &Exporter) -> Self {
        let page = Page::parse(&exporter.get("/metrics").await);
        Self { at: now(), page }
    }

    /// Whether every source was probed between the two, and the exporter's clock went on.
    fn is_before_a_probe_of_all(&self, second: &Self) -> bool {
        let went_on = |family: &str| {
            let mut series = second.page.of(family);
            series.all(|(labels, value)| {
                self.page.value(&format!("{family}{labels}")).is_none_or(|first| first < value)
            })
        };
        went_on("platform_probes_total") && went_on("platform_clock_last_beat_timestamp_seconds")
    }
}

/// Has promtool find exactly these alerts.
fn evaluate(well: &Recording, failure: &Recording, lasts: Duration, alerts: &[Seen]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("drill.yml");
    std::fs::write(&file, unit_test(well, failure, lasts, alerts)).unwrap();
    // Collecting garbage less often saves time.
    passes("env", &["GOGC=400", "promtool", "test", "rules"], &[file]);
}

fn unit_test(well: &Recording, failure: &Recording, lasts: Duration, alerts: &[Seen]) -> String {
    let steps = WELL + usize::try_from(lasts.as_secs()).unwrap() / STEP;
    let mut text = heading(STEP, evaluation(steps));
    let each: Vec<_> = alerts
        .iter()
        .map(|(alert, severity)| {
            format!("{{labels: '{{alertname=\"{alert}\",severity=\"{severity}\"}}', value: 1}}")
        })
        .collect();
    for (step, expected) in [(WELL - 1, ""), (steps, &*each.join(", "))] {
        let time = step * STEP;
        let expr = format!("group by (alertname, severity) (count_over_time({FIRING}[{time}s]))");
        writeln!(text, "      - {{eval_time: {time}s, expr: '{expr}', exp_samples: [{expected}]}}").unwrap();
    }
    text.push_str("    input_series:\n");
    for (series, value) in OF_PROMETHEUS {
        write_series(&mut text, series, &vec![Sample::Value(value); steps + 1]);
    }
    series::write(&mut text, well, failure, steps);
    text
}
