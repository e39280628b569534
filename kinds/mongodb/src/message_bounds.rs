//! What a server may send. The driver decodes documents recursively and without limits, so messages are checked here
//! first: by their lengths, with an explicit stack.

use std::cmp::Ordering;

use platform_core::probe::Reason;

/// Message length, request id, response-to id, and opcode.
pub(super) const HEADER: usize = 16;

/// A reply is one document, and MongoDB's own limit for one is 16 MiB and 16 KiB.
pub(super) const LARGEST_MESSAGE: usize = 20 << 20;
/// The protocol's limit for any message.
const LARGEST_OF_ALL: usize = 48_000_000;
/// A greeting lists the members of a set, and little else.
const LARGEST_GREETING: usize = 256 << 10;
/// MongoDB's own limit for a document.
pub(super) const MOST_LEVELS: usize = 100;
/// A document of a batch is inside the reply, `cursor` and `firstBatch`.
const LEVELS_OF_BATCH: usize = 3;
/// The driver turns each field into a value of up to a hundred times its size on the wire.
pub(super) const MOST_FIELDS: usize = 500_000;
/// The driver copies each document of a batch.
const MOST_DOCUMENTS: usize = 1_000_000;
/// A set has at most 50 members, and the driver connects to each.
pub(super) const MOST_MEMBERS: usize = 100;
/// MongoDB's default is 15,000. The driver computes them all and cannot be interrupted.
const MOST_ITERATIONS: u64 = 1_000_000;

const OP_MSG: u32 = 2013;
const CHECKSUM_PRESENT: u32 = 1;
const MORE_TO_COME: u32 = 2;

/// The kind of request, which decides how the driver decodes the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    /// Greeting or login: sent to any server before it is authenticated.
    Greeting,
    /// A batch of documents, which the driver does not decode.
    Batch,
    /// One document, which the driver decodes.
    Document,
}

/// Why a message is not passed on to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MessageRefusal {
    #[error("the server does not speak MongoDB's protocol: {0}")]
    Malformed(&'static str),
    #[error("the server's answer is nested more than {MOST_LEVELS} levels deep")]
    TooDeep,
    #[error("the server's answer is larger than {} KiB", .0 >> 10)]
    TooLarge(usize),
    #[error("the server's answer has more than {MOST_FIELDS} fields")]
    TooManyFields,
    #[error("the server's answer has more than {MOST_DOCUMENTS} documents")]
    TooManyDocuments,
    #[error("the server names more than {MOST_MEMBERS} members of its set")]
    TooManyMembers,
    #[error("the server names a file as a member of its set")]
    MemberIsFile,
    #[error("the server demands more than {MOST_ITERATIONS} iterations to log in")]
    TooManyIterations,
}

impl MessageRefusal {
    /// The reason. An answer that is merely too large is a problem of the query.
    pub(super) fn reason(self, asked: RequestKind) -> Reason {
        match self {
            Self::TooLarge(_) | Self::TooManyFields | Self::TooManyDocuments
                if asked != RequestKind::Greeting =>
            {
                Reason::Query
            }
            _ => Reason::Protocol,
        }
    }
}

impl RequestKind {
    /// What a message of the driver requests: its first key is the command.
    pub(super) fn by(message: &[u8]) -> Self {
        // Header, flags, the kind of the section, the document's length, the type of the value.
        const KEY: usize = HEADER + 4 + 1 + 4 + 1;
        let key = message.get(KEY..).and_then(|rest| rest.split(|&byte| byte == 0).next());
        match key {
            Some(b"aggregate" | b"getMore") => Self::Batch,
            Some(b"hello" | b"isMaster" | b"ismaster" | b"saslStart" | b"saslContinue" | b"authenticate") => {
                Self::Greeting
            }
            _ => Self::Document,
        }
    }
}

/// The length of the message that begins with these bytes, before more of it is waited for.
pub(super) fn length(beginning: [u8; 4], asked: RequestKind) -> Result<usize, MessageRefusal> {
    let largest = if asked == RequestKind::Greeting { LARGEST_GREETING } else { LARGEST_MESSAGE };
    match usize::try_from(u32::from_le_bytes(beginning)) {
        Ok(length) if length < HEADER => Err(MessageRefusal::Malformed("a message shorter than its header")),
        Ok(length) if length <= largest => Ok(length),
        Ok(length) if length <= LARGEST_OF_ALL => Err(MessageRefusal::TooLarge(largest)),
        _ => Err(MessageRefusal::Malformed("a message longer than any")),
    }
}

/// Checks a message with its header.
pub(super) fn check(message: &[u8], asked: RequestKind) -> Result<(), MessageRefusal> {
    document(section(message)?, asked)
}

/// The document that a message with its header consists of.
pub(super) fn section(message: &[u8]) -> Result<&[u8], MessageRefusal> {
    if int32(message, 12) != Some(OP_MSG) {
        return Err(MessageRefusal::Malformed("another operation than OP_MSG"));
    }
    let body = &message[HEADER..];
    let flags = int32(body, 0).ok_or(CUT)?;
    let end = match flags & CHECKSUM_PRESENT {
        0 => body.len(),
        _ => body.len().checked_sub(4).ok_or(CUT)?,
    };
    if flags & MORE_TO_COME != 0 || body.get(4) != Some(&0) {
        return Err(MessageRefusal::Malformed("a message that is not one document"));
    }
    body.get(5..end).ok_or(CUT)
}

const CUT: MessageRefusal = MessageRefusal::Malformed("a length that does not fit");

/// Checks a document, which must fill the bytes.
pub(super) fn document(bytes: &[u8], asked: RequestKind) -> Result<(), MessageRefusal> {
    let mut walk = Walk { bytes, at: 0, ends: Vec::new(), asked, tally: Tally::default() };
    walk.enter(bytes.len())?;
    while let Some(&end) = walk.ends.last() {
        if walk.at < end {
            walk.element(end)?;
        } else {
            // Each document ends with a zero byte.
            walk.at += 1;
            walk.ends.pop();
        }
    }
    if walk.at != bytes.len() {
        return Err(CUT);
    }
    walk.tally.check()
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The ends of the enclosing documents, without their zero byte.
    ends: Vec<usize>,
    asked: RequestKind,
    tally: Tally<'a>,
}

/// What has been counted.
#[derive(Default)]
struct Tally<'a> {
    fields: usize,
    /// Those of the documents of a batch.
    in_batch: usize,
    documents: usize,
    members: usize,
    /// The keys of the path to this position, of the first levels.
    path: [&'a [u8]; 2],
    is_ok: Option<bool>,
}

impl Tally<'_> {
    /// The driver also decodes a batch in an error reply.
    fn check(&self) -> Result<(), MessageRefusal> {
        match self.is_ok == Some(true) || self.fields + self.documents + self.in_batch <= MOST_FIELDS {
            true => Ok(()),
            false => Err(MessageRefusal::TooManyFields),
        }
    }
}

impl<'a> Walk<'a> {
    /// Enters the document that begins here and must end within `limit`.
    fn enter(&mut self, limit: usize) -> Result<(), MessageRefusal> {
        let length = int32(self.bytes, self.at).ok_or(CUT)? as usize;
        let end = self.at.checked_add(length).filter(|&end| end <= limit && length >= 5).ok_or(CUT)?;
        if self.bytes[end - 1] != 0 {
            return Err(MessageRefusal::Malformed("a document without its end"));
        }
        let levels =
            if self.asked == RequestKind::Batch { MOST_LEVELS + LEVELS_OF_BATCH } else { MOST_LEVELS };
        if self.ends.len() == levels {
            return Err(MessageRefusal::TooDeep);
        }
        self.ends.push(end - 1);
        self.at += 4;
        Ok(())
    }

    fn element(&mut self, end: usize) -> Result<(), MessageRefusal> {
        let kind = self.bytes[self.at];
        self.at += 1;
        let key = self.text(end)?;
        let value = self.at;
        match kind {
            0x03 | 0x04 => self.enter(end)?,
            // Code with scope: a length, a string, a document.
            0x0f => {
                let whole = self.length_here(end)?;
                self.skip(4, end)?;
                self.string(end)?;
                self.enter(end)?;
                if self.ends.last() != Some(&(value + whole).wrapping_sub(1)) {
                    return Err(CUT);
                }
            }
            0x02 | 0x0d | 0x0e => self.string(end)?,
            0x05 => {
                let length = self.length_here(end)?;
                self.skip(5, end)?;
                self.skip(length, end)?;
            }
            0x0b => {
                self.text(end)?;
                self.text(end)?;
            }
            0x0c => {
                self.string(end)?;
                self.skip(12, end)?;
            }
            0x06 | 0x0a | 0x7f | 0xff => {}
            0x08 => self.skip(1, end)?,
            0x10 => self.skip(4, end)?,
            0x01 | 0x09 | 0x11 | 0x12 => self.skip(8, end)?,
            0x07 => self.skip(12, end)?,
            0x13 => self.skip(16, end)?,
            _ => return Err(MessageRefusal::Malformed("a value of an unknown type")),
        }
        // A document counts towards its parent.
        let is_document = matches!(kind, 0x03 | 0x04 | 0x0f);
        let level = self.ends.len() - usize::from(is_document);
        let value = if is_document { &[][..] } else { &self.bytes[value..self.at] };
        self.note(level, kind, key, value)
    }

    /// Counts a field, and checks those that the driver acts on.
    fn note(&mut self, level: usize, kind: u8, key: &'a [u8], value: &'a [u8]) -> Result<(), MessageRefusal> {
        let is_greeting = self.asked == RequestKind::Greeting;
        let tally = &mut self.tally;
        if let Some(place) = tally.path.get_mut(level - 1) {
            *place = key;
        }
        if level == 1 && key == b"ok" && tally.is_ok.is_none() {
            tally.is_ok = Some(is_one(kind, value));
        }
        let is_batch = matches!(tally.path, [b"cursor", b"firstBatch" | b"nextBatch"]);
        match level.cmp(&LEVELS_OF_BATCH) {
            Ordering::Equal if self.asked == RequestKind::Batch && is_batch => tally.documents += 1,
            Ordering::Greater if self.asked == RequestKind::Batch && is_batch => tally.in_batch += 1,
            _ => tally.fields += 1,
        }
        if tally.fields > MOST_FIELDS {
            return Err(MessageRefusal::TooManyFields);
        }
        if tally.documents > MOST_DOCUMENTS {
            return Err(MessageRefusal::TooManyDocuments);
        }
        if level == 2 && matches!(tally.path[0], b"hosts" | b"passives" | b"arbiters") {
            tally.members += 1;
            if tally.members > MOST_MEMBERS {
                return Err(MessageRefusal::TooManyMembers);
            }
            // The driver would connect to it. It compares hosts in lower case.
            if String::from_utf8_lossy(value).to_lowercase().ends_with(".sock\0") {
                return Err(MessageRefusal::MemberIsFile);
            }
        }
        if is_greeting && key == b"payload" && iterations(value) > MOST_ITERATIONS {
            return Err(MessageRefusal::TooManyIterations);
        }
        Ok(())
    }

    fn length_here(&self, end: usize) -> Result<usize, MessageRefusal> {
        let length = int32(self.bytes, self.at).ok_or(CUT)? as usize;
        if length > end - self.at { Err(CUT) } else { Ok(length) }
    }

    fn skip(&mut self, length: usize, end: usize) -> Result<(), MessageRefusal> {
        self.at = self.at.checked_add(length).filter(|&at| at <= end).ok_or(CUT)?;
        Ok(())
    }

    /// A length, and that many bytes, of which the last is zero.
    fn string(&mut self, end: usize) -> Result<(), MessageRefusal> {
        let length = self.length_here(end)?;
        self.skip(4, end)?;
        self.skip(length, end)?;
        match length > 0 && self.bytes[self.at - 1] == 0 {
            true => Ok(()),
            false => Err(MessageRefusal::Malformed("a text without its end")),
        }
    }

    /// Bytes up to a zero.
    fn text(&mut self, end: usize) -> Result<&'a [u8], MessageRefusal> {
        let bytes = self.bytes;
        let rest = &bytes[self.at..end];
        let length = rest.iter().position(|&byte| byte == 0);
        let length = length.ok_or(MessageRefusal::Malformed("a key without its end"))?;
        self.at += length + 1;
        Ok(&rest[..length])
    }
}

fn int32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

/// Whether a number is 1, as the driver takes it.
fn is_one(kind: u8, value: &[u8]) -> bool {
    match kind {
        0x01 => value.first_chunk().is_some_and(|bytes| f64::from_le_bytes(*bytes) == 1.0),
        0x10 | 0x12 => {
            value.split_first().is_some_and(|(&one, rest)| one == 1 && rest.iter().all(|&byte| byte == 0))
        }
        _ => false,
    }
}

/// SCRAM's iteration count: `r=…,s=…,i=15000`.
fn iterations(payload: &[u8]) -> u64 {
    let parts = payload.split(|&byte| byte == b',').filter_map(|part| part.strip_prefix(b"i="));
    let numbers = parts.map(|part| {
        let digits = part.iter().skip_while(|&&byte| byte == b'+').take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |number: u64, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    });
    numbers.max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
