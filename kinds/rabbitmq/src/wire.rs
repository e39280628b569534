//! The driver's stream to a broker, which passes on only frames accepted by [`super::frame`].

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_rs::TokioRuntime;
use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use futures_util::Stream;
use futures_util::io::{AsyncRead, AsyncWrite};
use lapin::tcp::AsyncTcpStream;

use super::frame_check::{self, Frame};

/// A connection as tokio makes it, with TLS or without.
pub(super) type Raw = AsyncTcpStream<<TokioRuntime as Reactor>::TcpStream>;

/// The driver's runtime: tokio, with checked streams.
pub(super) type Runtime = async_rs::Runtime<RuntimeParts<TokioRuntime, Checking>>;

/// How much is read at a time.
const CHUNK: usize = 4096;

/// A stream that yields only complete, valid frames. After the first invalid one, every read fails with a
/// [`frame_check::Malformed`] inside its error.
pub(super) struct Checked<S> {
    inner: S,
    /// Bytes from the broker: less than a frame and a chunk.
    received: Vec<u8>,
    /// How much of it has been passed on.
    taken: usize,
    /// How much of it may be passed on.
    good: usize,
}

impl<S> Checked<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, received: Vec::new(), taken: 0, good: 0 }
    }

    /// Checks the bytes, up to the first frame that is incomplete or must not be passed on.
    fn check(&mut self) -> io::Result<()> {
        self.received.drain(..self.good);
        (self.taken, self.good) = (0, 0);
        loop {
            match frame_check::check(&self.received[self.good..]) {
                Ok(Frame::Good(length)) => self.good += length,
                Ok(Frame::Needless(length)) => drop(self.received.drain(self.good..self.good + length)),
                Ok(Frame::Incomplete) => return Ok(()),
                // Earlier frames are passed on first, such as the broker's own reason to close.
                Err(_) if self.good > 0 => return Ok(()),
                Err(malformed) => return Err(io::Error::new(ErrorKind::InvalidData, malformed)),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Checked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        while this.taken == this.good {
            this.check()?;
            if this.good > 0 {
                break;
            }
            let mut chunk = [0; CHUNK];
            let length = ready!(Pin::new(&mut this.inner).poll_read(context, &mut chunk))?;
            if length == 0 {
                return Poll::Ready(Ok(0));
            }
            this.received.extend_from_slice(&chunk[..length]);
        }
        let length = buffer.len().min(this.good - this.taken);
        buffer[..length].copy_from_slice(&this.received[this.taken..this.taken + length]);
        this.taken += length;
        Poll::Ready(Ok(length))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Checked<S> {
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

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(context)
    }
}

/// The driver takes the type of its stream from a reactor. This one keeps tokio's timers and opens no connections: the
/// driver is given one.
#[derive(Clone, Debug)]
pub(super) struct Checking(TokioRuntime);

/// The driver's runtime, on top of this one.
pub(super) fn runtime(tokio: TokioRuntime) -> Runtime {
    RuntimeParts::new(tokio.clone(), Checking(tokio)).into()
}

impl Reactor for Checking {
    type TcpStream = Checked<Raw>;
    type Sleep = <TokioRuntime as Reactor>::Sleep;

    fn register<H: Read + Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Self::TcpStream, _>(ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        _: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(ErrorKind::Unsupported.into()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::AsyncReadExt;

    use super::*;
    use crate::frame_check::MalformedFrame;

    const HEARTBEAT: &[u8] = b"\x08\x00\x00\x00\x00\x00\x00\xce";
    const UNBLOCKED: &[u8] = b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x3d\xce";

    #[tokio::test]
    async fn what_the_driver_has_no_use_for_is_left_out() {
        let sent = [HEARTBEAT, UNBLOCKED, HEARTBEAT, UNBLOCKED].concat();
        let mut read = Vec::new();
        Checked::new(&sent[..]).read_to_end(&mut read).await.expect("good frames");
        assert_eq!(read, [HEARTBEAT, HEARTBEAT].concat());
    }

    #[tokio::test]
    async fn a_bad_frame_fails_every_read_after_what_was_good() {
        let sent = [HEARTBEAT, b"\x03"].concat();
        let mut stream = Checked::new(&sent[..]);
        let mut read = [0; 5];
        for expected in [&HEARTBEAT[..5], &HEARTBEAT[5..]] {
            let length = stream.read(&mut read).await.expect("a good frame");
            assert_eq!(&read[..length], expected);
        }
        for _ in 0..2 {
            let error = stream.read(&mut read).await.expect_err("a message");
            let malformed = error.get_ref().and_then(|inner| inner.downcast_ref::<MalformedFrame>());
            assert_eq!(malformed, Some(&MalformedFrame::Content));
        }
    }

    /// Endless unneeded frames, one byte at a time.
    #[tokio::test]
    async fn endless_frames_are_not_kept() {
        let sent = UNBLOCKED.repeat(100_000);
        let mut stream = Checked::new(&sent[..]);
        assert_eq!(stream.read(&mut [0; 16]).await.expect("an end"), 0);
        assert!(
            stream.received.capacity() <= frame_check::LARGEST + 2 * CHUNK,
            "{}",
            stream.received.capacity()
        );
    }
}
