//! A broker that speaks just enough AMQP for a probe, and at one point says what a test wants.

use std::io;
use std::sync::Arc;

use hyper::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A method of AMQP: its class and its number.
type Method = (u16, u16);

const START: Method = (10, 10);
/// What a client says once it is logged in.
pub const OPEN: Method = (10, 40);

/// What it says instead of going on.
struct Speech {
    /// The method of the client that it answers; none for the client's header.
    to: Option<Method>,
    text: Bytes,
    is_endless: bool,
}

/// A broker in process; it ends on drop.
pub struct FakeBroker {
    address: String,
    acceptor: JoinHandle<()>,
}

impl FakeBroker {
    /// A broker that lets everybody in, and knows every queue.
    pub async fn start() -> Self {
        Self::with(None).await
    }

    /// A broker that begins with this.
    pub async fn greeting(text: impl Into<Bytes>) -> Self {
        Self::with(Some(Speech { to: None, text: text.into(), is_endless: false })).await
    }

    /// A broker that repeats this for ever once the client has said something.
    pub async fn endless(to: Method, text: impl Into<Bytes>) -> Self {
        Self::with(Some(Speech { to: Some(to), text: text.into(), is_endless: true })).await
    }

    async fn with(speech: Option<Speech>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let acceptor = tokio::spawn(accept(listener, Arc::new(speech)));
        Self { address, acceptor }
    }

    /// Where it listens, as `127.0.0.1:port`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(listener: TcpListener, speech: Arc<Option<Speech>>) {
    let mut clients = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let speech = Arc::clone(&speech);
        clients.spawn(async move { converse(client, speech.as_ref().as_ref()).await });
    }
}

async fn converse(mut client: TcpStream, speech: Option<&Speech>) -> io::Result<()> {
    client.read_exact(&mut [0; 8]).await?;
    let mut asked = None;
    loop {
        let (channel, method) = asked.unzip();
        if let Some(speech) = speech.filter(|speech| speech.to == method) {
            client.write_all(&speech.text).await?;
            if speech.is_endless {
                loop {
                    client.write_all(&speech.text).await?;
                }
            }
        } else {
            client.write_all(&answer(channel.unwrap_or(0), method)).await?;
        }
        asked = Some(read(&mut client).await?);
    }
}

fn answer(channel: u16, method: Option<Method>) -> Vec<u8> {
    match method {
        None => start(&[]),
        // Tune: any number of channels, frames of any size, no heartbeats.
        Some((10, 11)) => frame(channel, (10, 30), &[0; 8]),
        Some((10, 40)) => frame(channel, (10, 41), &[0]),
        Some((10, 50)) => frame(channel, (10, 51), &[]),
        Some((20, 10)) => frame(channel, (20, 11), &[0; 4]),
        Some((20, 40)) => frame(channel, (20, 41), &[]),
        Some((50, 10)) => frame(channel, (50, 11), b"\x01q\0\0\0\x03\0\0\0\x01"),
        Some(_) => Vec::new(),
    }
}

/// The channel and the method of the next frame.
async fn read(client: &mut TcpStream) -> io::Result<(u16, Method)> {
    let mut head = [0; 7];
    client.read_exact(&mut head).await?;
    let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
    let mut payload = vec![0; size + 1];
    client.read_exact(&mut payload).await?;
    let short = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let method = if head[0] == 1 { (short(&payload, 0), short(&payload, 2)) } else { (0, 0) };
    Ok((short(&head, 1), method))
}

/// A method's frame.
pub fn frame(channel: u16, (class, method): Method, arguments: &[u8]) -> Vec<u8> {
    let size = u32::try_from(arguments.len() + 4).expect("a test's frame");
    let head = [&[1], &channel.to_be_bytes()[..], &size.to_be_bytes()].concat();
    [&head[..], &class.to_be_bytes(), &method.to_be_bytes(), arguments, &[0xce]].concat()
}

/// Connection.Start with this table as the broker's properties.
pub fn start(table: &[u8]) -> Vec<u8> {
    let long = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    frame(0, START, &[&[0, 9], &long(table)[..], &long(b"PLAIN"), &long(b"en_US")].concat())
}

/// Connection.Start whose properties are so many tables, one in the other.
pub fn nested_start(levels: usize) -> Vec<u8> {
    let mut table = Vec::with_capacity(levels * 6);
    for level in (0..levels).rev() {
        table.extend_from_slice(&[0, b'F']);
        table.extend_from_slice(&((level * 6) as u32).to_be_bytes());
    }
    start(&table)
}
