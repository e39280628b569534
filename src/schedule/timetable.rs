//! When sources, queries and roll-ups run: soon for the first time, then spread over their intervals.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// First runs are spread over at least this time, to avoid a burst of connections at startup,
const FIRST_RUNS: Duration = Duration::from_secs(2);
/// and each adds as much as it takes of the one thread for all: many at once would only wait for each other.
const ONE_RUN: Duration = Duration::from_millis(2);

/// The golden ratio: however many multiples of it are taken, their fractions leave no large gap.
const GOLDEN_RATIO: f64 = 0.618_033_988_749_895;

/// Queries of one source that are due this close to each other run one after the other: waking up for each would cost
/// more than most of them do.
const TOGETHER: Duration = Duration::from_millis(500);

/// The part of its interval after which each member of a group runs: members of one group are as far apart as they can
/// be, and the groups do not run at the same moment either.
pub(super) fn phases<K: Ord, G: Ord>(members: impl IntoIterator<Item = (K, G)>) -> BTreeMap<K, f64> {
    spread(members.into_iter().map(|(member, group)| (member, group, 0.0)))
}

/// As [`phases`], for the queries of sources with their intervals. Those of one source run together where they would
/// be hardly apart.
pub(super) fn turns<K: Ord, G: Ord>(queries: impl IntoIterator<Item = (K, G, Duration)>) -> BTreeMap<K, f64> {
    spread(
        queries.into_iter().map(|(query, source, every)| (query, source, TOGETHER.div_duration_f64(every))),
    )
}

/// Each member with its group, and the part of its interval that counts as one moment.
fn spread<K: Ord, G: Ord>(members: impl Iterator<Item = (K, G, f64)>) -> BTreeMap<K, f64> {
    let mut groups: BTreeMap<G, Vec<(K, f64)>> = BTreeMap::new();
    for (member, group, moment) in members {
        groups.entry(group).or_default().push((member, moment));
    }
    let mut phases = BTreeMap::new();
    let mut start = 0.0_f64;
    for members in groups.into_values() {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let apart = 1.0 / members.len() as f64;
        let mut phase = 0.0_f64;
        for (member, moment) in members {
            let at = if moment > 0.0 { (phase / moment).floor() * moment } else { phase };
            phases.insert(member, (start + at).fract());
            phase += apart;
        }
        start += GOLDEN_RATIO;
    }
    phases
}

/// The server in the address of a source: `db:5432` in `postgres://app@db:5432/shop`.
pub(super) fn server(target: &str) -> &str {
    let address = target.split_once("://").map_or(target, |(_, address)| address);
    let authority = address.split(['/', '?', ' ']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// When something runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timetable {
    /// Its first run.
    pub(super) first: Instant,
    /// One of its regular times.
    regular: Instant,
    every: Duration,
}

impl Timetable {
    /// Regular runs after this part of each interval from now on. The first run is one of `many` that are due soon.
    pub(super) fn new(now: Instant, phase: f64, every: Duration, many: usize) -> Self {
        let soon = ONE_RUN.saturating_mul(u32::try_from(many).unwrap_or(u32::MAX)).max(FIRST_RUNS).min(every);
        Self { first: now + soon.mul_f64(phase), regular: now + every.mul_f64(phase), every }
    }

    /// The next regular time after a run that started at this moment.
    pub(super) fn after(&self, started: Instant) -> Instant {
        let Some(since) = started.checked_duration_since(self.regular) else { return self.regular };
        // Below the length of `every`, which is a number of nanoseconds that fits into 64 bits for the next centuries.
        let rest = since.as_nanos() % self.every.as_nanos().max(1);
        started + self.every - Duration::from_nanos(u64::try_from(rest).unwrap_or_default())
    }

    /// Makes this moment the regular time: whoever requests probes sets their pace.
    pub(super) fn restart(&mut self, started: Instant) {
        self.regular = started;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(10);

    #[test]
    fn members_of_a_group_are_far_apart_and_groups_too() {
        let members = (0..60).map(|number| (number, number % 3));
        let phases = phases(members);
        let gaps = |phases: Vec<f64>| {
            let mut sorted = phases;
            sorted.sort_by(f64::total_cmp);
            sorted.push(sorted[0] + 1.0);
            sorted
                .windows(2)
                .map(|pair| pair[1] - pair[0])
                .fold((1.0, 0.0), |(least, most): (f64, f64), gap| (least.min(gap), most.max(gap)))
        };
        let of_group =
            |group| phases.iter().filter(move |(number, _)| *number % 3 == group).map(|(_, &phase)| phase);
        for group in 0..3 {
            let (least, most) = gaps(of_group(group).collect());
            assert!(least > 0.0499 && most < 0.0501, "{least} to {most}");
        }
        let (least, most) = gaps(phases.values().copied().collect());
        assert!(least > 0.005 && most < 0.04, "{least} to {most}");
    }

    #[test]
    fn queries_of_one_source_that_are_hardly_apart_run_together() {
        let moments = |every: u64| {
            let every = Duration::from_secs(every);
            let turns = turns((0..50).map(|number| (number, "db", every)));
            let mut moments: Vec<_> = turns.values().map(|turn| every.mul_f64(*turn).as_millis()).collect();
            moments.sort_unstable();
            moments.dedup();
            moments
        };
        assert_eq!(moments(1), [0, 500]);
        assert_eq!(moments(60).len(), 50, "each has a moment of its own");
        let (first, other) = ((0, "db", EVERY), (1, "other", EVERY));
        let turns = turns([first, other]);
        assert!((turns[&0] - turns[&1]).abs() > 0.3, "sources are apart: {turns:?}");
    }

    #[test]
    fn many_servers_with_one_source_each_are_spread_evenly() {
        let phases = phases((0..1000).map(|number| (number, number)));
        let in_tenth = |tenth: f64| phases.values().filter(|phase| (**phase * 10.0).floor() == tenth).count();
        for tenth in 0..10 {
            assert!((95..=105).contains(&in_tenth(f64::from(tenth))), "{tenth}");
        }
    }

    #[test]
    fn runs_keep_to_their_times_after_early_and_late_ones() {
        let now = Instant::now();
        let seconds = |seconds| now + Duration::from_secs_f64(seconds);
        let mut times = Timetable::new(now, 0.75, EVERY, 1);
        assert_eq!(times.first, seconds(1.5));
        assert_eq!(times.after(times.first), seconds(7.5));
        assert_eq!(times.after(seconds(7.5)), seconds(17.5));
        assert_eq!(times.after(seconds(17.6)), seconds(27.5));
        assert_eq!(times.after(seconds(55.0)), seconds(57.5));
        times.restart(seconds(60.0));
        assert_eq!(times.after(seconds(60.0)), seconds(70.0));
    }

    #[test]
    fn the_first_run_comes_before_the_regular_one() {
        let now = Instant::now();
        for every in [1, 2, 15, 300].map(Duration::from_secs) {
            for phase in [0.0, 0.001, 0.5, 0.999] {
                for many in [1, 1_000, 10_000] {
                    let times = Timetable::new(now, phase, every, many);
                    assert!(times.first <= now + FIRST_RUNS.max(every));
                    let next = times.after(times.first);
                    assert!(next > times.first && next <= times.first + every, "{every:?}, {phase}");
                }
            }
        }
    }

    #[test]
    fn a_server_is_what_follows_the_credentials() {
        for (target, expected) in [
            ("postgres://app@db:5432/shop", "db:5432"),
            ("https://api.stripe.com as acct_1", "api.stripe.com"),
            ("mongodb://a,b:27018/?replicaSet=rs", "a,b:27018"),
            ("redis://cache", "cache"),
            ("/var/log/app.log, /var/log/web.log", ""),
        ] {
            assert_eq!(server(target), expected);
        }
    }
}
