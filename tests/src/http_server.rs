//! The server's half of HTTP/1.1 over a raw socket, so that a test can break any rule of HTTP on purpose.
//!
//! [`ServerConnection`] reads requests and sends bytes; [`ScriptedServer`] answers requests from a list.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::byte_stream::ByteStream;
use crate::http_message::TestRequest;

/// A request arrives within this time, or the connection is given up. Longer than any test runs.
const REQUEST_TIMEOUT: Duration = Duration::from_hours(1);
/// A stalled reply keeps its connection open for this long. Longer than any test of a client's timeout.
const STALL: Duration = Duration::from_mins(1);
/// Bytes that were sent before a reset arrive within this time. A reset discards what is still under way.
const ARRIVAL: Duration = Duration::from_millis(50);

/// One connection that a server accepted.
#[derive(Debug)]
pub struct ServerConnection(ByteStream);

impl ServerConnection {
    /// The server's end of an accepted connection.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        Self(ByteStream::new(stream))
    }

    /// The next request, from a client that announces the length of its body. `None` if the connection closes, the
    /// time is over, or the request is malformed.
    pub async fn request(&mut self, within: Duration) -> Option<TestRequest> {
        let deadline = Instant::now() + within;
        let mut request = TestRequest::from_head(&self.0.head(deadline).await?)?;
        let length = match request.header("content-length") {
            Some(length) => length.parse().ok()?,
            None => 0,
        };
        request.body = self.0.exactly(length, deadline).await?;
        Some(request)
    }

    /// Sends these bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(bytes).await
    }

    /// Whether the client closes the connection within this time.
    pub async fn is_closed(&mut self, within: Duration) -> bool {
        self.0.is_closed(within).await
    }

    /// Resets the connection: the client may lose bytes that were sent and not yet read.
    pub fn reset(self) -> io::Result<()> {
        self.0.reset()
    }
}

/// What a [`ScriptedServer`] does with one request.
#[derive(Clone, Debug)]
pub enum ScriptedReply {
    /// Sends these bytes and closes the connection.
    Whole(String),
    /// Sends these bytes and then nothing, with the connection open.
    Stalled(String),
    /// Sends these bytes and resets the connection.
    Reset(String),
}

/// A server that answers from a list, byte by byte, one request on each connection. It stops when it is dropped.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    requests: Requests,
    _accepting: JoinSet<()>,
}

type Requests = Arc<Mutex<Vec<TestRequest>>>;

impl ScriptedServer {
    /// Listens on a free loopback port and gives the replies in their order. The last reply answers all later
    /// requests too. Fails if no port is free.
    pub async fn start(script: impl IntoIterator<Item = ScriptedReply>) -> io::Result<Self> {
        let script: Arc<[ScriptedReply]> = script.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let requests = Requests::default();
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, script, Arc::clone(&requests)));
        Ok(Self {
            address,
            requests,
            _accepting: accepting,
        })
    }

    /// Where it listens, as the base of a URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that arrived completely, the oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<TestRequest> {
        lock(&self.requests).clone()
    }
}

/// A complete reply with a status line, `Connection: close` and `Content-Length`. `headers` are further lines, each
/// with its line end.
#[must_use]
pub fn reply(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} \r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

async fn accept(listener: TcpListener, script: Arc<[ScriptedReply]>, requests: Requests) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&script), Arc::clone(&requests)));
    }
}

async fn serve(stream: TcpStream, script: Arc<[ScriptedReply]>, requests: Requests) {
    let mut connection = ServerConnection::new(stream);
    let Some(request) = connection.request(REQUEST_TIMEOUT).await else {
        return;
    };
    let index = {
        let mut requests = lock(&requests);
        requests.push(request);
        requests.len() - 1
    };
    let Some(reply) = script.get(index).or(script.last()) else {
        return;
    };
    // The client may give up at any time, which is what some tests are about.
    _ = play(connection, reply).await;
}

async fn play(mut connection: ServerConnection, reply: &ScriptedReply) -> io::Result<()> {
    match reply {
        ScriptedReply::Whole(bytes) => connection.send(bytes.as_bytes()).await,
        ScriptedReply::Stalled(bytes) => {
            connection.send(bytes.as_bytes()).await?;
            sleep(STALL).await;
            Ok(())
        }
        ScriptedReply::Reset(bytes) => {
            connection.send(bytes.as_bytes()).await?;
            sleep(ARRIVAL).await;
            connection.reset()
        }
    }
}

/// A test that panics while it holds the lock has failed already; the others continue.
fn lock(requests: &Mutex<Vec<TestRequest>>) -> std::sync::MutexGuard<'_, Vec<TestRequest>> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}
