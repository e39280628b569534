//! Walks through RESP as it arrives, before the driver parses it, and limits its memory and nesting. Both RESP2 and
//! RESP3, because a server may send either.

use ::redis::Value;
use platform_core::query::LARGEST_ANSWER;

/// Deeper nested answers are rejected, since the driver recurses. Redis' own answers need five levels.
pub(super) const DEEPEST: usize = 32;
/// Longer lines are rejected: texts come with their length, and the driver rescans an unfinished line repeatedly.
const LONGEST_LINE: usize = 64 << 10;
/// A longer line is not a number.
const LONGEST_NUMBER: usize = 32;

const VALUE: usize = size_of::<Value>();
/// What the allocator adds to a text or list.
const ALLOCATION: usize = 16;

/// Why an answer is read no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer is nested more than {DEEPEST} levels deep")]
    TooDeep,
    #[error("the answer is not RESP")]
    Malformed,
}

/// The position in the stream of answers.
#[derive(Debug)]
pub(super) struct Walk {
    place: Place,
    /// For each open list, the number of remaining elements.
    open: Vec<usize>,
    /// The length that is being read.
    number: Vec<u8>,
    /// How much memory the answers may still use.
    left: usize,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// Before the byte that says what type of value follows.
    Type,
    /// In the first line of a value.
    Line { kind: u8, length: usize, after_return: bool },
    /// In a text, with so many bytes to come.
    Text(usize),
}

impl Walk {
    pub(super) fn new() -> Self {
        Self { place: Place::Type, open: Vec::new(), number: Vec::new(), left: LARGEST_ANSWER }
    }

    /// Resets the memory limit for the next answers.
    pub(super) fn renew(&mut self) {
        self.left = LARGEST_ANSWER;
    }

    /// Takes the next bytes.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Unfit> {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = match self.place {
                Place::Type => {
                    self.begin(byte)?;
                    rest
                }
                Place::Line { .. } => {
                    self.line(byte)?;
                    rest
                }
                Place::Text(length) => {
                    let taken = length.min(bytes.len());
                    self.place = Place::Text(length - taken);
                    if taken == length {
                        self.end();
                    }
                    &bytes[taken..]
                }
            };
        }
        Ok(())
    }

    fn begin(&mut self, kind: u8) -> Result<(), Unfit> {
        if !b"+-:_,#($!=*~>%|".contains(&kind) {
            return Err(Unfit::Malformed);
        }
        if self.open.is_empty() {
            self.charge(VALUE)?;
        }
        self.number.clear();
        self.place = Place::Line { kind, length: 0, after_return: false };
        Ok(())
    }

    fn line(&mut self, byte: u8) -> Result<(), Unfit> {
        let Place::Line { kind, length, after_return } = &mut self.place else { return Ok(()) };
        let kind = *kind;
        if *after_return && byte == b'\n' {
            return self.first_line_ended(kind);
        }
        *after_return = byte == b'\r';
        *length += 1;
        let is_length = has_length(kind);
        if *length > if is_length { LONGEST_NUMBER } else { LONGEST_LINE } {
            return Err(Unfit::Malformed);
        }
        if is_length {
            self.number.push(byte);
            return Ok(());
        }
        self.charge(1)
    }

    fn first_line_ended(&mut self, kind: u8) -> Result<(), Unfit> {
        if !has_length(kind) {
            self.end();
            return self.charge(ALLOCATION);
        }
        // As the driver reads it.
        let number = str::from_utf8(&self.number).ok().and_then(|number| number.trim().parse::<i64>().ok());
        let number = number.ok_or(Unfit::Malformed)?;
        match (kind, usize::try_from(number)) {
            (b'$', Ok(length)) => self.text(length, 1),
            // The driver makes a second text out of the first.
            (b'!' | b'=', Ok(length)) => self.text(length, 2),
            (b'*' | b'~', Ok(length)) => self.list(length, 1),
            // And a second list.
            (b'>', Ok(length)) => self.list(length, 2),
            (b'%', Ok(pairs)) => self.list(pairs.saturating_mul(2), 2),
            (b'|', Ok(pairs)) => self.list(pairs.saturating_mul(2).saturating_add(1), 2),
            // Nothing.
            (b'$' | b'*' | b'~' | b'>', Err(_)) => {
                self.end();
                Ok(())
            }
            _ => Err(Unfit::Malformed),
        }
    }

    fn text(&mut self, length: usize, copies: usize) -> Result<(), Unfit> {
        self.charge(length.saturating_add(ALLOCATION).saturating_mul(copies))?;
        // The line break after it.
        self.place = Place::Text(length + 2);
        Ok(())
    }

    /// Its elements are charged before they arrive, so that an answer that is too large fails early.
    fn list(&mut self, length: usize, copies: usize) -> Result<(), Unfit> {
        self.charge(length.saturating_mul(VALUE).saturating_add(ALLOCATION).saturating_mul(copies))?;
        if length == 0 {
            self.end();
            return Ok(());
        }
        if self.open.len() >= DEEPEST {
            return Err(Unfit::TooDeep);
        }
        self.open.push(length);
        self.place = Place::Type;
        Ok(())
    }

    /// A value has ended, and with it each list of which it was the last element.
    fn end(&mut self) {
        self.place = Place::Type;
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
    }

    fn charge(&mut self, size: usize) -> Result<(), Unfit> {
        self.left = self.left.checked_sub(size).ok_or(Unfit::TooLarge)?;
        Ok(())
    }
}

fn has_length(kind: u8) -> bool {
    b"$!=*~>%|".contains(&kind)
}
