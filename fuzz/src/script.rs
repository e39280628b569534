//! A stand-in on loopback that plays back the fuzzer's bytes.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::mongo;

/// How the stand-in takes requests.
#[derive(Clone, Copy)]
pub enum Protocol {
    /// Each piece of what the client sends is answered with the next piece, as it is; after the last one, the
    /// connection is closed.
    Plain,
    /// Each request is answered by the next piece: a body, whose first line may be a status. The last one is repeated.
    Http,
    /// AMQP 0-9-1 as far as a probe needs it. On the same port, what begins as HTTP is answered as [`Protocol::Http`].
    AmqpAndHttp,
    /// MongoDB's: each command is answered by the next piece, a document. A greeting only where the piece is for one.
    Mongo,
}

/// What is still to be answered.
#[derive(Default)]
pub(crate) struct Script(Mutex<VecDeque<Vec<u8>>>);

const SEPARATOR: &[u8] = b"\n----\n";

impl Script {
    pub(crate) fn begin(&self, answers: &[u8]) {
        let mut pieces = VecDeque::new();
        let mut rest = answers;
        while let Some(at) = rest.windows(SEPARATOR.len()).position(|bytes| bytes == SEPARATOR) {
            pieces.push_back(rest[..at].to_vec());
            rest = &rest[at + SEPARATOR.len()..];
        }
        pieces.push_back(rest.to_vec());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = pieces;
    }

    pub(crate) fn next(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// What follows this beginning of the next piece; none where it begins otherwise, and it stays.
    pub(crate) fn next_after(&self, beginning: &[u8]) -> Option<Vec<u8>> {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = pieces.front()?.strip_prefix(beginning)?.to_vec();
        pieces.pop_front();
        Some(rest)
    }

    fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn next_or_last(&self) -> Vec<u8> {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pieces.len() > 1 { pieces.pop_front() } else { pieces.front().cloned() }.unwrap_or_default()
    }

    pub(crate) async fn serve(self: Arc<Self>, protocol: Protocol) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A client that has given up is no finding.
                tokio::spawn(Arc::clone(&self).answer(client, protocol));
            }
        });
        address
    }

    async fn answer(self: Arc<Self>, mut client: TcpStream, protocol: Protocol) -> io::Result<()> {
        let mut received = Vec::new();
        while client.read_buf(&mut received).await? > 0 {
            match protocol {
                Protocol::Plain => {
                    let Some(piece) = self.next() else { return Ok(()) };
                    received.clear();
                    client.write_all(&piece).await?;
                    if self.is_over() {
                        return Ok(());
                    }
                }
                Protocol::AmqpAndHttp if received.starts_with(b"AMQP") => {
                    return amqp(client, received).await;
                }
                Protocol::Mongo => return mongo::answer(&self, client, received).await,
                Protocol::Http | Protocol::AmqpAndHttp => {
                    if is_whole(&received) {
                        received.clear();
                        client.write_all(&http(&self.next_or_last())).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a request has arrived with its body.
fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    request.len() - end - 4 >= length.unwrap_or(0)
}

fn http(piece: &[u8]) -> Vec<u8> {
    let status = piece.get(..4).filter(|line| line[3] == b'\n' && line[..3].iter().all(u8::is_ascii_digit));
    let (status, body) = match status {
        Some(line) => (String::from_utf8_lossy(&line[..3]).into_owned(), &piece[4..]),
        None => ("200".to_owned(), piece),
    };
    let mut answer =
        format!("HTTP/1.1 {status} Fuzzed\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// A broker that lets everybody in, and has every queue, with three messages and one consumer.
async fn amqp(mut client: TcpStream, mut received: Vec<u8>) -> io::Result<()> {
    received.drain(..8);
    // Version 0-9, no properties, PLAIN, en_US.
    client
        .write_all(&method(0, 10, 10, b"\x00\x09\x00\x00\x00\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US"))
        .await?;
    loop {
        while let Some((channel, class, name, length)) = frame(&received) {
            received.drain(..length);
            let answer = match (class, name) {
                (10, 11) => method(channel, 10, 30, &[0, 0, 0, 2, 0, 0, 0, 0]),
                (10, 40) => method(channel, 10, 41, &[0]),
                (10, 50) => method(channel, 10, 51, &[]),
                (20, 10) => method(channel, 20, 11, &[0, 0, 0, 0]),
                (20, 40) => method(channel, 20, 41, &[]),
                (50, 10) => method(channel, 50, 11, &[1, b'q', 0, 0, 0, 3, 0, 0, 0, 1]),
                _ => Vec::new(),
            };
            client.write_all(&answer).await?;
        }
        if client.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    }
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
