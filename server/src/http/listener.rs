//! Accepts connections, up to a maximum, and pauses when the system has no file descriptors left.
//!
//! poem's own server has no maximum, and retries without a pause.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use poem::{Endpoint, Response};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connection::{self, ConnectionTimeouts},
    places::Places,
};

/// Connections that may wait to be accepted. With the usual 128 the system resets the others during a burst.
const BACKLOG: u32 = 4096;
/// What the system keeps of an answer that its client does not read, in bytes; Linux takes twice as much. By itself it
/// would keep megabytes for each connection. A client that reads slowly is also noticed sooner.
const SEND_BUFFER_BYTES: u32 = 64 * 1024;
/// How long to wait after accepting failed: long enough not to use a whole CPU, short enough not to be noticed.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// An open port.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    closing: CancellationToken,
    connections: TaskTracker,
    timeouts: watch::Sender<ConnectionTimeouts>,
}

impl Listener {
    /// Opens the port and serves `endpoint` on it, on the runtime that this is called in.
    pub(crate) fn open(
        address: SocketAddr,
        endpoint: impl Endpoint<Output = Response> + 'static,
        timeouts: ConnectionTimeouts,
        places: Arc<Places>,
    ) -> std::io::Result<Self> {
        let socket = listen(address)?;
        let listener = Self {
            address: socket.local_addr()?,
            closing: CancellationToken::new(),
            connections: TaskTracker::new(),
            timeouts: watch::Sender::new(timeouts),
        };
        let (closing, connections) = (listener.closing.clone(), listener.connections.clone());
        let accepting = accept(
            socket,
            Arc::new(endpoint),
            listener.timeouts.subscribe(),
            places,
            closing.clone(),
            connections,
        );
        listener.connections.spawn(async move {
            tokio::select! {
                () = closing.cancelled() => {}
                () = accepting => {}
            }
        });
        Ok(listener)
    }

    /// The address, with the port that the system chose if the requested port is 0.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives the connections that are accepted from now on these timeouts.
    pub(crate) fn set_timeouts(&self, timeouts: ConnectionTimeouts) {
        self.timeouts.send_replace(timeouts);
    }

    /// Stops accepting connections, and waits until the requests in progress are answered.
    pub(crate) fn close(&self) -> impl Future<Output = ()> + '_ {
        self.closing.cancel();
        self.connections.close();
        self.connections.wait()
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A restart must not wait until the system has removed the previous connections.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(
    socket: TcpListener,
    endpoint: Arc<impl Endpoint<Output = Response> + 'static>,
    timeouts: watch::Receiver<ConnectionTimeouts>,
    places: Arc<Places>,
    closing: CancellationToken,
    connections: TaskTracker,
) {
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => {
                // One connection too many waits here, and those behind it in the system's queue.
                let Some(place) = places.take(peer.ip(), &closing).await else {
                    continue;
                };
                let (endpoint, timeouts) = (Arc::clone(&endpoint), *timeouts.borrow());
                connections.spawn(connection::serve(stream, peer, endpoint, timeouts, place));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}
