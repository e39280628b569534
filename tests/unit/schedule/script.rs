//! Sources and queries that do as a test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use platform_core::metric::Desc;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::query::{Answers, Cell, Columns, Question, Rows};

const VALUE: Desc = Desc::gauge("acme_value", &[], "A value.");

/// What a scripted source does when it is probed.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Value(f64),
    Degraded(f64),
    Slow(Duration),
    Fail(Reason),
    Hang,
    Panic,
}

/// A source that acts as it was set to, and counts its probes.
#[derive(Clone)]
pub(super) struct Script {
    act: Arc<Mutex<Act>>,
    probes: Arc<AtomicUsize>,
}

impl Script {
    pub(super) fn new(act: Act) -> Self {
        Self { act: Arc::new(Mutex::new(act)), probes: Arc::default() }
    }

    pub(super) fn set(&self, act: Act) {
        *self.act.lock() = act;
    }

    pub(super) fn probes(&self) -> usize {
        self.probes.load(Ordering::Relaxed)
    }
}

#[async_trait::async_trait]
impl Prober for Script {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        self.probes.fetch_add(1, Ordering::Relaxed);
        let act = self.act.lock().clone();
        let observation =
            |value| Observation { families: vec![VALUE.value(value)], ..Observation::default() };
        match act {
            Act::Value(value) => Ok(observation(value)),
            Act::Degraded(value) => {
                let problems = vec![Problem::new(Reason::Permission, "may not read all")];
                Ok(Observation { problems, ..observation(value) })
            }
            Act::Slow(duration) => {
                tokio::time::sleep(duration).await;
                Ok(observation(1.0))
            }
            Act::Fail(reason) => Err(Problem::new(reason, "on purpose")),
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("on purpose"),
        }
    }
}

/// Answers declared queries with a number, or with a failure.
#[derive(Clone)]
pub(super) struct Number {
    pub(super) value: Arc<Mutex<Option<f64>>>,
    /// Why there is no number.
    pub(super) fails: Reason,
    /// How long each answer takes.
    pub(super) takes: Duration,
}

impl Default for Number {
    fn default() -> Self {
        Self { value: Arc::default(), fails: Reason::Query, takes: Duration::ZERO }
    }
}

#[async_trait::async_trait]
impl Answers for Number {
    async fn rows(&mut self, _: &Question, _: &Columns, _: Duration) -> Result<Rows, Problem> {
        tokio::time::sleep(self.takes).await;
        let number = self.value.lock().ok_or_else(|| Problem::new(self.fails, "no such table"))?;
        Ok(Rows::new(vec!["n".to_owned()], vec![vec![Cell::Number(number)]]))
    }
}
