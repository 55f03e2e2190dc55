//! Accepts connections, up to a maximum, and pauses when the system has no file descriptors left.
//!
//! poem's own server has no maximum, and retries without a pause.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use poem::{Endpoint, Response};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::connection::{self, ConnectionTimeouts};

/// Connections that may wait to be accepted. With the usual 128 the system resets the others during a burst.
const BACKLOG: u32 = 4096;
/// How long to wait after accepting failed: long enough not to use a whole CPU, short enough not to be noticed.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(50);

/// An open port.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    closing: CancellationToken,
    connections: TaskTracker,
}

impl Listener {
    /// Opens the port and serves `endpoint` on it, on the runtime that this is called in.
    pub(crate) fn open(
        address: SocketAddr,
        endpoint: impl Endpoint<Output = Response> + 'static,
        timeouts: ConnectionTimeouts,
        max_connections: u32,
    ) -> std::io::Result<Self> {
        let socket = listen(address)?;
        let listener = Self {
            address: socket.local_addr()?,
            closing: CancellationToken::new(),
            connections: TaskTracker::new(),
        };
        let (closing, connections) = (listener.closing.clone(), listener.connections.clone());
        let accepting = accept(
            socket,
            Arc::new(endpoint),
            timeouts,
            max_connections,
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
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(
    socket: TcpListener,
    endpoint: Arc<impl Endpoint<Output = Response> + 'static>,
    timeouts: ConnectionTimeouts,
    max_connections: u32,
    closing: CancellationToken,
    connections: TaskTracker,
) {
    let permits = Arc::new(Semaphore::new(max_connections as usize));
    loop {
        // The permit is acquired before the connection, so that further connections wait in the system's queue.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        match socket.accept().await {
            Ok((stream, peer)) => {
                let served = connection::serve(
                    stream,
                    peer,
                    Arc::clone(&endpoint),
                    timeouts,
                    closing.clone(),
                );
                connections.spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}
