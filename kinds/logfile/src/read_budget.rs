//! How much of its files a source reads in one turn: a large backlog is read in parts, so that each turn ends in time.

/// The most that a turn reads, of all files together: what an application that writes 50,000 lines a second has written
/// since the last probe.
const MOST_PER_TURN: u64 = 128 << 20;
/// How much of a file is read before the time is checked.
pub(super) const STEP: u64 = 1 << 20;

/// How many steps each of so many files may take. They share the turn equally, and each advances.
pub(super) fn steps(files: usize) -> u64 {
    (MOST_PER_TURN / STEP / files.max(1) as u64).max(1)
}
