//! A port that never completes a connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// Connections to this address are never completed.
pub(super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// A port whose queue of connections is full, so that the system drops every further one.
pub(super) struct BlackHole {
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    pub(super) async fn open(port: u16) -> Self {
        let address = SocketAddr::from((ADDRESS, port));
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(address).expect("the port is free there too");
        let listener = socket.listen(1).expect("it can be listened on");
        let mut queue = Vec::new();
        let connect = || timeout(Duration::from_millis(300), TcpStream::connect(address));
        while let Ok(waiting) = connect().await {
            queue.push(waiting.expect("it is accepted into the queue"));
        }
        Self {
            _listener: listener,
            _queue: queue,
        }
    }
}
