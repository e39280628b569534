//! One connection through a misbehaving proxy.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use super::proxy::{Counts, Mode};

/// No protocol under test starts with these.
const GARBAGE: &[u8] = b"\xff\xfe\x00garbage\r\n\x80\x00\xff";

/// Carries a connection until one side ends it, or the mode does.
pub(crate) async fn carry(client: TcpStream, target: &str, modes: watch::Receiver<Mode>, counts: &Counts) {
    let Ok(server) = TcpStream::connect(target).await else {
        return reset(&client);
    };
    // As servers do: else the second piece of an answer would wait until the client has acknowledged the first.
    for stream in [&client, &server] {
        // It may be closed already.
        let _ = stream.set_nodelay(true);
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (mut requests, mut answers, mut watcher) = (modes.clone(), modes.clone(), modes);
    let mut to_client = to_client;
    let traffic = Traffic { counts, turn: Mutex::new(Turn::Client) };
    let broken = tokio::select! {
        _ = carry_requests(from_client, to_server, &mut requests, &traffic) => false,
        _ = carry_answers(from_server, &mut to_client, &mut answers, &traffic) => false,
        _ = watcher.wait_for(|mode| matches!(mode, Mode::Refuse | Mode::Reset)) => true,
    };
    if broken {
        reset(to_client.as_ref());
    }
}

/// Closes with a reset instead of a farewell, once the stream is dropped.
pub(crate) fn reset(stream: &TcpStream) {
    // It may be closed already.
    let _ = stream.set_zero_linger();
}

/// What one connection adds to the counts.
struct Traffic<'a> {
    counts: &'a Counts,
    turn: Mutex<Turn>,
}

/// Whose turn it is to speak.
enum Turn {
    Client,
    /// Since the client has asked.
    Server(Instant),
    /// The server has spoken up to then, and may go on.
    Either(Instant),
}

impl Traffic<'_> {
    fn asked(&self, bytes: usize) {
        self.counts.carried(bytes, Duration::ZERO);
        *self.turn.lock() = Turn::Server(Instant::now());
    }

    fn answered(&self, bytes: usize) {
        let mut turn = self.turn.lock();
        let now = Instant::now();
        let waited = match *turn {
            Turn::Client => Duration::ZERO,
            Turn::Either(since) => now - since,
            Turn::Server(since) => {
                self.counts.exchanges.fetch_add(1, Ordering::Relaxed);
                now - since
            }
        };
        *turn = Turn::Either(now);
        self.counts.carried(bytes, waited);
    }
}

fn holds(mode: Mode) -> bool {
    matches!(mode, Mode::Blackhole | Mode::Unreachable)
}

/// Reads on while holding back, so that a client that gives up is seen to do so.
async fn carry_requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    modes: &mut watch::Receiver<Mode>,
    traffic: &Traffic<'_>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut held = Vec::new();
    loop {
        tokio::select! {
            read = client.read(&mut buffer) => match read? {
                0 => return Ok(()),
                length => {
                    traffic.asked(length);
                    held.extend_from_slice(&buffer[..length]);
                }
            },
            changed = modes.changed() => changed.map_err(io::Error::other)?,
        }
        if !holds(*modes.borrow_and_update()) {
            server.write_all(&held).await?;
            held.clear();
        }
    }
}

async fn carry_answers(
    mut server: OwnedReadHalf,
    client: &mut OwnedWriteHalf,
    modes: &mut watch::Receiver<Mode>,
    traffic: &Traffic<'_>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let (mut sent_before_cut, mut sent_before_stall) = (0, 0);
    loop {
        let length = server.read(&mut buffer).await?;
        let mode = *modes.wait_for(|&mode| !holds(mode)).await.map_err(io::Error::other)?;
        let answer = &buffer[..length];
        if length == 0 {
            return Ok(());
        }
        traffic.answered(length);
        match mode {
            Mode::Delay(delay) => {
                tokio::time::sleep(delay).await;
                client.write_all(answer).await?;
            }
            Mode::Cut(limit) => {
                let rest = limit.saturating_sub(sent_before_cut);
                client.write_all(&answer[..length.min(rest)]).await?;
                sent_before_cut += length;
                if length >= rest {
                    return Ok(());
                }
            }
            Mode::Stall(limit) => {
                let (now, later) = answer.split_at(length.min(limit.saturating_sub(sent_before_stall)));
                client.write_all(now).await?;
                sent_before_stall += length;
                if !later.is_empty() {
                    let goes_on = |mode: &Mode| !matches!(mode, Mode::Stall(_)) && !holds(*mode);
                    modes.wait_for(goes_on).await.map_err(io::Error::other)?;
                    client.write_all(later).await?;
                    sent_before_stall = 0;
                }
            }
            Mode::Garbage => client.write_all(GARBAGE).await?,
            Mode::Trickle => trickle(answer, client, modes).await?,
            _ => client.write_all(answer).await?,
        }
    }
}

/// One byte a second, and the rest at once when the mode changes.
async fn trickle(
    mut answer: &[u8],
    client: &mut OwnedWriteHalf,
    modes: &mut watch::Receiver<Mode>,
) -> io::Result<()> {
    while let Some((first, rest)) = answer.split_first() {
        client.write_all(&[*first]).await?;
        answer = rest;
        let second = Duration::from_secs(1);
        let changed = modes.wait_for(|&mode| mode != Mode::Trickle && !holds(mode));
        if tokio::time::timeout(second, changed).await.is_ok() {
            return client.write_all(answer).await;
        }
    }
    Ok(())
}
