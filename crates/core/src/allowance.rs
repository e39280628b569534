//! A stream that fails when the other side sends more than expected.
//!
//! The HTTP library accepts any number of interim responses and of one-byte chunks: each is small, but together they
//! keep the thread busy that all sources share.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The head of an answer, and everything before it.
const HEAD: usize = 256 << 10;

/// The read buffer of the HTTP library.
pub const BUFFER: usize = 64 << 10;

/// Why a stream ends.
#[derive(Debug, thiserror::Error)]
#[error("the server sends far more data than a valid answer")]
pub struct TooMuch;

/// How many more bytes may be received.
#[derive(Clone, Debug)]
pub struct Allowance(Arc<AtomicUsize>);

/// A stream with an allowance.
pub struct Limited<S> {
    inner: S,
    allowance: Allowance,
}

impl Allowance {
    /// Enough for the head of an answer.
    pub fn for_head() -> Self {
        Self(Arc::new(AtomicUsize::new(HEAD)))
    }

    /// Another answer begins.
    pub fn renew(&self) {
        self.0.store(HEAD, Ordering::Relaxed);
    }

    /// The head has arrived: allow a body of at most this many bytes, in chunks that are not all tiny.
    pub fn add_body(&self, bytes: usize) {
        self.0.fetch_add(bytes.saturating_mul(2), Ordering::Relaxed);
    }

    /// A stream that ends when the allowance is used up.
    pub fn limit<S>(&self, inner: S) -> Limited<S> {
        Limited { inner, allowance: self.clone() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Limited<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let received = buffer.filled().len() - before;
        let left = self.allowance.0.load(Ordering::Relaxed);
        let Some(left) = left.checked_sub(received) else {
            return Poll::Ready(Err(io::Error::new(ErrorKind::InvalidData, TooMuch)));
        };
        self.allowance.0.store(left, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Limited<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
