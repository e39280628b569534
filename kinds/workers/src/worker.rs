//! What a layout reports of one worker, and whether it is alive. Pure; time is an argument.

use std::time::Duration;

use platform_core::query::Cell;
use platform_core::time;
use serde_json::{Map, Value};

use super::cell_value::{text, time, truth};

/// Smaller numbers, before September 2001, are flags and not times.
const EARLIEST: f64 = 1e9;

/// When a worker was last heard from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Seen {
    /// At this time, in seconds since 1970.
    At(f64),
    /// Its store keeps its entry while it is alive.
    Present,
    /// It has not been heard from.
    #[default]
    Never,
}

/// One worker.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Worker {
    /// Its name, if it has one.
    pub(super) id: Option<String>,
    pub(super) seen: Seen,
    /// When a time that was ahead of its store's clock was first read, by that clock.
    pub(super) first_read: Option<f64>,
    /// Whether it is alive, if its system knows better than its last heartbeat.
    pub(super) verdict: Option<bool>,
    /// When it last made progress, in seconds since 1970.
    pub(super) progress_at: Option<f64>,
    pub(super) state: Option<String>,
    pub(super) instance_type: Option<String>,
    /// `spot` or `on-demand`.
    pub(super) lifecycle: Option<String>,
    /// How many of its slots are busy, and how many it has.
    pub(super) busy: Option<f64>,
    pub(super) slots: Option<f64>,
}

/// The workers of a class by the clock of their store.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WorkerList {
    pub(super) workers: Vec<Worker>,
    /// The store's time, in seconds since 1970.
    pub(super) now: f64,
    /// How far the store's clock is ahead of ours, in seconds.
    pub(super) skew: Option<f64>,
}

impl Worker {
    pub(super) fn present(id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), seen: Seen::Present, ..Self::default() }
    }

    /// Whether it was heard from within `limit`, or at all if there is none.
    pub(super) fn is_recent(&self, now: f64, limit: Option<Duration>) -> bool {
        match (self.seen, limit) {
            (Seen::Never, _) => false,
            (Seen::At(at), Some(limit)) => now - self.first_read.unwrap_or(at) <= limit.as_secs_f64(),
            _ => true,
        }
    }

    pub(super) fn is_alive(&self, now: f64, limit: Option<Duration>) -> bool {
        self.verdict.unwrap_or_else(|| self.is_recent(now, limit))
    }

    /// Reads the value of a hash field or key: a time, or a map with the same names as the columns of a query. Anything
    /// else means that the worker exists.
    pub(super) fn with_value(mut self, text: &str) -> Self {
        if let Some(at) = time::from_text(text) {
            // `SET hb:mail:1 1 EX 60` is not a heartbeat from 1970.
            self.seen = if at < EARLIEST { Seen::Present } else { Seen::At(at) };
        } else if let Ok(Value::Object(fields)) = serde_json::from_str(text) {
            self.take(&fields);
        } else {
            self.seen = Seen::Present;
        }
        self
    }

    fn take(&mut self, fields: &Map<String, Value>) {
        for (name, value) in fields {
            self.set(name, &from_json(value));
        }
        if self.seen == Seen::Never {
            self.seen = Seen::Present;
        }
    }

    /// The names that [`Worker::set`] knows.
    pub(super) const NAMES: [&str; 12] = [
        "worker",
        "id",
        "seen_at",
        "at",
        "alive",
        "progress_at",
        "state",
        "instance_type",
        "lifecycle",
        "spot",
        "busy",
        "slots",
    ];

    /// Reads the value of a column or field; other names belong to the application.
    pub(super) fn set(&mut self, name: &str, cell: &Cell) {
        match name {
            "worker" | "id" => self.id = text(cell).or(self.id.take()),
            "seen_at" | "at" => self.seen = time(cell).map_or(self.seen, Seen::At),
            "alive" => self.verdict = truth(cell),
            "progress_at" => self.progress_at = time(cell),
            "state" => self.state = text(cell),
            "instance_type" => self.instance_type = text(cell),
            "lifecycle" => self.lifecycle = text(cell).or(self.lifecycle.take()),
            "spot" => {
                let spot = truth(cell).map(|spot| if spot { "spot" } else { "on-demand" }.to_owned());
                self.lifecycle = self.lifecycle.take().or(spot);
            }
            "busy" => self.busy = cell.number(),
            "slots" => self.slots = cell.number(),
            _ => {}
        }
    }
}

fn from_json(value: &Value) -> Cell {
    match value {
        Value::String(text) => Cell::Text(text.clone()),
        Value::Number(number) => number.as_f64().map_or(Cell::Null, Cell::Number),
        Value::Bool(truth) => Cell::Number(f64::from(u8::from(*truth))),
        Value::Null | Value::Array(_) | Value::Object(_) => Cell::Null,
    }
}
