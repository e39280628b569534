//! Checks what a broker sends before the driver decodes it. Pure.
//!
//! The driver decodes nested tables recursively, so 10 kB can overflow its stack, which kills the whole process. It
//! also queues some methods without a limit. Neither can happen with frames that pass here: they are small, their
//! tables are shallow, and they answer a request of the probe.

/// What a stream starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// More bytes are needed to decide.
    Incomplete,
    /// A frame of this length for the driver.
    Good(usize),
    /// A frame of this length that the driver does not need.
    Needless(usize),
}

/// Why a frame is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MalformedFrame {
    #[error("the server does not speak AMQP 0-9-1")]
    NotAmqp,
    #[error("the broker sends a frame of {0} bytes; the limit is {LARGEST}")]
    TooLarge(usize),
    #[error("the broker sends a frame without its end octet")]
    NoEnd,
    #[error("the broker sends a field table nested more than {DEEPEST} levels deep")]
    TooDeep,
    #[error("the broker sends a field that does not fit into its table")]
    Overrun,
    #[error("the broker sends a field of the unknown type {0:#04x}")]
    UnknownType(u8),
    #[error("the broker sends the unexpected method {0}.{1}")]
    Unasked(u16, u16),
    #[error("the broker sends an unexpected message")]
    Content,
}

/// The largest frame, including header and end octet. The driver negotiates this; before that, a broker's frames are
/// smaller than half of it.
pub(super) const LARGEST: usize = 8192;

/// How deep tables and arrays may be nested. RabbitMQ's own properties take two levels.
const DEEPEST: usize = 32;

/// Type, channel and size.
const HEAD: usize = 7;
const END: u8 = 0xce;

/// Checks the first frame of a stream.
pub(super) fn check(bytes: &[u8]) -> Result<Frame, MalformedFrame> {
    let Some(kind) = bytes.first() else { return Ok(Frame::Incomplete) };
    match kind {
        1 | 8 => {}
        2 | 3 => return Err(MalformedFrame::Content),
        b'A' => return version(bytes),
        _ => return Err(MalformedFrame::NotAmqp),
    }
    let Some(size) = bytes.get(3..HEAD).and_then(|size| size.try_into().ok()) else {
        return Ok(Frame::Incomplete);
    };
    let length = (u32::from_be_bytes(size) as usize).saturating_add(HEAD + 1);
    if length > LARGEST {
        return Err(MalformedFrame::TooLarge(length));
    }
    match bytes.get(HEAD..length) {
        None => Ok(Frame::Incomplete),
        Some([payload @ .., END]) if *kind == 1 => method(payload, length),
        Some([.., END]) => Ok(Frame::Good(length)),
        Some(_) => Err(MalformedFrame::NoEnd),
    }
}

/// A broker that speaks another version answers with its own.
fn version(bytes: &[u8]) -> Result<Frame, MalformedFrame> {
    match bytes {
        [b'A', b'M', b'Q', b'P', _, _, _, _, ..] => Ok(Frame::Good(8)),
        _ if b"AMQP".starts_with(&bytes[..bytes.len().min(4)]) => Ok(Frame::Incomplete),
        _ => Err(MalformedFrame::NotAmqp),
    }
}

fn method(payload: &[u8], length: usize) -> Result<Frame, MalformedFrame> {
    let &[a, b, c, d, ref arguments @ ..] = payload else { return Err(MalformedFrame::Overrun) };
    match (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])) {
        // Connection.Start: two octets of version, then the only table that a probe receives.
        (10, 10) => table(arguments.get(2..).ok_or(MalformedFrame::Overrun)?).map(|()| Frame::Good(length)),
        // Connection.Blocked and Unblocked are for publishers. The driver would keep each of them.
        (10, 60 | 61) => Ok(Frame::Needless(length)),
        // Connection.Tune, Open-Ok, Close, Close-Ok; Channel.Open-Ok, Close, Close-Ok; Queue.Declare-Ok.
        (10, 30 | 41 | 50 | 51) | (20, 11 | 40 | 41) | (50, 11) => Ok(Frame::Good(length)),
        (class, method) => Err(MalformedFrame::Unasked(class, method)),
    }
}

/// A table or an array that is being walked.
#[derive(Clone, Copy)]
struct Level {
    end: usize,
    has_names: bool,
}

/// Walks the table at the start of these bytes, with an explicit stack.
fn table(bytes: &[u8]) -> Result<(), MalformedFrame> {
    let mut at = 0;
    let mut levels = vec![level(bytes, &mut at, bytes.len(), true)?];
    while let Some(&Level { end, has_names }) = levels.last() {
        if at == end {
            levels.pop();
            continue;
        }
        if has_names {
            let length = usize::from(*take(bytes, &mut at, end, 1)?.first().ok_or(MalformedFrame::Overrun)?);
            take(bytes, &mut at, end, length)?;
        }
        let field = *take(bytes, &mut at, end, 1)?.first().ok_or(MalformedFrame::Overrun)?;
        let length = match field {
            b'F' | b'A' if levels.len() == DEEPEST => return Err(MalformedFrame::TooDeep),
            b'F' | b'A' => {
                levels.push(level(bytes, &mut at, end, field == b'F')?);
                continue;
            }
            b'S' | b'x' => long(bytes, &mut at, end)?,
            b'V' => 0,
            b't' | b'b' | b'B' => 1,
            b's' | b'U' | b'u' => 2,
            b'I' | b'i' | b'f' => 4,
            b'D' => 5,
            b'L' | b'l' | b'd' | b'T' => 8,
            unknown => return Err(MalformedFrame::UnknownType(unknown)),
        };
        take(bytes, &mut at, end, length)?;
    }
    Ok(())
}

/// Enters a table or an array, which must end within its parent.
fn level(bytes: &[u8], at: &mut usize, end: usize, has_names: bool) -> Result<Level, MalformedFrame> {
    let length = long(bytes, at, end)?;
    let own_end = at.checked_add(length).filter(|own_end| *own_end <= end).ok_or(MalformedFrame::Overrun)?;
    Ok(Level { end: own_end, has_names })
}

fn long(bytes: &[u8], at: &mut usize, end: usize) -> Result<usize, MalformedFrame> {
    let length = take(bytes, at, end, 4)?.try_into().map_err(|_| MalformedFrame::Overrun)?;
    Ok(u32::from_be_bytes(length) as usize)
}

/// The next bytes, which must lie before the end.
fn take<'a>(bytes: &'a [u8], at: &mut usize, end: usize, length: usize) -> Result<&'a [u8], MalformedFrame> {
    let next = at.checked_add(length).filter(|next| *next <= end).ok_or(MalformedFrame::Overrun)?;
    let taken = bytes.get(*at..next).ok_or(MalformedFrame::Overrun)?;
    *at = next;
    Ok(taken)
}

#[cfg(test)]
mod tests;
