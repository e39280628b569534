//! A stream from which nothing is read before something was written, and only so much after it.
//!
//! A server that turns a client away says so at once, and the driver throws away what comes before the first
//! command. Held back until then, it becomes that command's answer.
//!
//! The driver reads an answer of any size into memory: it is ended here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::query::LARGEST_ANSWER;

/// The answer is larger than [`LARGEST_ANSWER`].
#[derive(Debug, thiserror::Error)]
#[error("the answer is too large")]
pub(super) struct TooLarge;

pub(super) struct Conversation<S> {
    stream: S,
    has_written: bool,
    /// How many bytes have come since the last command.
    answered: usize,
    reader: Option<Waker>,
}

impl<S> Conversation<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, has_written: false, answered: 0, reader: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Conversation<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_written {
            let before = buffer.filled().len();
            let read = Pin::new(&mut self.stream).poll_read(context, buffer);
            self.answered += buffer.filled().len() - before;
            if self.answered > LARGEST_ANSWER {
                return Poll::Ready(Err(io::Error::other(TooLarge)));
            }
            return read;
        }
        self.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Conversation<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.has_written = true;
        self.answered = 0;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
