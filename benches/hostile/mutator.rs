//! A TCP proxy that corrupts a real server's responses: at random, and in the ways most harmful to decoders.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// Between the exporter and a server.
pub(crate) struct Mutator {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    target: String,
    /// Before the attack, everything passes unchanged.
    attacks: AtomicBool,
    answers: AtomicU64,
    mutations: AtomicU64,
    connections: AtomicU64,
    seed: u64,
}

/// One piece in this many is left unchanged, so that the exporter gets beyond the first response.
const PASSES: u32 = 3;
/// Maximum size and duration of a flood.
const LONGEST_FLOOD: usize = 256 << 20;
const LONGEST_TIME: Duration = Duration::from_secs(20);
/// At this nesting depth, a recursive decoder overflows any stack.
const DEPTHS: [usize; 4] = [101, 1_200, 15_000, 100_000];

impl Mutator {
    /// In front of the server at this address.
    pub(crate) async fn start(target: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State {
            target: target.to_owned(),
            attacks: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            mutations: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            seed,
        });
        let accepting = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).serve(client));
            }
        });
        Self { address, state }
    }

    /// The server's URL, rewritten to go through the proxy.
    pub(crate) fn through(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).expect("a URL");
        url.set_port(Some(self.address.port())).expect("a URL with a host");
        url.into()
    }

    /// Starts or stops corrupting responses.
    pub(crate) fn attack(&self, attacks: bool) {
        self.state.attacks.store(attacks, Ordering::Relaxed);
    }

    /// The number of response pieces, and how many of them were corrupted.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.state.answers.load(Ordering::Relaxed), self.state.mutations.load(Ordering::Relaxed))
    }
}

impl State {
    async fn serve(self: Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(&self.target).await else { return };
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let mut random = Rng::with_seed(self.seed.wrapping_add(number));
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let forth = copy(&mut from_client, &mut to_server);
        let back = async {
            let (mut piece, mut earlier) = (vec![0; 64 << 10], Vec::new());
            while let Ok(length @ 1..) = from_server.read(&mut piece).await {
                self.answers.fetch_add(1, Ordering::Relaxed);
                let answer = &piece[..length];
                let spoilt = self.attacks.load(Ordering::Relaxed) && random.u32(..PASSES) > 0;
                let written = if spoilt {
                    self.mutations.fetch_add(1, Ordering::Relaxed);
                    let mutated = mutate(answer, &earlier, &mut random);
                    let write = mutated.write(&mut to_client);
                    tokio::time::timeout(LONGEST_TIME, write).await.unwrap_or(false)
                } else {
                    to_client.write_all(answer).await.is_ok()
                };
                if !written {
                    break;
                }
                if random.u32(..8) == 0 {
                    earlier = answer.to_vec();
                }
            }
        };
        tokio::select! {
            _ = forth => {}
            () = back => {}
        }
    }
}

/// The replacement of a response: bytes, how often they are repeated, and whether anything follows.
struct Mutated {
    bytes: Vec<u8>,
    times: usize,
    goes_on: bool,
}

impl Mutated {
    /// Whether the connection stays open.
    async fn write(&self, client: &mut tokio::net::tcp::OwnedWriteHalf) -> bool {
        for _ in 0..self.times {
            if client.write_all(&self.bytes).await.is_err() {
                return false;
            }
        }
        self.goes_on
    }
}

fn mutate(answer: &[u8], earlier: &[u8], random: &mut Rng) -> Mutated {
    let mut bytes = answer.to_vec();
    let at = random.usize(..bytes.len());
    let (mut times, mut goes_on) = (1, true);
    match random.u32(..12) {
        0 => bytes[at] ^= 1 << random.u32(..8),
        1 => (0..random.usize(1..16)).for_each(|_| {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }),
        // The header of a message, which has lengths and types.
        2 => {
            let at = random.usize(..bytes.len().min(32));
            bytes[at] = random.u8(..);
        }
        3 => bytes.truncate(at),
        4 => {
            bytes.truncate(at);
            goes_on = false;
        }
        5 => drop(bytes.drain(at..(at + random.usize(1..64)).min(answer.len()))),
        6 => {
            let end = (at + random.usize(1..256)).min(bytes.len());
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        7 => extreme(&mut bytes, at, random),
        8 => drop(bytes.splice(at..at, nested(random))),
        9 => bytes = nested(random),
        10 => bytes.splice(at.., earlier.iter().copied()).for_each(drop),
        _ => times = random.usize(2..(LONGEST_FLOOD / bytes.len()).max(3)).min(200_000),
    }
    Mutated { bytes, times, goes_on }
}

/// Sets four bytes to an implausible length.
fn extreme(bytes: &mut [u8], at: usize, random: &mut Rng) {
    let numbers = [0_u32, 1, 4, 5, 0x7fff_ffff, 0xffff_ffff, 0x8000_0000, 0x00ff_ffff, 16 << 20, 48_000_000];
    let number = *random.choice(&numbers).expect("there are some");
    let number = if random.bool() { number.to_be_bytes() } else { number.to_le_bytes() };
    for (byte, new) in bytes[at..].iter_mut().zip(number) {
        *byte = new;
    }
}

/// Endless opening brackets, in one of the servers' formats.
fn nested(random: &mut Rng) -> Vec<u8> {
    let depth = random.choice(DEPTHS).expect("there are some");
    match random.u32(..8) {
        0 => b"[".repeat(depth),
        1 => b"{\"a\":".repeat(depth),
        2 => b"<a>".repeat(depth),
        3 => b"*1\r\n".repeat(depth),
        4 => b"%1\r\n+a\r\n".repeat(depth),
        5 => b"*2147483647\r\n".to_vec(),
        6 => document(depth),
        _ => start(depth),
    }
}

/// A reply of MongoDB whose document is nested.
fn document(depth: usize) -> Vec<u8> {
    // Each level: length, type document, an empty name, the level below, the end.
    let mut body = vec![5, 0, 0, 0, 0];
    if depth > 20_000 {
        // Only the openings: the lengths are wrong anyway.
        body = [0xff, 0xff, 0x0f, 0x00, 0x03, 0x00].repeat(depth);
    } else {
        for _ in 0..depth {
            let length = i32::try_from(body.len() + 7).unwrap_or(i32::MAX);
            body = [&length.to_le_bytes()[..], &[0x03, 0x00], &body, &[0]].concat();
        }
    }
    let length = i32::try_from(body.len() + 21).unwrap_or(i32::MAX);
    let header = [length, 1, 1, 2013].map(i32::to_le_bytes).concat();
    [header, vec![0; 5], body].concat()
}

/// RabbitMQ's `Connection.Start` with nested tables.
fn start(depth: usize) -> Vec<u8> {
    let mut table = Vec::new();
    for _ in 0..depth.min(15_000) {
        let length = u32::try_from(table.len()).unwrap_or(u32::MAX);
        table = [&[1, b'a', b'F'][..], &length.to_be_bytes(), &table].concat();
    }
    let length = u32::try_from(table.len()).unwrap_or(u32::MAX);
    let payload =
        [&[0, 10, 0, 10, 0, 9][..], &length.to_be_bytes(), &table, &[0, 0, 0, 0, 0, 0, 0, 0]].concat();
    let size = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    [&[1, 0, 0][..], &size.to_be_bytes(), &payload, &[0xce]].concat()
}
