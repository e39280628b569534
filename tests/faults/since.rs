//! What has ended of a source since a moment: a measure of time that a slow machine does not stretch.

use std::collections::BTreeMap;

/// The name of what ends where it is no query.
const PROBES: &str = "";
/// What shows that a probe or the run of a query has ended: it is another one than before.
const ENDS: [&str; 3] = [
    "platform_probes_total",
    "platform_query_last_success_timestamp_seconds",
    "platform_query_failures_total",
];

/// Lines of an exposition.
type Says = Vec<String>;

/// The probes, and the runs of each query, that have ended since a moment.
pub(crate) struct Since {
    labels: String,
    /// What the exposition said last of each, and how often that was something new.
    ended: BTreeMap<String, (Says, u32)>,
}

impl Since {
    /// The moment of this exposition.
    pub(crate) fn now(exposition: &str, source: &str) -> Self {
        let labels = format!(r#"{{source="{source}","#);
        let ended = ends(exposition, &labels).into_iter().map(|(name, says)| (name, (says, 0)));
        Self { ended: ended.collect(), labels }
    }

    /// Takes in a later exposition.
    pub(crate) fn see(&mut self, exposition: &str) {
        for (name, says) in ends(exposition, &self.labels) {
            let (last, count) = self.ended.entry(name).or_default();
            if *last != says {
                (*last, *count) = (says, *count + 1);
            }
        }
    }

    /// How many probes have ended, unless some were not seen.
    pub(crate) fn probes(&self) -> u32 {
        self.ended.get(PROBES).map_or(0, |(_, count)| *count)
    }

    /// Whether a probe and a run of each query have begun after the moment, and ended. The first that ends may have
    /// begun before it.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.values().all(|(_, count)| *count >= 2)
    }
}

/// What is said of the probes, under an empty name, and of the runs of each query.
fn ends(exposition: &str, labels: &str) -> BTreeMap<String, Says> {
    let mut ends = BTreeMap::<_, Says>::new();
    for line in exposition.lines() {
        let rest = ENDS.into_iter().find_map(|family| line.strip_prefix(family)?.strip_prefix(labels));
        let Some(rest) = rest else { continue };
        let name = rest.strip_prefix("query=\"").and_then(|rest| rest.split('"').next());
        ends.entry(name.unwrap_or(PROBES).to_owned()).or_default().push(line.to_owned());
    }
    ends
}
