//! The exchange of messages between the driver and a server.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::TcpStream;

use super::batch::Envelope;
use super::message::{MessageProblem, answer, request, send};
use super::message_bounds::{MessageRefusal, RequestKind};
use super::socks;

/// How the exchange of messages ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Before the server has sent anything.
    Unheard,
    /// With a request without an answer: nobody waits for it any longer.
    Unanswered,
    /// One side has closed its connection.
    Closed,
}

/// What the driver receives for a request.
struct Reply {
    message: Vec<u8>,
    /// The server still owes answers that nobody waits for.
    is_last: bool,
}

/// Relays messages until either side closes its connection, then closes both. Calls `well` after the first message of
/// the server.
///
/// # Errors
/// Why a message of the server was not passed on.
pub(super) async fn relay(
    mut driver: TcpStream,
    server: impl AsyncRead + AsyncWrite,
    well: impl Fn(),
) -> Result<End, MessageProblem> {
    let (mut from_server, mut to_server) = split(server);
    let mut closed = End::Unheard;
    loop {
        let request = tokio::select! {
            request = request(&mut driver) => request,
            end = unasked(&mut from_server) => return end.map(|()| closed),
        };
        let Some(request) = request else { return Ok(closed) };
        let reply = tokio::select! {
            reply = exchange(&mut from_server, &mut to_server, request) => reply?,
            () = socks::left(&driver) => return Ok(End::Unanswered),
        };
        let Some(Reply { message, is_last }) = reply else { return Ok(closed) };
        if closed == End::Unheard {
            closed = End::Closed;
            well();
        }
        if driver.write_all(&message).await.is_err() {
            return Ok(closed);
        }
        if is_last {
            return Ok(End::Unanswered);
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
