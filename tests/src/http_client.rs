//! The client's half of HTTP/1.1 over a raw socket: sends bytes exactly as they are given, reads one response at a time.
//!
//! ```no_run
//! # async fn example() -> Option<()> {
//! use billing_portal_tests::http_client::ClientConnection;
//! use billing_portal_tests::http_message::TestRequest;
//! use std::time::Duration;
//!
//! let request = TestRequest::portal("am_test_…", "https://app.example.com/billing");
//! let mut connection = ClientConnection::open(([127, 0, 0, 1], 8080).into()).await.ok()?;
//! connection.send(&request.to_bytes()).await.ok()?;
//! let response = connection.response("POST", Duration::from_secs(5)).await?;
//! # Some(())
//! # }
//! ```

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

use crate::byte_stream::ByteStream;
use crate::http_message::{TestRequest, TestResponse};

/// One connection of a client.
#[derive(Debug)]
pub struct ClientConnection(ByteStream);

impl ClientConnection {
    /// Connects; what is sent leaves at once, without waiting for more to fill a packet.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(ByteStream::new(stream)))
    }

    /// Connects from this address of the same machine.
    pub async fn open_from(source: IpAddr, address: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(source, 0))?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(ByteStream::new(stream)))
    }

    /// Sends these bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(bytes).await
    }

    /// Closes the sending direction; responses can still be read.
    pub async fn half_close(&mut self) -> io::Result<()> {
        self.0.half_close().await
    }

    /// Whether the server closes the connection within this time.
    pub async fn is_closed(&mut self, within: Duration) -> bool {
        self.0.is_closed(within).await
    }

    /// The next response; `None` if the connection closes or the time is over before the response is complete.
    /// A response to HEAD has no body, whatever its headers say, so the method of the request is needed.
    pub async fn response(&mut self, method: &str, within: Duration) -> Option<TestResponse> {
        let deadline = Instant::now() + within;
        let mut response = TestResponse::from_head(&self.0.head(deadline).await?)?;
        let has_no_body = response.status < 200 || matches!(response.status, 204 | 304);
        response.body = if has_no_body || method == "HEAD" {
            Vec::new()
        } else if let Some(length) = response.header("content-length") {
            self.0.exactly(length.parse().ok()?, deadline).await?
        } else if response.header("transfer-encoding").is_some() {
            self.0.chunks(deadline).await?
        } else {
            self.0.read_to_end(deadline).await
        };
        Some(response)
    }
}

/// Sends a request on a connection of its own and reads the response. `None` if the server does not listen, or if it
/// does not respond within this time.
pub async fn exchange(
    address: SocketAddr,
    request: &TestRequest,
    within: Duration,
) -> Option<TestResponse> {
    let mut connection = ClientConnection::open(address).await.ok()?;
    // A server may respond and close before it has read the whole request, so a failure to send is not the end.
    _ = connection.send(&request.head()).await;
    _ = connection.send(&request.body).await;
    connection.response(&request.method, within).await
}
