//! A stream that reads nothing before the first write, and only a bounded amount after it.
//!
//! A server that rejects a client says so at once, but the driver discards what arrives before the first command. Held
//! back until then, it becomes that command's answer.
//!
//! The driver reads an answer of any size into memory, and recurses into nested ones: such an answer is cut off here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use platform_core::query::LARGEST_ANSWER;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::reply_limits::{Unfit, Walk};

/// Starts a new exchange with the next command. All answers of an exchange share their limits.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchanges(Arc<AtomicBool>);

impl Exchanges {
    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn has_begun(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

pub(super) struct Conversation<S> {
    stream: S,
    exchanges: Exchanges,
    has_written: bool,
    /// How many bytes were received since the exchange began.
    answered: usize,
    walk: Walk,
    reader: Option<Waker>,
}

impl<S> Conversation<S> {
    pub(super) fn new(stream: S, exchanges: Exchanges) -> Self {
        Self { stream, exchanges, has_written: false, answered: 0, walk: Walk::new(), reader: None }
    }

    /// Checks bytes before the driver gets them.
    fn inspect(&mut self, bytes: &[u8]) -> Result<(), Unfit> {
        self.answered += bytes.len();
        if self.answered > LARGEST_ANSWER {
            return Err(Unfit::TooLarge);
        }
        self.walk.pass(bytes)
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
            return match self.inspect(&buffer.filled()[before..]) {
                Ok(()) => read,
                Err(unfit) => Poll::Ready(Err(io::Error::other(unfit))),
            };
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
        if self.exchanges.has_begun() {
            self.answered = 0;
            self.walk.renew();
        }
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
