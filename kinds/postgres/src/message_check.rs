//! What a server sends, message by message. The driver trusts the lengths and counts in messages and panics if they are
//! wrong, so they are checked first.

/// Messages checked as a whole are short: the longest starts authentication.
const LONGEST_WHOLE: usize = 64 << 10;
/// PostgreSQL's default is 4,096. The driver computes them all and cannot be interrupted.
const MOST_ITERATIONS: u64 = 1_000_000;
/// The kind of a message, and its length.
const HEADER: usize = 5;

/// Why a message is not passed on to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MalformedMessage {
    #[error("the server does not speak PostgreSQL's protocol: unexpected message {0:?}")]
    Kind(char),
    #[error("the server does not speak PostgreSQL's protocol: invalid length of message {0:?}")]
    Length(char),
    #[error("the server does not speak PostgreSQL's protocol: a row does not match its description")]
    Row,
    #[error("the server does not speak PostgreSQL's protocol: malformed authentication message")]
    Login,
    #[error("the server demands more than {MOST_ITERATIONS} iterations to log in")]
    Iterations,
}

/// Checks messages as their bytes arrive, up to the first failure.
#[derive(Debug)]
pub(super) struct Messages {
    part: Part,
    /// How many bytes the part has.
    needed: usize,
    /// The bytes received so far.
    held: Vec<u8>,
    /// How many bytes precede the part that needs no check.
    skipped: usize,
    /// How many columns the rows have.
    columns: u16,
}

/// The part of a message that comes next.
#[derive(Clone, Copy, Debug)]
enum Part {
    Header,
    /// All of a short message.
    Whole {
        kind: u8,
    },
    /// The number of columns described next, before the rest of the message.
    Described {
        rest: usize,
    },
    /// The number of cells in a row.
    Cells {
        rest: usize,
    },
    /// The length of a cell, among those remaining in the row.
    Cell {
        left: u16,
        rest: usize,
    },
}

impl Default for Messages {
    fn default() -> Self {
        Self { part: Part::Header, needed: HEADER, held: Vec::new(), skipped: 0, columns: 0 }
    }
}

impl Messages {
    /// Checks the next bytes. If it fails, the message that they end in must not reach the driver completely.
    pub(super) fn check(&mut self, mut bytes: &[u8]) -> Result<(), MalformedMessage> {
        loop {
            let skipped = self.skipped.min(bytes.len());
            self.skipped -= skipped;
            bytes = &bytes[skipped..];
            if self.skipped > 0 || bytes.len() < self.needed - self.held.len() {
                self.held.extend_from_slice(bytes);
                return Ok(());
            }
            let (part, after) = bytes.split_at(self.needed - self.held.len());
            if self.held.is_empty() {
                self.take(part)?;
            } else {
                self.held.extend_from_slice(part);
                let held = std::mem::take(&mut self.held);
                self.take(&held)?;
            }
            bytes = after;
        }
    }

    /// Checks a complete part.
    fn take(&mut self, bytes: &[u8]) -> Result<(), MalformedMessage> {
        match self.part {
            Part::Header => self.header(bytes)?,
            Part::Whole { kind } => {
                whole(kind, bytes)?;
                self.next(Part::Header, HEADER);
            }
            Part::Described { rest } => {
                self.columns = u16_at(bytes);
                self.skip(rest);
            }
            Part::Cells { rest } if u16_at(bytes) == self.columns => self.cell(self.columns, rest)?,
            Part::Cells { .. } => return Err(MalformedMessage::Row),
            Part::Cell { left, rest } => {
                // Less than zero is NULL, without any bytes.
                let length = usize::try_from(u32_at(bytes).cast_signed()).unwrap_or(0);
                let rest = rest.checked_sub(length).ok_or(MalformedMessage::Row)?;
                self.cell(left - 1, rest)?;
                self.skipped = length;
            }
        }
        Ok(())
    }

    fn header(&mut self, bytes: &[u8]) -> Result<(), MalformedMessage> {
        let kind = bytes[0];
        let wrong = MalformedMessage::Length(kind.into());
        // The length counts itself.
        let length = (u32_at(&bytes[1..]) as usize).checked_sub(4).ok_or(wrong)?;
        match kind {
            b'D' => self.next(Part::Cells { rest: length.checked_sub(2).ok_or(wrong)? }, 2),
            b'T' => self.next(Part::Described { rest: length.checked_sub(2).ok_or(wrong)? }, 2),
            // Errors, notices, command tags and parameter status: the driver parses these safely.
            b'E' | b'N' | b'C' | b'S' => self.skip(length),
            b'1' | b'2' | b'3' | b'A' | b'I' | b'K' | b'R' | b'Z' | b'n' | b's' | b't' => {
                if length > LONGEST_WHOLE {
                    return Err(wrong);
                }
                self.next(Part::Whole { kind }, length);
            }
            // Others, such as those of COPY, never answer what the exporter sends.
            _ => return Err(MalformedMessage::Kind(kind.into())),
        }
        Ok(())
    }

    /// What follows with that many cells and bytes left in a row.
    fn cell(&mut self, left: u16, rest: usize) -> Result<(), MalformedMessage> {
        match (left, rest) {
            (0, 0) => self.next(Part::Header, HEADER),
            (1.., 4..) => self.next(Part::Cell { left, rest: rest - 4 }, 4),
            _ => return Err(MalformedMessage::Row),
        }
        Ok(())
    }

    fn skip(&mut self, length: usize) {
        self.skipped = length;
        self.next(Part::Header, HEADER);
    }

    fn next(&mut self, part: Part, needed: usize) {
        (self.part, self.needed) = (part, needed);
    }
}

/// Whether a message is well-formed for its kind.
fn whole(kind: u8, body: &[u8]) -> Result<(), MalformedMessage> {
    let is_well = match kind {
        b'R' => return login(body),
        b'Z' => body.len() == 1,
        b'K' => body.len() >= 8,
        b'A' => body.len() >= 4,
        b't' => body.len() >= 2 && body.len() == 2 + 4 * usize::from(u16_at(body)),
        _ => body.is_empty(),
    };
    if is_well { Ok(()) } else { Err(MalformedMessage::Length(kind.into())) }
}

fn login(body: &[u8]) -> Result<(), MalformedMessage> {
    let (step, rest) = body.split_at_checked(4).ok_or(MalformedMessage::Login)?;
    match u32_at(step) {
        // MD5: the salt.
        5 if rest.len() < 4 => Err(MalformedMessage::Login),
        // SCRAM: attributes such as `i=4096`.
        11 | 12 => rest.split(|&byte| byte == b',').try_for_each(attribute),
        _ => Ok(()),
    }
}

fn attribute(attribute: &[u8]) -> Result<(), MalformedMessage> {
    match attribute {
        [b'i', _, digits @ ..] => {
            let digits = std::str::from_utf8(digits).map_err(|_| MalformedMessage::Login)?;
            match digits.parse::<u64>() {
                Ok(iterations) if iterations <= MOST_ITERATIONS => Ok(()),
                Ok(_) => Err(MalformedMessage::Iterations),
                Err(_) => Err(MalformedMessage::Login),
            }
        }
        [_, b'=', ..] => Ok(()),
        _ => Err(MalformedMessage::Login),
    }
}

fn u16_at(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn u32_at(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests;
