//! Reads what a client still sends after its last answer, so that the client can receive the answer to a refused body.

use std::{
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How long a client is read from after its answer was sent.
const LINGER: Duration = Duration::from_secs(1);
/// Reads in one turn: a fast sender must not keep the task from yielding.
const MAX_DISCARDED_READS: usize = 64;
/// One read of bytes that are discarded.
const READ_BYTES: usize = 4096;

/// The time between the last byte of the service and the close of the connection.
#[derive(Default)]
pub(super) struct Linger(Option<Pin<Box<Sleep>>>);

impl Linger {
    pub(super) fn has_begun(&self) -> bool {
        self.0.is_some()
    }

    /// Discards what arrives, until the client closes or the time is over.
    pub(super) fn poll(&mut self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        let end = self.0.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        for _ in 0..MAX_DISCARDED_READS {
            let mut discarded = [MaybeUninit::uninit(); READ_BYTES];
            let mut buf = ReadBuf::uninit(&mut discarded);
            match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return end.as_mut().poll(cx),
            }
        }
        Poll::Ready(())
    }
}
