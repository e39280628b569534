//! Messages on the wire, complete and checked.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::message_bounds::{self, MessageRefusal, RequestKind};

/// Why a message of the server was not passed on, and what had been asked.
pub(super) type MessageProblem = (MessageRefusal, RequestKind);

/// The next message of the driver, which is never larger than servers accept.
pub(super) async fn request(driver: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut beginning = [0; 4];
    driver.read_exact(&mut beginning).await.ok()?;
    rest(driver, beginning, u32::from_le_bytes(beginning) as usize).await
}

/// The next message of the server. `None` if the connection ends.
pub(super) async fn answer(
    server: &mut (impl AsyncRead + Unpin),
    asked: RequestKind,
) -> Result<Option<Vec<u8>>, MessageProblem> {
    let mut beginning = [0; 4];
    if server.read_exact(&mut beginning).await.is_err() {
        return Ok(None);
    }
    let refused = |refusal| (refusal, asked);
    let length = message_bounds::length(beginning, asked).map_err(refused)?;
    let Some(message) = rest(server, beginning, length).await else { return Ok(None) };
    message_bounds::check(&message, asked).map_err(refused)?;
    Ok(Some(message))
}

/// Sends a message to the server. If that fails, the connection ends.
pub(super) async fn send(server: &mut (impl AsyncWrite + Unpin), message: &[u8]) {
    if server.write_all(message).await.is_ok() {
        let _ = server.flush().await;
    }
}

/// A message whose length has been read. Memory is allocated as bytes arrive, not by the announced length.
async fn rest(from: &mut (impl AsyncRead + Unpin), beginning: [u8; 4], length: usize) -> Option<Vec<u8>> {
    let mut message = beginning.to_vec();
    let missing = length.checked_sub(beginning.len())?;
    let read = from.take(missing as u64).read_to_end(&mut message).await.ok()?;
    (read == missing).then_some(message)
}
