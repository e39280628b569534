//! Texts with numbers, so that unchanged ones are recognised without reading them.

use bytes::Bytes;

/// A text that is served as a whole.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    number: u64,
    text: Bytes,
}

impl Piece {
    /// The end of every exposition.
    pub(super) fn last(text: Bytes) -> Self {
        Self { number: u64::MAX, text }
    }

    /// Within one exposition and its snapshots, pieces of the same number have the same text.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The text.
    pub fn text(&self) -> &Bytes {
        &self.text
    }
}

/// Numbers the pieces of an exposition.
#[derive(Debug, Default)]
pub(super) struct Numbers(u64);

impl Numbers {
    /// A new piece.
    pub(super) fn piece(&mut self, text: impl Into<Bytes>) -> Piece {
        self.0 += 1;
        Piece { number: self.0, text: text.into() }
    }
}
