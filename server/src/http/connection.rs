//! One connection: HTTP/1.1 by hyper, with a client that may be slow, but not endlessly.
//!
//! hyper's own header timeout also runs while a kept-alive connection is idle, which may take longer. So the phases
//! are timed by the stream: the headers of a request, from its first byte (of the first one, from the connection) to
//! its last, the time between requests, and the time in which a client reads nothing of its answer. The body has its
//! own timeout where it is read.

mod deadline;
mod exchange;
mod line_ends;
mod linger;
mod timed_stream;
mod timeouts;

use std::{
    convert::Infallible,
    error::Error,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{HttpService, service_fn},
};
use hyper_util::rt::TokioIo;
use poem::{
    Addr, Body, Endpoint, Request, Response,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use super::places::{End, Ending, Place};
use exchange::Exchange;
use timed_stream::TimedStream;
pub(crate) use timeouts::ConnectionTimeouts;

/// The most headers of a request, as most servers have it.
const MAX_HEADERS: usize = 100;
/// Room for the largest header section that gets an answer of ours, and for its request line.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// While the service shuts down: how long a client may neither send nor read anything.
const SHUTDOWN_STALL_TIMEOUT: Duration = Duration::from_secs(5);
/// While the service shuts down: how long the service waits for a client in all. With the default shutdown delay of 3 s
/// and the second of the operations port, a stop takes at most 12 s.
const SHUTDOWN_CLIENT_TIMEOUT: Duration = Duration::from_secs(7);
/// How often a connection is looked at while the service shuts down.
const SHUTDOWN_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// How long hyper's buffers are kept at least, so that a busy connection does not get new ones for each request. Not
/// longer, because thousands of clients that connect within this time and then rest all have them.
const BUFFERS_KEPT: Duration = Duration::from_millis(100);

/// A connection while hyper serves it.
type Connection<S> = http1::Connection<TokioIo<TimedStream>, S>;

/// Serves a connection to its end. When its place is closed, the request in progress is the last; when its place is cut,
/// the connection ends at once.
///
/// The endpoint is called directly: `get_response`, and the endpoint that an `Arc` is, keep room for three requests, 1464
/// bytes.
pub(crate) async fn serve<E: Endpoint<Output = Response> + 'static>(
    stream: TcpStream,
    peer: SocketAddr,
    endpoint: Arc<E>,
    timeouts: ConnectionTimeouts,
    place: Place,
) {
    // A small answer is not to wait for more to send with it.
    _ = stream.set_nodelay(true);
    let local = stream.local_addr().map(Addr::from).unwrap_or_default();
    let ending = place.ending().clone();
    let exchange = Arc::new(Exchange::default());
    let mut stream = TimedStream::new(stream, timeouts, Arc::clone(&exchange), place);
    let (endpoint, noting) = (&*endpoint, &*exchange);
    let answer = |request: hyper::Request<Incoming>| {
        exchange.request_arrived(request.headers());
        let addresses = (LocalAddr(local.clone()), RemoteAddr(Addr::from(peer)));
        let request = Request::from((request, addresses.0, addresses.1, Scheme::HTTP));
        let request = with_body_end_noted(request, &exchange);
        // Called outside of the box, which would keep room for the request, too.
        let answering = E::call(endpoint, request);
        // In a box of its own, so that an idle connection does not keep the memory of a request.
        Box::pin(async move {
            let response = answering.await.unwrap_or_else(poem::Error::into_response);
            noting.answered();
            Ok::<_, Infallible>(hyper::Response::from(response))
        })
    };
    while begins(&mut stream, &ending).await {
        let io = TokioIo::new(stream);
        let mut connection = engine().serve_connection(io, service_fn(&answer));
        match until_rest(&mut connection, &exchange, &ending).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return log_early_end(peer, &error),
        }
        let parts = connection.into_parts();
        stream = parts.io.into_inner().holding(&parts.read_buf);
    }
}

/// Whether a request begins before its time is over, and before the connection is to end.
async fn begins(stream: &mut TimedStream, ending: &Ending) -> bool {
    tokio::select! {
        begun = stream.begun() => begun,
        _ = ending.wait() => false,
    }
}

/// Serves requests until [`BUFFERS_KEPT`] has passed and nothing of the next one has come; answers whether the connection
/// goes on.
///
/// The connection is borrowed: an async function that takes one keeps room for two, 816 bytes each.
async fn until_rest<S>(
    connection: &mut Connection<S>,
    exchange: &Exchange,
    ending: &Ending,
) -> hyper::Result<bool>
where
    S: HttpService<Incoming>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::ResBody: hyper::body::Body + 'static,
    <S::ResBody as hyper::body::Body>::Error: Into<Box<dyn Error + Send + Sync>>,
    Connection<S>: Future<Output = hyper::Result<()>> + Unpin,
{
    let mut kept = pin!(sleep(BUFFERS_KEPT));
    let rests = |cx: &mut Context<'_>| match Pin::new(&mut *connection).poll(cx) {
        Poll::Pending if exchange.is_resting() => kept.as_mut().poll(cx).map(|()| None),
        polled => polled.map(Some),
    };
    let ended = tokio::select! {
        ended = poll_fn(rests) => ended,
        end = ending.wait() => Some(match end {
            End::Close => {
                Pin::new(&mut *connection).graceful_shutdown();
                finish(connection, exchange).await
            }
            End::Cut => {
                tracing::debug!("a connection with half a request gave way to a new one");
                Ok(())
            }
        }),
    };
    ended.map_or(Ok(true), |ended| ended.map(|()| false))
}

fn engine() -> http1::Builder {
    let mut engine = http1::Builder::new();
    engine.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES);
    // The end of what a client sends ends its request, too; the stream holds it back for a while.
    engine.half_close(false);
    engine
}

/// The request. If its body does not announce its length, it notes in the exchange that it was received whole.
fn with_body_end_noted(mut request: Request, exchange: &Arc<Exchange>) -> Request {
    if !exchange.is_chunked() {
        return request;
    }
    let noting = Arc::clone(exchange);
    let end = stream::poll_fn(move |_| {
        noting.body_ended();
        None.into()
    });
    let body = request.take_body().into_bytes_stream().chain(end);
    request.set_body(Body::from_bytes_stream(body));
    request
}

/// Waits for the end of the last request: for the service as long as it works, for the client only while it sends or
/// reads, and not longer than [`SHUTDOWN_CLIENT_TIMEOUT`].
async fn finish(
    mut connection: impl Future<Output = hyper::Result<()>> + Unpin,
    exchange: &Exchange,
) -> hyper::Result<()> {
    let mut last_progress = (exchange.bytes_moved(), Instant::now());
    let mut client_deadline = Instant::now() + SHUTDOWN_CLIENT_TIMEOUT;
    loop {
        tokio::select! {
            ended = &mut connection => return ended,
            () = sleep(SHUTDOWN_CHECK_INTERVAL) => {}
        }
        let (now, moved) = (Instant::now(), exchange.bytes_moved());
        if exchange.service_works() {
            // Its answer needs a moment to be sent.
            client_deadline = client_deadline.max(now + SHUTDOWN_CHECK_INTERVAL * 2);
        }
        if exchange.service_works() || moved != last_progress.0 {
            last_progress = (moved, now);
        }
        if now >= client_deadline || now - last_progress.1 >= SHUTDOWN_STALL_TIMEOUT {
            tracing::debug!(
                "a connection was cut at shutdown: its client made too little progress"
            );
            return Ok(());
        }
    }
}

fn log_early_end(peer: SocketAddr, error: &hyper::Error) {
    // hyper has a public predicate only for a preface that it saw whole.
    if error.to_string().contains("invalid HTTP version") {
        tracing::debug!(%peer, "a client spoke HTTP/2, or another version that is not HTTP/1: the connection is closed");
    } else {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
