//! How long the stream waits: for a request, for a client that reads nothing, and for one that sends no more.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::sleep;

use super::{TimedStream, has_begun};

/// How long a client that has closed its sending half is assumed to read still. TCP shows the difference only when data
/// is sent: a client that closes its sending half right after the request gets what is answered within this time, and
/// one that has disconnected keeps its permit and its call to Stripe no longer than this.
const HALF_CLOSED: Duration = Duration::from_secs(1);

impl TimedStream {
    /// Waits until something comes, without hyper, whose buffers take 16 KiB for each connection. `false` if the time for
    /// it is over.
    pub(in super::super) async fn begun(&mut self) -> bool {
        if !self.held.is_empty() {
            return true;
        }
        self.held = Vec::new();
        poll_fn(|cx| self.poll_begun(cx)).await
    }

    /// The same stream with bytes that were passed on and not used, unless they are blank lines: those are no part of a
    /// request.
    pub(in super::super) fn holding(mut self, unused: &[u8]) -> Self {
        if has_begun(unused) {
            self.held.splice(..0, unused.iter().copied());
        }
        self
    }

    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.stream.poll_read_ready(cx).is_ready() {
            // Also the end of the connection, and an error: hyper reads them.
            return Poll::Ready(true);
        }
        ready!(self.deadline.poll(cx));
        Poll::Ready(false)
    }

    /// Waits for a client that does not read its answer, but not longer than for one that sends nothing.
    pub(super) fn or_give_up(
        &mut self,
        sent: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match sent {
            Poll::Pending => {
                let idle = self.timeouts.idle;
                let unread = self.unread.get_or_insert_with(|| Box::pin(sleep(idle)));
                ready!(unread.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(Ok(bytes)) => {
                self.unread = None;
                self.exchange.moved(bytes);
                sent
            }
            Poll::Ready(Err(_)) => sent,
        }
    }

    pub(super) fn wait_half_closed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wait = || Box::pin(sleep(HALF_CLOSED));
        let end = self.sends_no_more.get_or_insert_with(wait);
        ready!(end.as_mut().poll(cx));
        Poll::Ready(Ok(()))
    }
}
