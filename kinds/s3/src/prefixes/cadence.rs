//! How old the newest object of a folder usually gets.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// What is written within so long belongs together: a backup is often more than one object.
const ONE_RUN: SignedDuration = SignedDuration::from_mins(10);
/// How many of the last intervals count.
const LATEST: usize = 30;
/// With fewer intervals, nothing is usual.
const FEWEST: usize = 3;
/// A longer interval than so many usual ones is an outage, and a shorter one may be a weekend.
const WEEKEND: i32 = 4;

/// How old the newest becomes at most while all is well, with a tenth to spare, in whole hours. `None` if that cannot be
/// seen, or if nothing has been written for longer.
pub(super) fn usual_age(mut times: Vec<Timestamp>, now: Timestamp) -> Option<Duration> {
    times.sort_unstable();
    let intervals = times.windows(2).map(|pair| pair[1].duration_since(pair[0]));
    let intervals: Vec<_> = intervals.filter(|&interval| interval > ONE_RUN).collect();
    let mut latest = intervals[intervals.len().saturating_sub(LATEST)..].to_vec();
    if latest.len() < FEWEST {
        return None;
    }
    latest.sort_unstable();
    let usual = latest[latest.len() / 2];
    let longest = latest.into_iter().rfind(|&interval| interval <= usual * WEEKEND)?;
    let seconds = longest.unsigned_abs().as_secs();
    let age = Duration::from_secs((seconds + seconds / 10).div_ceil(3600) * 3600);
    let since = now.duration_since(*times.last()?);
    (since.unsigned_abs() <= age).then_some(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Objects that were written so many hours ago.
    fn age(hours: &[i64]) -> Option<u64> {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().expect("a time");
        let times = hours.iter().map(|&hours| now - SignedDuration::from_hours(hours));
        usual_age(times.collect(), now).map(|age| age.as_secs() / 3600)
    }

    #[test]
    fn what_is_usual_follows_from_the_intervals() {
        assert_eq!(age(&[1, 25, 49, 73]), Some(27), "every night");
        assert_eq!(age(&[1, 25, 25, 49, 49, 73, 73]), Some(27), "two objects every night");
        assert_eq!(age(&[1, 25, 97, 121, 145, 169, 193, 265]), Some(80), "not on weekends");
        assert_eq!(age(&[1, 25, 49, 773, 797, 821]), Some(27), "after an outage");
        assert_eq!(age(&[0, 1, 2, 3, 4]), Some(2), "every hour");
    }

    #[test]
    fn without_a_rhythm_nothing_is_usual() {
        assert_eq!(age(&[]), None);
        assert_eq!(age(&[1, 25, 49]), None, "too few");
        assert_eq!(age(&[1, 1, 1, 1, 1]), None, "written at once");
        assert_eq!(age(&[500, 524, 548, 572]), None, "given up");
    }
}
