//! Loops of roll-ups in a build without PostgreSQL: there are none.

use std::sync::Arc;

use platform_core::probe::Problem;

use crate::config::{Config, RollUp};
use crate::snapshot::Store;

/// A query that returns what a roll-up observes.
#[derive(Clone, PartialEq)]
pub(super) enum Watched {}

pub(super) fn watched(roll_up: &RollUp, _: &Config) -> Vec<Watched> {
    match *roll_up {}
}

pub(super) fn run(roll_up: &RollUp, _: &[Watched], _: &Arc<Store>) -> std::future::Ready<()> {
    match *roll_up {}
}

/// Checks whether the roll-up could write.
///
/// # Errors
/// What is missing.
pub async fn check_roll_up(roll_up: &RollUp) -> Result<(), Problem> {
    match *roll_up {}
}
