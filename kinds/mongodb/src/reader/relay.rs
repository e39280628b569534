//! The exchange of messages between the driver and a server.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;

use super::batch::Envelope;
use super::message::{MessageProblem, answer, request, send};
use super::message_bounds::{MessageRefusal, RequestKind};
use super::socks;

/// What the driver receives for a request.
struct Reply {
    message: Vec<u8>,
    /// The server still owes answers that nobody waits for.
    is_last: bool,
}

/// Relays messages until either side closes its connection, then closes both. Calls `well` after the first message of
/// the server. Returns whether there was one.
///
/// # Errors
/// Why a message of the server was not passed on.
pub(super) async fn relay(
    mut driver: TcpStream,
    server: impl AsyncRead + AsyncWrite,
    well: impl Fn(),
) -> Result<bool, MessageProblem> {
    let (mut from_server, mut to_server) = split(server);
    let mut is_well = false;
    loop {
        let request = tokio::select! {
            request = request(&mut driver) => request,
            end = unasked(&mut from_server) => return end.map(|()| is_well),
        };
        let Some(request) = request else { return Ok(is_well) };
        let reply = tokio::select! {
            reply = exchange(&mut from_server, &mut to_server, request) => reply?,
            () = socks::left(&driver) => return Ok(is_well),
        };
        let Some(Reply { message, is_last }) = reply else { return Ok(is_well) };
        if !is_well {
            is_well = true;
            well();
        }
        if driver.write_all(&message).await.is_err() || is_last {
            return Ok(is_well);
        }
    }
}

/// Waits for the server to close the connection: it has nothing to say.
async fn unasked(server: &mut (impl AsyncRead + Unpin)) -> Result<(), MessageProblem> {
    match server.read_u8().await {
        Ok(_) => Err((MessageRefusal::Malformed("an answer without a question"), RequestKind::Greeting)),
        Err(_) => Ok(()),
    }
}

/// Sends a request, and waits for its answer. `None` if the connection ends.
async fn exchange(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    request: Vec<u8>,
) -> Result<Option<Reply>, MessageProblem> {
    if let Some(batch) = Envelope::of(&request) {
        let answers = batch.exchange(from, to).await?;
        return Ok(answers.map(|(message, is_complete)| Reply { message, is_last: !is_complete }));
    }
    send(to, &request).await;
    let message = answer(from, RequestKind::by(&request)).await?;
    Ok(message.map(|message| Reply { message, is_last: false }))
}
