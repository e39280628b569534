//! A stand-in on loopback that plays back the fuzzer's bytes.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{broker, mongo};

/// How the stand-in handles requests.
#[derive(Clone, Copy)]
pub enum Protocol {
    /// Each chunk from the client is answered with the next piece, unchanged; after the last one, the connection is
    /// closed.
    Plain,
    /// Each request is answered with the next piece: a body whose first line may be a status. The last one is repeated.
    Http,
    /// AMQP 0-9-1 as far as a probe needs it. If the bytes start with `!`, the pieces are the broker's responses, see
    /// the module `broker`. On the same port, HTTP requests are handled like [`Protocol::Http`].
    AmqpAndHttp,
    /// MongoDB: each command is answered with the next piece, a document; a greeting only if the piece is for one.
    Mongo,
}

/// The remaining responses.
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
        *self.0.lock() = pieces;
    }

    pub(crate) fn next(&self) -> Option<Vec<u8>> {
        self.0.lock().pop_front()
    }

    /// Whether the first piece starts with a flag, which is removed.
    pub(crate) fn take_flag(&self, flag: u8) -> bool {
        let mut pieces = self.0.lock();
        let Some(first) = pieces.front_mut().filter(|first| first.first() == Some(&flag)) else {
            return false;
        };
        first.remove(0);
        true
    }

    /// The rest of the next piece after this prefix; none if it has another prefix, and then the piece is kept.
    pub(crate) fn next_after(&self, beginning: &[u8]) -> Option<Vec<u8>> {
        let mut pieces = self.0.lock();
        let rest = pieces.front()?.strip_prefix(beginning)?.to_vec();
        pieces.pop_front();
        Some(rest)
    }

    fn is_over(&self) -> bool {
        self.0.lock().is_empty()
    }

    fn next_or_last(&self) -> Vec<u8> {
        let mut pieces = self.0.lock();
        if pieces.len() > 1 { pieces.pop_front() } else { pieces.front().cloned() }.unwrap_or_default()
    }

    pub(crate) async fn serve(self: Arc<Self>, protocol: Protocol) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A client that disconnects is not a finding.
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
                    return broker::answer(&self, client, received).await;
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

/// Whether a request has arrived completely.
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
