//! A MongoDB server at wire protocol level, as far as a probe needs it: it greets like a standalone server and responds
//! to every other command with the next piece.
//!
//! A piece that starts with `greeting:` is the response to a greeting, and one that starts with `raw:` is sent without
//! a header. In a document, `{"$nest": 1000}` becomes a thousand nested documents, and `{"$wide": 1000}` a thousand
//! fields, so that a few bytes from the fuzzer are enough to challenge recursion and memory.

use std::io;

use bson::{Document, doc};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::script::Script;

/// A header: length, request id, id of the request it responds to, operation.
const HEADER: usize = 16;
const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
const OP_MSG: i32 = 2013;
const GREETING: &[u8] = b"greeting:";
const RAW: &[u8] = b"raw:";
const MOST_LEVELS: usize = 200_000;
const MOST_FIELDS: usize = 600_000;

pub(crate) async fn answer(script: &Script, mut client: TcpStream, mut received: Vec<u8>) -> io::Result<()> {
    loop {
        while let Some(length) = length(&received) {
            let request: Vec<u8> = received.drain(..length).collect();
            let greets = contains(&request, b"hello\0") || contains(&request, b"isMaster\0");
            let own = if greets { script.next_after(GREETING) } else { None };
            let piece = match own {
                None if greets => {
                    client.write_all(&message(&request, &bytes(&greeting()))).await?;
                    continue;
                }
                None => script.next(),
                piece => piece,
            };
            let Some(piece) = piece else { return Ok(()) };
            let answer = match piece.strip_prefix(RAW) {
                Some(raw) => raw.to_vec(),
                None => message(&request, &document(&piece, greets)),
            };
            client.write_all(&answer).await?;
        }
        if client.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    }
}

/// The length of the first message, once all of it is there.
fn length(received: &[u8]) -> Option<usize> {
    let length = usize::try_from(number(received, 0)?).ok()?.max(HEADER);
    (received.len() >= length).then_some(length)
}

fn number(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn greeting() -> Document {
    doc! {
        "ok": 1,
        "isWritablePrimary": true,
        "helloOk": true,
        "maxBsonObjectSize": 16_777_216,
        "maxMessageSizeBytes": 48_000_000,
        "maxWriteBatchSize": 100_000,
        "minWireVersion": 0,
        "maxWireVersion": 17,
    }
}

/// A document in extended JSON, or the bytes as they are.
fn document(piece: &[u8], greets: bool) -> Vec<u8> {
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(piece) else { return piece.to_vec() };
    let mut size = |name: &str| fields.remove(name).and_then(|size| usize::try_from(size.as_u64()?).ok());
    let (levels, width) = (size("$nest").unwrap_or(0), size("$wide").unwrap_or(0));
    let Ok(given) = serde_json::from_value::<Document>(Value::Object(fields)) else { return piece.to_vec() };
    let mut document = if greets {
        greeting()
    } else {
        doc! {"ok": 1}
    };
    document.extend(given);
    let mut document = bytes(&document);
    document.pop();
    if levels > 0 {
        document.extend(b"\x03nest\0");
        nest(&mut document, levels.min(MOST_LEVELS));
    }
    for field in 0..width.min(MOST_FIELDS) {
        document.extend(format!("\x0a{field}\0").as_bytes());
    }
    document.push(0);
    let length = (document.len() as i32).to_le_bytes();
    document[..4].copy_from_slice(&length);
    document
}

/// Appends documents, one inside the other.
fn nest(bytes: &mut Vec<u8>, levels: usize) {
    for level in (1..=levels).rev() {
        let length = 5 + 8 * (level - 1);
        bytes.extend((length as i32).to_le_bytes());
        if level > 1 {
            bytes.extend(b"\x03a\0");
        }
    }
    bytes.resize(bytes.len() + levels, 0);
}

fn bytes(document: &Document) -> Vec<u8> {
    document.to_vec().unwrap_or_default()
}

/// The response to a request, in the format of the request.
fn message(request: &[u8], document: &[u8]) -> Vec<u8> {
    let (operation, start) = match number(request, 12) {
        // No flags, no cursor, starting at the first document, one document.
        Some(OP_QUERY) => (OP_REPLY, [0_i32, 0, 0, 0, 1].map(i32::to_le_bytes).concat()),
        // No flags, and a section of one document.
        _ => (OP_MSG, vec![0; 5]),
    };
    let length = (HEADER + start.len() + document.len()) as i32;
    let asked = number(request, 4).unwrap_or_default();
    let header = [length, 1, asked, operation].map(i32::to_le_bytes).concat();
    [header, start, document.to_vec()].concat()
}
