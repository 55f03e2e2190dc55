//! A server that keeps its connections, and fails on those that are used again.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing_portal_tests::http_server::ServerConnection;
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::replies::{PORTAL_URL, session};

/// Longer than any test runs.
const TEST_DURATION: Duration = Duration::from_mins(1);

/// What the server does with a request on a connection that has already carried one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Closes the connection without an answer.
    Close,
    /// Resets the connection.
    Reset,
    /// Sends nothing, and keeps the connection open.
    Swallow,
    /// Sends the beginning of an answer's head and closes the connection.
    HalfHead,
    /// Sends an answer's head and half of its body and closes the connection.
    HalfBody,
    /// Sends bytes that are not HTTP.
    Garbage,
}

/// Answers the first request on each connection well. It stops when it is dropped.
pub(crate) struct KeepingServer {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<usize>>>,
    healthy: Arc<AtomicUsize>,
    _accepting: JoinSet<()>,
}

/// What the connections share.
#[derive(Clone)]
struct Shared {
    fault: Fault,
    /// Lets the first requests wait for each other, so that each has its own connection.
    first: Arc<Barrier>,
    first_count: usize,
    connections: Arc<Mutex<Vec<usize>>>,
    /// Only the first connections answer at all, this many.
    healthy: Arc<AtomicUsize>,
}

impl KeepingServer {
    /// The first `first_count` requests get connections of their own: they are answered when all have arrived.
    pub(crate) async fn start(fault: Fault, first_count: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let shared = Shared {
            fault,
            first: Arc::new(Barrier::new(first_count)),
            first_count,
            connections: Arc::default(),
            healthy: Arc::new(AtomicUsize::new(usize::MAX)),
        };
        let (connections, healthy) = (Arc::clone(&shared.connections), Arc::clone(&shared.healthy));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, shared));
        Self {
            address,
            connections,
            healthy,
            _accepting: accepting,
        }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on new connections have the fault at their first request.
    pub(crate) fn break_new_connections(&self) {
        let seen = self
            .connections()
            .into_iter()
            .max()
            .map_or(0, |last| last + 1);
        self.healthy.store(seen, Ordering::SeqCst);
    }

    /// For each request so far the number of its connection, from 0.
    pub(crate) fn connections(&self) -> Vec<usize> {
        self.connections.lock().expect("no holder panics").clone()
    }
}

async fn accept(listener: TcpListener, shared: Shared) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(ServerConnection::new(stream), number, shared.clone()));
        number += 1;
    }
}

async fn serve(mut connection: ServerConnection, number: usize, shared: Shared) {
    let mut is_first = true;
    while connection.request(TEST_DURATION).await.is_some() {
        shared
            .connections
            .lock()
            .expect("no holder panics")
            .push(number);
        if number < shared.first_count && is_first {
            shared.first.wait().await;
        }
        if !is_first || number >= shared.healthy.load(Ordering::SeqCst) {
            // The client may disconnect first.
            let _ = fail(connection, shared.fault).await;
            return;
        }
        if connection.send(answer().as_bytes()).await.is_err() {
            return;
        }
        is_first = false;
    }
}

async fn fail(mut connection: ServerConnection, fault: Fault) -> io::Result<()> {
    let answer = answer();
    match fault {
        Fault::Close => Ok(()),
        Fault::Reset => connection.reset(),
        Fault::Swallow => {
            connection.is_closed(TEST_DURATION).await;
            Ok(())
        }
        Fault::HalfHead => connection.send(&answer.as_bytes()[..30]).await,
        Fault::HalfBody => {
            connection
                .send(&answer.as_bytes()[..answer.len() - 10])
                .await
        }
        Fault::Garbage => {
            connection
                .send(b"\x15\x03\x01\x00\x02\x02\x0a\r\n\r\n")
                .await
        }
    }
}

/// A success that keeps the connection.
fn answer() -> String {
    let body = session(PORTAL_URL);
    format!(
        "HTTP/1.1 200 \r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
