//! From bytes to lines: whole ones, of bounded length. Pure.

/// A longer line is no log line, and must not fill memory.
pub(super) const LONGEST: usize = 1 << 20;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line without its line break.
    Whole(&'a [u8]),
    /// A line longer than [`LONGEST`], told once.
    TooLong,
}

/// The line that has begun and not ended yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    /// The rest of the line is of no interest: its start was too long, or was never seen.
    skipping: bool,
}

impl Lines {
    /// In the middle of a line whose start is lost.
    pub(super) fn in_the_middle() -> Self {
        Self { begun: Vec::new(), skipping: true }
    }

    /// How many bytes of the line that has not ended are kept.
    pub(super) fn kept(&self) -> usize {
        self.begun.len()
    }

    /// Whether what comes up to the next line break is left out.
    pub(super) fn is_skipping(&self) -> bool {
        self.skipping
    }

    /// Takes the next bytes, and tells each line that ends in them.
    pub(super) fn feed(&mut self, mut bytes: &[u8], tell: &mut dyn FnMut(Line<'_>)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (rest, after) = (&bytes[..end], &bytes[end + 1..]);
            self.extend(rest, tell);
            self.finish(tell);
            bytes = after;
        }
        self.extend(bytes, tell);
    }

    /// Ends the line that has begun.
    pub(super) fn finish(&mut self, tell: &mut dyn FnMut(Line<'_>)) {
        if !self.skipping && !self.begun.is_empty() {
            tell(Line::Whole(&self.begun));
        }
        self.begun.clear();
        self.skipping = false;
    }

    fn extend(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Line<'_>)) {
        if self.skipping {
            return;
        }
        // A program that goes on at its old offset after a truncation leaves a hole, which reads as zeros.
        let hole =
            if self.begun.is_empty() { bytes.iter().take_while(|&&byte| byte == 0).count() } else { 0 };
        let bytes = &bytes[hole..];
        if self.begun.len() + bytes.len() > LONGEST {
            self.begun = Vec::new();
            self.skipping = true;
            tell(Line::TooLong);
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }
}
