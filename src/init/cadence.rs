//! How often queries may run: all of them together take less than one hundredth of a core.

use std::time::Duration;

/// The cadences, from which the shortest is chosen that is cheap enough.
const CADENCES: [Duration; 6] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(6),
    Duration::from_hours(24),
];

/// The share of a core that all queries of a source may take.
const SHARE: f64 = 0.01;

/// A cadence for each group of queries that take so much processor time together. The groups that can have none are
/// `None`: even once a day is too often.
pub(super) fn cadences(times: &[Duration]) -> Vec<Option<Duration>> {
    let mut steps: Vec<Option<usize>> = vec![Some(0); times.len()];
    let share = |time: Duration, step: Option<usize>| {
        step.map_or(0.0, |step| time.as_secs_f64() / CADENCES[step].as_secs_f64())
    };
    loop {
        let shares = times.iter().zip(&steps).map(|(time, step)| share(*time, *step));
        let shares: Vec<f64> = shares.collect();
        if shares.iter().sum::<f64>() <= SHARE {
            return steps.into_iter().map(|step| Some(CADENCES[step?])).collect();
        }
        // The most expensive one runs less often.
        let most = shares.iter().enumerate().max_by(|(_, one), (_, other)| one.total_cmp(other));
        let Some((most, _)) = most else { return Vec::new() };
        steps[most] = steps[most].map(|step| step + 1).filter(|step| *step < CADENCES.len());
    }
}

/// The share of a core that queries take.
pub(super) fn share(times: impl Iterator<Item = (Duration, Duration)>) -> f64 {
    // The sum of nothing is -0.
    times.map(|(time, every)| time.as_secs_f64() / every.as_secs_f64()).fold(0.0, |sum, share| sum + share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cheap_queries_run_every_minute() {
        let minute = Some(Duration::from_mins(1));
        assert_eq!(cadences(&[Duration::from_millis(5), Duration::from_millis(20)]), [minute, minute]);
    }

    #[test]
    fn expensive_queries_run_less_often_than_cheap_ones() {
        let times = [Duration::from_millis(5), Duration::from_secs(2), Duration::from_secs(20)];
        let chosen = cadences(&times);
        assert!(chosen[0] < chosen[1] && chosen[1] < chosen[2], "{chosen:?}");
        let every = chosen.into_iter().map(Option::unwrap);
        assert!(share(times.into_iter().zip(every)) <= SHARE);
    }

    #[test]
    fn what_is_too_expensive_for_once_a_day_is_left_out() {
        assert_eq!(cadences(&[Duration::from_secs(900)]), [None]);
    }
}
