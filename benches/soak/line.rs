//! One measured quantity over time.

/// Values with the seconds at which they were measured.
#[derive(Default)]
pub(crate) struct Line(Vec<(f64, f64)>);

impl Line {
    pub(crate) fn push(&mut self, at: f64, value: f64) {
        self.0.push((at, value));
    }

    pub(crate) fn last(&self) -> f64 {
        self.0.last().map_or(f64::NAN, |(_, value)| *value)
    }

    pub(crate) fn min(&self) -> f64 {
        self.values().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.values().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The largest value seen twice in a row: an old connection may still be closing while the next one opens.
    pub(crate) fn lasting_max(&self) -> f64 {
        self.0.windows(2).map(|pair| pair[0].1.min(pair[1].1)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The least-squares slope of the second half in units per hour, and the resulting growth over that half.
    pub(crate) fn growth(&self) -> (f64, f64) {
        let half = &self.0[self.0.len() / 2..];
        let count = half.len() as f64;
        let mean_at = half.iter().map(|(at, _)| at).sum::<f64>() / count;
        let mean = half.iter().map(|(_, value)| value).sum::<f64>() / count;
        let above: f64 = half.iter().map(|(at, value)| (at - mean_at) * (value - mean)).sum();
        let below: f64 = half.iter().map(|(at, _)| (at - mean_at).powi(2)).sum();
        let per_second = above / below;
        let seconds = half.last().map_or(0.0, |(at, _)| at - half[0].0);
        (per_second * 3600.0, per_second * seconds)
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|(_, value)| *value)
    }
}
