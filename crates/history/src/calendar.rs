//! The points in time of the history, and how much goes on at each of them.

use std::f64::consts::TAU;

pub(crate) const DAY: i64 = 86_400;
/// A month, and what queries look back from its first day.
const LENGTH: i64 = 31 * DAY;
/// The distance of samples up to an age, in seconds. A range of a day is shown with a rate over two minutes or more, and
/// one of a week with a rate over ten. A sample is an answer for five minutes.
const STEPS: [(i64, i64); 3] = [(6 * 3600, 30), (26 * 3600, 60), (LENGTH, 300)];
/// How many rhythms there are. What belongs to one source has the same.
const RHYTHMS: usize = 16;
/// What weekends have of a working day.
const WEEKEND: f64 = 0.72;

/// Every point in time of the history, and the rhythms of what goes on.
pub(crate) struct Calendar {
    pub(crate) times: Vec<i64>,
    rhythms: Vec<Rhythm>,
}

/// How much goes on: 1 is the present.
pub(crate) struct Rhythm {
    level: Vec<f64>,
    /// How much will go on until the present, in seconds of the present.
    left: Vec<f64>,
}

impl Calendar {
    /// The history up to a point in time.
    pub(crate) fn until(end: i64) -> Self {
        let mut times = vec![end];
        for (age, step) in STEPS {
            let mut next = (times[times.len() - 1] - 1).div_euclid(step) * step;
            while next >= end - age {
                times.push(next);
                next -= step;
            }
        }
        times.reverse();
        let rhythms = (0..RHYTHMS as u64).map(|seed| Rhythm::over(&times, seed)).collect();
        Self { times, rhythms }
    }

    /// The rhythm of something with this name.
    pub(crate) fn rhythm(&self, name: &str) -> &Rhythm {
        &self.rhythms[usize::try_from(seed(name) % RHYTHMS as u64).unwrap_or_default()]
    }
}

impl Rhythm {
    fn over(times: &[i64], seed: u64) -> Self {
        let now = times[times.len() - 1];
        let mut level: Vec<f64> = times.iter().map(|time| activity(*time, now, seed)).collect();
        let present = level[level.len() - 1];
        level.iter_mut().for_each(|level| *level /= present);
        let mut left = vec![0.0; times.len()];
        for index in (0..times.len() - 1).rev() {
            let seconds = (times[index + 1] - times[index]) as f64;
            left[index] = left[index + 1] + seconds * f64::midpoint(level[index], level[index + 1]);
        }
        Self { level, left }
    }

    pub(crate) fn level(&self, index: usize) -> f64 {
        self.level[index]
    }

    pub(crate) fn left(&self, index: usize) -> f64 {
        self.left[index]
    }

    /// How much has gone on since the beginning.
    pub(crate) fn gone(&self, index: usize) -> f64 {
        self.left[0] - self.left[index]
    }

    /// The part of the whole time that is left.
    pub(crate) fn part_left(&self, index: usize) -> f64 {
        self.left[index] / self.left[0]
    }
}

/// People come by day, fewer at weekends, and there are more of them every month.
fn activity(time: i64, now: i64, seed: u64) -> f64 {
    let hour = time.rem_euclid(DAY) as f64 / 3600.0;
    let day = 1.0 + 0.4 * (TAU * (hour - 15.0) / 24.0).cos();
    // From noon to noon; the first of January 1970 was a Thursday.
    let noon = (time - DAY / 2).div_euclid(DAY);
    let part = (time - DAY / 2).rem_euclid(DAY) as f64 / DAY as f64;
    let of_week = |day: i64| if matches!((day + 3).rem_euclid(7), 5 | 6) { WEEKEND } else { 1.0 };
    let week = of_week(noon) * (1.0 - part) + of_week(noon + 1) * part;
    let growth = growth((now - time) as f64);
    day * week * growth * (1.0 + 0.1 * smooth(seed, time, 3 * 3600) + 0.07 * smooth(seed + 100, time, 1200))
}

/// What there was so many seconds ago of what there is now: it grows by a twentieth each month.
pub(crate) fn growth(seconds_ago: f64) -> f64 {
    1.05_f64.powf(-seconds_ago / (30 * DAY) as f64)
}

/// Noise between -1 and 1 that takes so many seconds to change.
pub(crate) fn smooth(seed: u64, time: i64, seconds: i64) -> f64 {
    let part = time.rem_euclid(seconds) as f64 / seconds as f64;
    let eased = part * part * (3.0 - 2.0 * part);
    let point = time.div_euclid(seconds);
    noise(seed, point) * (1.0 - eased) + noise(seed, point + 1) * eased
}

/// Noise between -1 and 1.
pub(crate) fn noise(seed: u64, point: i64) -> f64 {
    let seed = (seed ^ point.cast_unsigned().rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    2.0 * fastrand::Rng::with_seed(seed).f64() - 1.0
}

/// A number for a name (FNV-1a).
pub(crate) fn seed(name: &str) -> u64 {
    name.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}
