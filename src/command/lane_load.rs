//! Whether the one connection for the queries of a source has time for all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use platform_core::probe::{Problem, Reason};
use platform_core::query::Declared;
use platform_core::setting::SourceName;

/// The message names this many queries.
const NAMED: usize = 3;

/// The sources whose queries take longer than their connection has time, given how long each query took.
pub(super) fn overfull_lanes<'a>(
    took: impl Iterator<Item = (&'a Declared, Duration)>,
) -> impl Iterator<Item = (String, Vec<Problem>)> {
    let mut lanes: BTreeMap<&SourceName, Vec<(f64, &Declared, Duration)>> = BTreeMap::new();
    for (query, took) in took {
        let share = took.as_secs_f64() / query.every.get().as_secs_f64();
        for source in query.ask.sources() {
            lanes.entry(source).or_default().push((share, query, took));
        }
    }
    lanes.into_iter().filter_map(|(source, mut queries)| {
        let load: f64 = queries.iter().map(|(share, ..)| share).sum();
        queries.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
        let longest = queries.iter().take(NAMED).map(|(_, query, took)| {
            format!("{} ({took:.1?} every {:?})", query.spec.name, query.every.get())
        });
        let detail = format!(
            "they need {load:.1} connections and have one, so they will run late: raise `every` or make them faster, \
             first of all {}",
            longest.collect::<Vec<_>>().join(", ")
        );
        (load > 1.0).then(|| (format!("queries of {source}"), vec![Problem::new(Reason::Slow, detail)]))
    })
}
