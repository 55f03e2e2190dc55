//! The stream of one connection: passes one message at a time to hyper, and gives up a client that takes too long.
//!
//! What a client sends after the message in progress is held back here. So it is known, when an answer has been sent,
//! whether the next request has begun.

mod waiting;

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

use super::{
    super::places::Place,
    deadline::Deadline,
    exchange::{Exchange, Phase},
    line_ends::LineEnds,
    linger::Linger,
    timeouts::ConnectionTimeouts,
};

/// One read of bytes that are discarded or held back, or of a head, which seldom has more.
const READ_BYTES: usize = 4096;

/// A stream that gives up when the phase has taken too long.
pub(super) struct TimedStream {
    stream: TcpStream,
    timeouts: ConnectionTimeouts,
    exchange: Arc<Exchange>,
    place: Place,
    /// What was received after the message in progress.
    held: Vec<u8>,
    /// What the last bytes passed on were, to find the end of a head.
    line_ends: LineEnds,
    /// Whether nothing of any request has come. The first request has the header time from the connection on.
    is_first: bool,
    deadline: Deadline,
    /// Runs from the last moment in which the client read something of its answer.
    unread: Option<Pin<Box<Sleep>>>,
    linger: Linger,
    /// Runs from the moment in which the client sent its last, while its request is being answered.
    sends_no_more: Option<Pin<Box<Sleep>>>,
}

impl TimedStream {
    pub(super) fn new(
        stream: TcpStream,
        timeouts: ConnectionTimeouts,
        exchange: Arc<Exchange>,
        place: Place,
    ) -> Self {
        Self {
            stream,
            timeouts,
            exchange,
            place,
            held: Vec::new(),
            line_ends: LineEnds::default(),
            is_first: true,
            deadline: Deadline::after(timeouts.headers),
            unread: None,
            linger: Linger::default(),
            sends_no_more: None,
        }
    }

    /// Passes on bytes that were held back, or else new ones; then holds back what `passed` does not count.
    fn pass_on(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        passed: impl FnOnce(&mut LineEnds, &[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        let before = buf.filled().len();
        if self.held.is_empty() {
            ready!(self.poll_receive(cx, buf))?;
            let received = &buf.filled()[before..];
            self.exchange.moved(received.len());
            let passed = passed(&mut self.line_ends, received);
            self.held.extend_from_slice(&received[passed..]);
            buf.set_filled(before + passed);
            return Poll::Ready(Ok(passed));
        }
        let available = self.held.len().min(buf.remaining());
        let passed = passed(&mut self.line_ends, &self.held[..available]);
        buf.put_slice(&self.held[..passed]);
        self.held.drain(..passed);
        Poll::Ready(Ok(passed))
    }

    /// Receives at most [`READ_BYTES`] while no body is expected: the requests that a client sends ahead stay with the
    /// system, which slows it down, instead of in two buffers of ours.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = Pin::new(&mut self.stream);
        if self.exchange.body_left() > 0 {
            return stream.poll_read(cx, buf);
        }
        let room = READ_BYTES.min(buf.remaining());
        let mut head = ReadBuf::new(buf.initialize_unfilled_to(room));
        ready!(stream.poll_read(cx, &mut head))?;
        let received = head.filled().len();
        buf.advance(received);
        Poll::Ready(Ok(()))
    }

    /// Reads the head of a request, up to its end.
    fn read_head(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.pass_on(cx, buf, LineEnds::through_head))?;
        // Blank lines before a request are no part of it.
        if has_begun(&buf.filled()[before..]) {
            self.begin_request();
        }
        if self.exchange.phase() == Phase::Headers {
            if self.line_ends.are_at_blank_line() {
                self.place.mark_busy();
            } else {
                self.place.mark_begun();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn begin_request(&mut self) {
        if self.exchange.phase() == Phase::Idle {
            self.exchange.enter(Phase::Headers);
            if !self.is_first {
                self.deadline.set(self.timeouts.headers);
            }
            self.is_first = false;
        }
    }

    /// Reads what is left of a body.
    fn read_body(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = usize::try_from(self.exchange.body_left()).unwrap_or(usize::MAX);
        let is_chunked = self.exchange.is_chunked();
        let passed = ready!(self.pass_on(cx, buf, |line_ends, bytes| {
            let passed = bytes.len().min(left);
            if is_chunked {
                line_ends.follow(&bytes[..passed]);
            }
            passed
        }))?;
        self.exchange.body_passed(passed);
        if passed == 0 {
            return self.wait_half_closed(cx);
        }
        Poll::Ready(Ok(()))
    }

    /// Holds back what comes while a request is being answered; reports the end only when the client is taken for gone.
    fn read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() {
            // It is still there. It is read when the answer was sent.
            return Poll::Pending;
        }
        // Not filled with zeros: that would cost more than the read.
        let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
        let mut buf = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
        self.held.extend_from_slice(buf.filled());
        self.exchange.moved(self.held.len());
        if self.held.is_empty() {
            return self.wait_half_closed(cx);
        }
        Poll::Pending
    }

    /// An answer was sent: the next request has the header time if it has begun, and the idle time if not.
    fn end_request(&mut self, cx: &mut Context<'_>) {
        self.unread = None;
        let has_begun = has_begun(&self.held)
            || (self.exchange.is_chunked() && !self.line_ends.are_at_blank_line());
        self.exchange.forget_chunks();
        if has_begun {
            self.exchange.enter(Phase::Headers);
            self.deadline.set(self.timeouts.headers);
        } else {
            self.exchange.enter(Phase::Idle);
            self.place.mark_idle();
            self.deadline.set(self.timeouts.idle);
        }
        if self.held.is_empty() {
            self.exchange.set_resting(true);
        } else {
            // hyper was told, while it waited for the answer, that there is nothing to read.
            cx.waker().wake_by_ref();
        }
        self.line_ends = LineEnds::default();
        // hyper asks for the next request only when it is woken: by the client, or by the end of this time.
        _ = self.deadline.poll(cx);
    }

    /// Whether the client may still be sending something that nobody reads.
    fn may_have_unread_input(&self) -> bool {
        self.exchange.phase() != Phase::Idle || !self.exchange.body_has_ended()
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let phase = this.exchange.phase();
        if phase == Phase::Working {
            // Also if its head came behind a body that does not announce its length, and was not read here.
            this.place.mark_busy();
        }
        let read = match phase {
            _ if this.exchange.body_left() > 0 => this.read_body(cx, buf),
            Phase::Idle | Phase::Headers => this.read_head(cx, buf),
            Phase::Working | Phase::Sending => this.read_ahead(cx),
        };
        this.exchange
            .set_resting(read.is_pending() && phase == Phase::Idle);
        if read.is_pending() && matches!(phase, Phase::Idle | Phase::Headers) {
            ready!(this.deadline.poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.or_give_up(sent, cx)
    }

    /// hyper flushes after it has written all.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.exchange.phase() == Phase::Sending {
            this.end_request(cx);
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    /// Says that there is no more to come, then listens a little longer: closed with bytes unread, the system would
    /// send a reset, and the client might never see why it was refused before it had sent its whole body.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.exchange.set_resting(false);
        if !this.linger.has_begun() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.may_have_unread_input() {
                return Poll::Ready(Ok(()));
            }
        }
        this.linger.poll(&mut this.stream, cx).map(Ok)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_write_vectored(cx, bytes);
        this.or_give_up(sent, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Whether these bytes are more than blank lines, which may stand before a request.
fn has_begun(bytes: &[u8]) -> bool {
    !bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}
