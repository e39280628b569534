//! The exchange of messages between the driver and a server.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;

use super::message_bounds::{self, MessageRefusal, RequestKind};

/// The command waiting for its answer. Each has one answer.
#[derive(Default)]
struct Pending(Mutex<Option<RequestKind>>);

impl Pending {
    fn set(&self, asked: RequestKind) {
        *self.0.lock() = Some(asked);
    }

    fn take(&self) -> Option<RequestKind> {
        self.0.lock().take()
    }
}

/// Relays messages until either side closes its connection, then closes both. Calls `well` after the first message of
/// the server. Returns whether there was one.
///
/// # Errors
/// Why a message of the server was not passed on.
pub(super) async fn relay(
    driver: TcpStream,
    server: impl AsyncRead + AsyncWrite,
    well: impl Fn(),
) -> Result<bool, (MessageRefusal, RequestKind)> {
    let (mut from_driver, mut to_driver) = split(driver);
    let (mut from_server, mut to_server) = split(server);
    let (pending, is_well) = (Pending::default(), AtomicBool::new(false));
    let requests = async {
        while let Some(request) = request(&mut from_driver).await {
            pending.set(RequestKind::by(&request));
            if to_server.write_all(&request).await.is_err() || to_server.flush().await.is_err() {
                break;
            }
        }
    };
    let answers = async {
        while let Some(answer) = answer(&mut from_server, &pending).await? {
            if !is_well.swap(true, Ordering::Relaxed) {
                well();
            }
            if to_driver.write_all(&answer).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    tokio::select! {
        () = requests => {}
        end = answers => end?,
    }
    Ok(is_well.load(Ordering::Relaxed))
}

/// The next message of the driver, which is never larger than servers accept.
async fn request(driver: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut beginning = [0; 4];
    driver.read_exact(&mut beginning).await.ok()?;
    rest(driver, beginning, u32::from_le_bytes(beginning) as usize).await
}

/// The next message of the server, complete and checked. `None` if the connection ends.
async fn answer(
    server: &mut (impl AsyncRead + Unpin),
    pending: &Pending,
) -> Result<Option<Vec<u8>>, (MessageRefusal, RequestKind)> {
    let mut beginning = [0; 4];
    if server.read_exact(&mut beginning).await.is_err() {
        return Ok(None);
    }
    let Some(asked) = pending.take() else {
        return Err((MessageRefusal::Malformed("an answer without a question"), RequestKind::Greeting));
    };
    let refused = |refusal| (refusal, asked);
    let length = message_bounds::length(beginning, asked).map_err(refused)?;
    let Some(message) = rest(server, beginning, length).await else { return Ok(None) };
    message_bounds::check(&message, asked).map_err(refused)?;
    Ok(Some(message))
}

/// A message whose length has been read. Memory is allocated as bytes arrive, not by the announced length.
async fn rest(from: &mut (impl AsyncRead + Unpin), beginning: [u8; 4], length: usize) -> Option<Vec<u8>> {
    let mut message = beginning.to_vec();
    let missing = length.checked_sub(beginning.len())?;
    let read = from.take(missing as u64).read_to_end(&mut message).await.ok()?;
    (read == missing).then_some(message)
}
