//! A stream from which nothing is read before something was written.
//!
//! A server that turns a client away says so at once, and the driver throws away what comes before the first
//! command. Held back until then, it becomes that command's answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) struct WriteFirst<S> {
    stream: S,
    has_written: bool,
    reader: Option<Waker>,
}

impl<S> WriteFirst<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, has_written: false, reader: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteFirst<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_written {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        self.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteFirst<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.has_written = true;
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
