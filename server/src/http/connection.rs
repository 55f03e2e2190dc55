//! One connection: HTTP/1.1 by hyper, with a timeout for each phase in which a client may be slow.
//!
//! hyper's own header timeout also runs while a kept-alive connection is idle, which may take longer. So the phases
//! are timed here: the headers of a request, from its first byte (of the first one, from the connection) to its
//! last, the time between requests, and the time in which an answer may lie unread. The body has its own timeout
//! where it is read.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{
    Addr, Endpoint, Request, Response,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::CancellationToken;

/// How long a client is read from after its answer was sent, so that it can receive the answer to a refused body.
const LINGER: Duration = Duration::from_secs(1);
/// Reads of 4 KiB in one turn while lingering: a fast sender must not keep the task from yielding.
const MAX_DISCARDED_READS: usize = 64;
/// How long a client that has closed its sending half is assumed to read still. TCP shows the difference only when data
/// is sent: a client that closes its sending half right after the request gets what is answered within this time, and
/// one that has disconnected keeps its permit and its call to Stripe no longer than this.
const HALF_CLOSED: Duration = Duration::from_secs(1);
/// Headers of a request: hyper's default, named so that it does not change.
const MAX_HEADERS: usize = 100;
/// Room for the largest header section that gets an answer of ours, and for its request line.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// How long a client may take in each phase of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionTimeouts {
    /// To send the headers of a request, from its first byte to its last.
    pub headers: Duration,
    /// Between two requests, and to read an answer.
    pub idle: Duration,
}

/// Serves a connection to its end. When `drain` is cancelled, the request under way is the last.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    endpoint: Arc<impl Endpoint<Output = Response> + 'static>,
    timeouts: ConnectionTimeouts,
    drain: CancellationToken,
) {
    // A small answer must not wait for further data.
    _ = stream.set_nodelay(true);
    let local = stream.local_addr().map(Addr::from).unwrap_or_default();
    let phase = Arc::new(AtomicU8::new(HEADERS));
    let stream = TimeoutStream::new(stream, timeouts, Arc::clone(&phase));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        phase.store(BUSY, Ordering::Relaxed);
        let addresses = (LocalAddr(local.clone()), RemoteAddr(Addr::from(peer)));
        let request = Request::from((request, addresses.0, addresses.1, Scheme::HTTP));
        let (endpoint, phase) = (Arc::clone(&endpoint), Arc::clone(&phase));
        async move {
            let response = endpoint.get_response(request).await;
            phase.store(IDLE, Ordering::Relaxed);
            Ok::<_, Infallible>(hyper::Response::from(response))
        }
    });
    let connection = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        // The end of the client's stream cancels its request. TimeoutStream delays it.
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = drain.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

const HEADERS: u8 = 0;
const BUSY: u8 = 1;
const IDLE: u8 = 2;

/// A stream that fails with a timeout when a phase has taken too long.
struct TimeoutStream {
    stream: TcpStream,
    timeouts: ConnectionTimeouts,
    phase: Arc<AtomicU8>,
    /// The phase that `deadline` is for.
    armed_for: u8,
    deadline: Pin<Box<Sleep>>,
    /// Runs from the first moment in which an answer could not be sent on, until the next request.
    unread: Option<Pin<Box<Sleep>>>,
    /// Runs from the end of the answer.
    lingering: Option<Pin<Box<Sleep>>>,
    /// Runs from the end of the client's stream, while its request is being answered.
    sends_no_more: Option<Pin<Box<Sleep>>>,
}

impl TimeoutStream {
    fn new(stream: TcpStream, timeouts: ConnectionTimeouts, phase: Arc<AtomicU8>) -> Self {
        Self {
            stream,
            timeouts,
            phase,
            armed_for: HEADERS,
            deadline: Box::pin(sleep(timeouts.headers)),
            unread: None,
            lingering: None,
            sends_no_more: None,
        }
    }

    /// Reads while a request is being answered. Reports the end of the stream only after the client is treated as
    /// disconnected.
    fn read_meanwhile(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() == before {
            let wait = || Box::pin(sleep(HALF_CLOSED));
            ready!(
                self.sends_no_more
                    .get_or_insert_with(wait)
                    .as_mut()
                    .poll(cx)
            );
        }
        Poll::Ready(Ok(()))
    }

    fn time(&mut self, phase: u8) {
        if self.armed_for != phase {
            self.armed_for = phase;
            let timeout = if phase == IDLE {
                self.timeouts.idle
            } else {
                self.timeouts.headers
            };
            self.deadline.as_mut().reset(Instant::now() + timeout);
        }
    }

    /// Waits for a client that does not read its answer, at most for the idle timeout.
    fn or_give_up(
        &mut self,
        sent: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if sent.is_pending() {
            let idle = self.timeouts.idle;
            let unread = self.unread.get_or_insert_with(|| Box::pin(sleep(idle)));
            ready!(unread.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        sent
    }
}

impl AsyncRead for TimeoutStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let phase = this.phase.load(Ordering::Relaxed);
        this.time(phase);
        if phase == BUSY {
            return this.read_meanwhile(cx, buf);
        }
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buf) {
            if phase == IDLE && read.is_ok() && !buf.filled().is_empty() {
                this.phase.store(HEADERS, Ordering::Relaxed);
                this.unread = None;
                this.time(HEADERS);
            }
            return Poll::Ready(read);
        }
        ready!(this.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for TimeoutStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.or_give_up(sent, cx)
    }

    /// The time between requests begins when an answer goes out. hyper, which found nothing to read while it waited for
    /// the answer, reads again only when it is woken: by the client, or by the end of this time.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let phase = this.phase.load(Ordering::Relaxed);
        if phase == IDLE {
            this.time(phase);
            _ = this.deadline.as_mut().poll(cx);
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    /// Closes the sending half, then reads a little longer: if a connection is closed with unread bytes, the system sends
    /// a reset, and a client that is still sending its body might not receive the answer.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.lingering = Some(Box::pin(sleep(LINGER)));
        }
        for _ in 0..MAX_DISCARDED_READS {
            let mut discarded = [0; 4096];
            let mut buf = ReadBuf::new(&mut discarded);
            match Pin::new(&mut this.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let end = this.lingering.as_mut().map(|end| end.as_mut().poll(cx));
                    return end.unwrap_or(Poll::Ready(())).map(Ok);
                }
            }
        }
        Poll::Ready(Ok(()))
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
