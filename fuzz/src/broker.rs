//! A stand-in for RabbitMQ: either well-behaved, or with responses from the fuzzer.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::script::Script;

/// The flag that makes the broker respond with the fuzzer's bytes.
const FLAG: u8 = b'!';

/// Maximum size of a table: far more than enough to overflow a stack.
const MOST: usize = 1 << 20;

/// Responds to the client's header, then to each of its methods. After a flag, the pieces are the responses.
pub(crate) async fn answer(script: &Script, mut client: TcpStream, mut received: Vec<u8>) -> io::Result<()> {
    received.drain(..8.min(received.len()));
    let is_fuzzed = script.take_flag(FLAG);
    // Version 0-9, no properties, PLAIN, en_US.
    let start = b"\x00\x09\x00\x00\x00\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US";
    match next(script, is_fuzzed) {
        Some(answer) => client.write_all(&answer).await?,
        None => client.write_all(&method(0, 10, 10, start)).await?,
    }
    loop {
        while let Some((channel, class, name, length)) = frame(&received) {
            received.drain(..length);
            let well = match (class, name) {
                (10, 11) => method(channel, 10, 30, &[0, 0, 0, 2, 0, 0, 0, 0]),
                (10, 40) => method(channel, 10, 41, &[0]),
                (10, 50) => method(channel, 10, 51, &[]),
                (20, 10) => method(channel, 20, 11, &[0, 0, 0, 0]),
                (20, 40) => method(channel, 20, 41, &[]),
                (50, 10) => method(channel, 50, 11, &[1, b'q', 0, 0, 0, 3, 0, 0, 0, 1]),
                _ => Vec::new(),
            };
            client.write_all(&next(script, is_fuzzed).unwrap_or(well)).await?;
        }
        if client.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    }
}

/// The next response, if the fuzzer has one. Its first byte is its type:
/// - `t`: Connection.Start, with properties built from the following bytes, see [`table`];
/// - `m`: a method: class, number and arguments, on channel 1;
/// - `w`: the response of a well-behaved broker;
/// - anything else: raw bytes.
fn next(script: &Script, is_fuzzed: bool) -> Option<Vec<u8>> {
    let piece = if is_fuzzed { script.next()? } else { return None };
    match piece.split_first() {
        Some((b't', shape)) => {
            let table = table(shape);
            let length = u32::try_from(table.len()).unwrap_or(u32::MAX).to_be_bytes();
            let arguments = [b"\x00\x09", &length[..], &table, b"\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US"];
            Some(method(0, 10, 10, &arguments.concat()))
        }
        Some((b'm', [class, name, arguments @ ..])) => {
            Some(method(1, (*class).into(), (*name).into(), arguments))
        }
        Some((b'w', _)) => None,
        _ => Some(piece),
    }
}

/// A table, from its innermost field to its outermost. Of each two bytes, the first says what to wrap around the result
/// so far, a table or an array, and the second how often, in hundreds; or it prepends a single field.
fn table(shape: &[u8]) -> Vec<u8> {
    let mut table = Vec::new();
    for pair in shape.chunks(2) {
        let times = usize::from(pair.get(1).copied().unwrap_or(1)) * 100 + 1;
        for _ in 0..times {
            if table.len() > MOST {
                return table;
            }
            let [length, with_head] = [0, 5].map(|more| (table.len() as u32 + more).to_be_bytes());
            let field: &[u8] = match pair[0] % 4 {
                0 => &[&[0, b'F'][..], &length].concat(),
                // An array of a single table.
                1 => &[&[0, b'A'][..], &with_head, b"F", &length].concat(),
                2 => b"\x01nS\x00\x00\x00\x01x",
                _ => &[0, pair[0]],
            };
            table.splice(..0, field.iter().copied());
            if pair[0] % 4 > 1 {
                break;
            }
        }
    }
    table
}

/// The channel, class and method of the first frame, and its length. A frame without a method has none of them.
fn frame(bytes: &[u8]) -> Option<(u16, u16, u16, usize)> {
    let short = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let size = u32::from_be_bytes(bytes.get(3..7)?.try_into().ok()?) as usize;
    let length = size + 8;
    let is_method = bytes[0] == 1 && size >= 4;
    (bytes.len() >= length).then(|| match is_method {
        true => (short(1), short(7), short(9), length),
        false => (0, 0, 0, length),
    })
}

fn method(channel: u16, class: u16, name: u16, arguments: &[u8]) -> Vec<u8> {
    let mut frame = vec![1];
    frame.extend(channel.to_be_bytes());
    frame.extend((arguments.len() as u32 + 4).to_be_bytes());
    frame.extend(class.to_be_bytes());
    frame.extend(name.to_be_bytes());
    frame.extend(arguments);
    frame.push(0xce);
    frame
}
