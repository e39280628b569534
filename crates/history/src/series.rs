//! One series, and its value at each point in time.

use super::calendar::{Calendar, Rhythm, growth, noise, seed, smooth};
use super::exposition::label;
use super::incident::{Disturbance, Effect, disturbances};
use super::shape::{Shape, shape};
use super::watch::Seen;

/// Larger numbers are times in milliseconds since 1970.
const MILLISECONDS: f64 = 1e11;

/// How long before the history a service was started, in seconds.
const STARTED_BEFORE: f64 = 6.0 * 86_400.0;

/// A series with what its past is made of.
pub(crate) struct Series {
    /// As it is exposed, without the labels of its target.
    pub(crate) exposed: String,
    shape: Shape,
    is_whole: bool,
    /// Its present value.
    value: f64,
    /// How much a counter grows in a second.
    rate: f64,
    seed: u64,
    disturbances: Vec<Disturbance>,
}

impl Series {
    pub(crate) fn new(exposed: &str, seen: &Seen, rate: f64, now: i64) -> Self {
        let shape = shape(exposed, seen);
        let follows = matches!(shape, Shape::Follows { .. });
        Self {
            exposed: exposed.to_owned(),
            shape,
            is_whole: seen.is_whole,
            value: if follows { seen.mean() } else { seen.value },
            rate,
            seed: seed(exposed),
            disturbances: disturbances(exposed, now),
        }
    }

    /// A series that is there only while it is disturbed.
    pub(crate) fn only_while(exposed: String, disturbance: Disturbance) -> Self {
        Self {
            shape: Shape::Fixed,
            is_whole: true,
            value: f64::NAN,
            rate: 0.0,
            seed: 0,
            disturbances: vec![disturbance],
            exposed,
        }
    }

    /// What goes on in the same source goes together.
    pub(crate) fn rhythm<'a>(&self, calendar: &'a Calendar) -> &'a Rhythm {
        calendar.rhythm(label(&self.exposed, "source").unwrap_or_default())
    }

    /// Its value at a point in time, if it had one.
    pub(crate) fn at(&self, index: usize, calendar: &Calendar, rhythm: &Rhythm) -> Option<f64> {
        let time = calendar.times[index];
        let mut value = self.undisturbed(index, calendar, rhythm);
        for disturbance in &self.disturbances {
            match disturbance.effect {
                Effect::Times(factor) if !self.shape.is_counter() => {
                    value *= 1.0 + (factor - 1.0) * disturbance.severity(time);
                }
                Effect::More(more) => value += more * disturbance.severity(time),
                Effect::Missing if disturbance.is_on(time) => return None,
                Effect::Is(fixed) if disturbance.is_on(time) => value = fixed,
                Effect::Stops if disturbance.is_on(time) => value -= (time - disturbance.from) as f64,
                _ => {}
            }
        }
        let value = match self.shape {
            Shape::Grows if self.is_whole => value.round(),
            // Of a small number of jobs there is mostly one more or one less.
            Shape::Follows { .. } if self.is_whole => {
                (value + 0.5 + 0.5 * noise(self.seed + 1, time)).floor().max(0.0)
            }
            Shape::Counts | Shape::Ticks if self.is_whole => value.floor(),
            _ => value,
        };
        value.is_finite().then_some(value)
    }

    fn undisturbed(&self, index: usize, calendar: &Calendar, rhythm: &Rhythm) -> f64 {
        let time = calendar.times[index];
        let now = calendar.times[calendar.times.len() - 1];
        let ago = (now - time) as f64;
        match self.shape {
            Shape::Fixed => self.value,
            Shape::Nothing => 0.0,
            Shape::Grows => self.value * growth(rhythm.part_left(index) * (now - calendar.times[0]) as f64),
            Shape::Follows { part, noise: of } => {
                let own = 0.7 * smooth(self.seed, time, 900) + 0.3 * noise(self.seed, time);
                self.value * (1.0 + part * (rhythm.level(index) - 1.0)) * (1.0 + of * own)
            }
            Shape::Moves => self.moved(ago, now as f64, calendar),
            Shape::Started if self.value > now as f64 => self.value,
            Shape::Started if index + 1 < calendar.times.len() => calendar.times[0] as f64 - STARTED_BEFORE,
            Shape::Started => self.value,
            Shape::Counts => self.counted(time, rhythm.left(index), rhythm.gone(index)),
            Shape::Ticks => self.counted(time, ago, (time - calendar.times[0]) as f64),
        }
    }

    /// What lies before the history or in the future is a date.
    fn moved(&self, ago: f64, now: f64, calendar: &Calendar) -> f64 {
        let unit = if self.value > MILLISECONDS { 1000.0 } else { 1.0 };
        let is_date = now - self.value / unit > now - calendar.times[0] as f64;
        if is_date { self.value } else { self.value - ago * unit }
    }

    /// A counter leads to its present value, so that no rate jumps at the present. It cannot have grown from less than 0:
    /// before that, it belonged to a process that had counted for long. It grows for so many seconds until the present, and
    /// for so many since the beginning.
    fn counted(&self, time: i64, left: f64, gone: f64) -> f64 {
        let value = self.value - self.rate * left;
        if value >= 0.0 && (self.rate > 0.0 || (self.value > 0.0 && self.disturbances.is_empty())) {
            return value;
        }
        let more = self.disturbances.iter().map(|disturbance| {
            let seconds = (time.min(disturbance.to) - disturbance.from).max(0) as f64;
            match disturbance.effect {
                Effect::Rate(rate) => rate * seconds,
                Effect::Times(factor) => (factor - 1.0) * self.rate * seconds,
                _ => 0.0,
            }
        });
        self.rate * (STARTED_BEFORE + gone) + more.sum::<f64>()
    }
}
