//! A stream that reads nothing before the first write, and only a bounded amount after it.
//!
//! A server that rejects a client says so at once, but the driver discards what arrives before the first command. Held
//! back until then, it becomes that command's answer.
//!
//! The driver reads an answer of any size into memory, and recurses into nested ones: such an answer is cut off here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use platform_core::large::Pace;
use platform_core::query::LARGEST_ANSWER;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::reply_limits::{Unfit, Walk};

/// Starts a new exchange with the next command. All answers of an exchange share their limits.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchanges(Arc<Exchange>);

#[derive(Debug, Default)]
struct Exchange {
    has_begun: AtomicBool,
    /// How many bytes were received since it began.
    answered: AtomicUsize,
}

impl Exchanges {
    pub(super) fn begin(&self) {
        self.0.has_begun.store(true, Ordering::Relaxed);
    }

    /// How many bytes were received in the last exchange.
    pub(super) fn answered(&self) -> usize {
        self.0.answered.load(Ordering::Relaxed)
    }

    fn has_begun(&self) -> bool {
        let has_begun = self.0.has_begun.swap(false, Ordering::Relaxed);
        if has_begun {
            self.0.answered.store(0, Ordering::Relaxed);
        }
        has_begun
    }

    /// Counts bytes, and returns how many there are now.
    fn add(&self, bytes: usize) -> usize {
        self.0.answered.fetch_add(bytes, Ordering::Relaxed) + bytes
    }
}

pub(super) struct Conversation<S> {
    stream: S,
    exchanges: Exchanges,
    has_written: bool,
    walk: Walk,
    pace: Pace,
    reader: Option<Waker>,
}

impl<S> Conversation<S> {
    pub(super) fn new(stream: S, exchanges: Exchanges) -> Self {
        let (walk, pace) = (Walk::new(), Pace::default());
        Self { stream, exchanges, has_written: false, walk, pace, reader: None }
    }

    /// Checks bytes before the driver gets them.
    fn inspect(&mut self, bytes: &[u8]) -> Result<(), Unfit> {
        self.pace.count(bytes.len());
        if self.exchanges.add(bytes.len()) > LARGEST_ANSWER {
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
            // The driver would go on reading for as long as there is something.
            if self.pace.is_pause_due() {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
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
