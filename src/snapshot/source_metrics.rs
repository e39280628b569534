//! The health of sources and their queries, exported the same way for every kind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use platform_core::metric::{Desc, Families, Family, timestamp};
use platform_core::probe::Reason;
use platform_core::setting::SourceName;

use super::status::Status;
use crate::pack::PackRole;
use crate::registry::Kind;

const UP: Desc = Desc::gauge(
    "platform_source_up",
    &["kind"],
    "Whether the last probe reached the source (1) or not (0); exported from the start.",
);
const STATUS: Desc = Desc::gauge(
    "platform_source_status",
    &["kind", "status"],
    "1 for the current status of the source, 0 for the others.",
);
const PROBLEM: Desc = Desc::gauge(
    "platform_source_problem",
    &["kind", "reason"],
    "1 for each reason why the source is not up.",
);
const LAST_SUCCESS: Desc = Desc::gauge(
    "platform_source_last_success_timestamp_seconds",
    &["kind"],
    "Unix time of the last probe that reached the source.",
);
const DURATION: Desc =
    Desc::gauge("platform_probe_duration_seconds", &["kind"], "Duration of the last probe.");
const PROBES: Desc =
    Desc::counter("platform_probes_total", &["kind"], "Completed probes, successful or not.");
const FAILURES: Desc = Desc::counter(
    "platform_probe_failures_total",
    &["kind", "reason"],
    "Probes that did not reach the source, by reason.",
);
const ASKS: Desc = Desc::gauge(
    "platform_source_asks_info",
    &["kind", "asked"],
    "1 for each other source that this one is read through: while that one is down, this one cannot be checked.",
);
const PACK: Desc = Desc::gauge(
    "platform_source_pack_info",
    &["kind", "pack", "deployment", "input"],
    "1 for each input of a pack that this source is; the deployment is the pack's name in the configuration.",
);
const QUERY_LAST_SUCCESS: Desc = Desc::gauge(
    "platform_query_last_success_timestamp_seconds",
    &["query"],
    "Unix time of the query's last good result.",
);
const QUERY_LAST_RUN: Desc = Desc::gauge(
    "platform_query_last_run_successful",
    &["query"],
    "Whether the last run of the query succeeded: 1 or 0.",
);
const QUERY_PROBLEM: Desc = Desc::gauge(
    "platform_query_problem",
    &["query", "reason"],
    "1 for each reason why the query has no fresh result.",
);
const QUERY_MAX_AGE: Desc = Desc::gauge(
    "platform_query_max_age_seconds",
    &["query"],
    "How long a good result of the query is exported if no newer one follows.",
);
const QUERY_DURATION: Desc =
    Desc::gauge("platform_query_duration_seconds", &["query"], "Duration of the query's last run.");
const QUERY_WAIT: Desc = Desc::gauge(
    "platform_query_wait_seconds",
    &["query"],
    "How long the query's last run waited for other queries of its source.",
);
const QUERY_SERIES: Desc =
    Desc::gauge("platform_query_series", &["query"], "Series in the query's last good result.");
const QUERY_FAILURES: Desc = Desc::counter(
    "platform_query_failures_total",
    &["query", "reason"],
    "Failed runs of the query, by reason.",
);
const DROPPED: Desc = Desc::gauge(
    "platform_series_dropped",
    &["query"],
    "Label sets over the query's max_series in its last good result, summed under `other`.",
);

const CUT: Desc = Desc::gauge(
    "platform_label_values_cut",
    &["query"],
    "Label values of the query's last good result that were longer than 256 characters and have been cut.",
);

/// The most common failures of a query: their counters start at 0, so that the first failure shows as an increase.
const LIKELY: [Reason; 5] =
    [Reason::Timeout, Reason::Connect, Reason::Permission, Reason::Query, Reason::Cardinality];

/// Every family of the health layer.
pub fn catalogue() -> Vec<Desc> {
    vec![
        UP,
        STATUS,
        PROBLEM,
        LAST_SUCCESS,
        DURATION,
        PROBES,
        FAILURES,
        ASKS,
        PACK,
        QUERY_LAST_SUCCESS,
        QUERY_LAST_RUN,
        QUERY_PROBLEM,
        QUERY_MAX_AGE,
        QUERY_DURATION,
        QUERY_WAIT,
        QUERY_SERIES,
        QUERY_FAILURES,
        DROPPED,
        CUT,
    ]
}

/// What a source is to others, by the configuration.
#[derive(Clone, Default)]
pub(super) struct Relations {
    /// The sources that it is read through.
    pub(super) asks: BTreeSet<SourceName>,
    /// Which inputs of packs it is.
    pub(super) roles: BTreeSet<PackRole>,
}

/// The probes of a source so far.
#[derive(Clone)]
pub(super) struct ProbeRecord {
    pub(super) probes: u64,
    pub(super) failures: BTreeMap<Reason, u64>,
    pub(super) last_success: Option<SystemTime>,
    pub(super) last_duration: Option<Duration>,
}

/// The runs of a query so far.
#[derive(Clone, Default)]
pub(super) struct QueryRecord {
    pub(super) outcome: Outcome,
    pub(super) last_success: Option<SystemTime>,
    pub(super) last_wait: Option<Duration>,
    pub(super) last_duration: Option<Duration>,
    /// Whether the last run succeeded.
    pub(super) is_last_good: bool,
    pub(super) max_age: Duration,
}

/// What seldom changes from one run of a query to the next.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Outcome {
    /// Why the last run failed.
    pub(super) reasons: Vec<Reason>,
    pub(super) series: usize,
    pub(super) dropped: usize,
    pub(super) cut: usize,
    pub(super) failures: BTreeMap<Reason, u64>,
}

impl ProbeRecord {
    /// No probes. The counters of these reasons start at 0.
    pub(super) fn new(reasons: impl Iterator<Item = Reason>) -> Self {
        let failures = reasons.map(|reason| (reason, 0)).collect();
        Self { probes: 0, failures, last_success: None, last_duration: None }
    }

    /// The families of the source itself, without its queries.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(super) fn families(
        &self,
        kind: Kind,
        status: Status,
        reasons: &[Reason],
        relations: &Relations,
    ) -> Vec<Family> {
        let (name, up) = (kind.as_str(), f64::from(status.is_up()));
        let mut families = Families::default();
        families.push(&UP, [name], up);
        for one in Status::ALL {
            families.push(&STATUS, [name, one.as_str()], f64::from(one == status));
        }
        for reason in reasons {
            families.push(&PROBLEM, [name, reason.as_str()], 1.0);
        }
        families.push_some(&LAST_SUCCESS, [name], self.last_success.map(timestamp));
        families.push_some(&DURATION, [name], self.last_duration.map(|duration| duration.as_secs_f64()));
        families.push(&PROBES, [name], self.probes as f64);
        for (reason, count) in &self.failures {
            families.push(&FAILURES, [name, reason.as_str()], *count as f64);
        }
        for asked in &relations.asks {
            families.push(&ASKS, [name, asked.as_str()], 1.0);
        }
        for PackRole { pack, deployment, input } in &relations.roles {
            families.push(&PACK, [name, pack, deployment, input], 1.0);
        }
        if let Some(desc) = &kind.facts().up {
            families.push(desc, [], up);
        }
        families.into_vec()
    }
}

impl QueryRecord {
    /// Families that change with each run.
    pub(super) fn run(&self, name: &str) -> Vec<Family> {
        let mut families = Families::default();
        families.push_some(&QUERY_LAST_SUCCESS, [name], self.last_success.map(timestamp));
        let duration = self.last_duration.map(|duration| duration.as_secs_f64());
        families.push_some(&QUERY_DURATION, [name], duration);
        families.push_some(&QUERY_WAIT, [name], self.last_wait.map(|wait| wait.as_secs_f64()));
        families.push_some(&QUERY_LAST_RUN, [name], duration.map(|_| f64::from(self.is_last_good)));
        families.into_vec()
    }

    /// Families that stay the same while the result does.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(super) fn counts(&self, name: &str) -> Vec<Family> {
        let Outcome { reasons, series, dropped, cut, failures } = &self.outcome;
        let mut families = Families::default();
        for reason in reasons {
            families.push(&QUERY_PROBLEM, [name, reason.as_str()], 1.0);
        }
        families.push(&QUERY_MAX_AGE, [name], self.max_age.as_secs_f64());
        families.push(&QUERY_SERIES, [name], *series as f64);
        families.push(&DROPPED, [name], *dropped as f64);
        families.push(&CUT, [name], *cut as f64);
        let others = failures.keys().copied().filter(|reason| !LIKELY.contains(reason));
        for reason in LIKELY.into_iter().chain(others) {
            let count = failures.get(&reason).copied().unwrap_or(0);
            families.push(&QUERY_FAILURES, [name, reason.as_str()], count as f64);
        }
        families.into_vec()
    }
}
