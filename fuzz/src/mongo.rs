//! A MongoDB server by its wire protocol, as far as a probe needs it: it greets as a standalone server does, and answers
//! every other command with the next piece.

use std::io;

use bson::{Document, doc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::script::Script;

/// A header: length, number of the message, number of the message that it answers, operation.
const HEADER: usize = 16;
const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
const OP_MSG: i32 = 2013;

pub(crate) async fn answer(script: &Script, mut client: TcpStream, mut received: Vec<u8>) -> io::Result<()> {
    loop {
        while let Some(length) = length(&received) {
            let request: Vec<u8> = received.drain(..length).collect();
            let greets = contains(&request, b"hello\0") || contains(&request, b"isMaster\0");
            let document =
                if greets { Some(greeting()) } else { script.next().map(|piece| document(&piece)) };
            let Some(document) = document else { return Ok(()) };
            client.write_all(&message(&request, &document)).await?;
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

fn greeting() -> Vec<u8> {
    bytes(&doc! {
        "ok": 1,
        "isWritablePrimary": true,
        "helloOk": true,
        "maxBsonObjectSize": 16_777_216,
        "maxMessageSizeBytes": 48_000_000,
        "maxWriteBatchSize": 100_000,
        "minWireVersion": 0,
        "maxWireVersion": 17,
    })
}

/// A document in extended JSON, or the bytes as they are.
fn document(piece: &[u8]) -> Vec<u8> {
    let Ok(mut document) = serde_json::from_slice::<Document>(piece) else { return piece.to_vec() };
    if !document.contains_key("ok") {
        document.insert("ok", 1);
    }
    bytes(&document)
}

fn bytes(document: &Document) -> Vec<u8> {
    document.to_vec().unwrap_or_default()
}

/// The answer to a request, in the form of the request.
fn message(request: &[u8], document: &[u8]) -> Vec<u8> {
    let (operation, start) = match number(request, 12) {
        // No flags, no cursor, from the first document on, one document.
        Some(OP_QUERY) => (OP_REPLY, [0_i32, 0, 0, 0, 1].map(i32::to_le_bytes).concat()),
        // No flags, and a section that is one document.
        _ => (OP_MSG, vec![0; 5]),
    };
    let length = (HEADER + start.len() + document.len()) as i32;
    let asked = number(request, 4).unwrap_or_default();
    let header = [length, 1, asked, operation].map(i32::to_le_bytes).concat();
    [header, start, document.to_vec()].concat()
}
