//! From bytes to complete lines of bounded length. Pure.

/// A longer line is not a log line, and must not fill memory.
pub(super) const LONGEST: usize = 1 << 20;

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line without its line break.
    Whole(&'a [u8]),
    /// A line longer than [`LONGEST`], reported once.
    TooLong,
}

/// The incomplete last line.
#[derive(Clone, Debug, Default)]
pub(super) struct LineSplitter {
    begun: Vec<u8>,
    /// The rest of the line is ignored: it is too long, or its start was never seen.
    skipping: bool,
}

impl LineSplitter {
    /// In the middle of a line whose start is missing.
    pub(super) fn in_the_middle() -> Self {
        Self { begun: Vec::new(), skipping: true }
    }

    /// How many bytes of the incomplete line are kept.
    pub(super) fn kept(&self) -> usize {
        self.begun.len()
    }

    /// Whether everything up to the next line break is skipped.
    pub(super) fn is_skipping(&self) -> bool {
        self.skipping
    }

    /// Takes the next bytes, and emits each line that ends in them.
    pub(super) fn feed(&mut self, mut bytes: &[u8], handle: &mut dyn FnMut(Line<'_>)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (rest, after) = (&bytes[..end], &bytes[end + 1..]);
            self.extend(rest, handle);
            self.finish(handle);
            bytes = after;
        }
        self.extend(bytes, handle);
    }

    /// Ends the incomplete line.
    pub(super) fn finish(&mut self, handle: &mut dyn FnMut(Line<'_>)) {
        if !self.skipping && !self.begun.is_empty() {
            handle(Line::Whole(&self.begun));
        }
        self.begun.clear();
        self.skipping = false;
    }

    fn extend(&mut self, bytes: &[u8], handle: &mut dyn FnMut(Line<'_>)) {
        if self.skipping {
            return;
        }
        // A program that keeps writing at its old offset after a truncation leaves a hole, which reads as zeros.
        let hole =
            if self.begun.is_empty() { bytes.iter().take_while(|&&byte| byte == 0).count() } else { 0 };
        let bytes = &bytes[hole..];
        if self.begun.len() + bytes.len() > LONGEST {
            self.begun = Vec::new();
            self.skipping = true;
            handle(Line::TooLong);
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }
}
