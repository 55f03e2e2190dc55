//! What both ends of an HTTP/1.1 connection share: a socket, and the bytes that were received and not yet read.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// A socket with the bytes that were received and not yet read.
#[derive(Debug)]
pub(crate) struct ByteStream {
    stream: TcpStream,
    received: Vec<u8>,
    closed: bool,
}

impl ByteStream {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            received: Vec::new(),
            closed: false,
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    pub(crate) async fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    pub(crate) fn reset(self) -> io::Result<()> {
        // Closed without lingering, a connection ends in RST instead of FIN.
        self.stream.set_zero_linger()
    }

    /// Whether the other end closes the connection within this time.
    pub(crate) async fn is_closed(&mut self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while self.receive(deadline).await.is_some() {}
        self.closed
    }

    /// The bytes up to and including the blank line that ends a head.
    pub(crate) async fn head(&mut self, deadline: Instant) -> Option<Vec<u8>> {
        self.through(b"\r\n\r\n", deadline).await
    }

    /// Exactly this many bytes.
    pub(crate) async fn exactly(&mut self, length: usize, deadline: Instant) -> Option<Vec<u8>> {
        while self.received.len() < length {
            self.receive(deadline).await?;
        }
        Some(self.received.drain(..length).collect())
    }

    /// A body in chunked framing, decoded.
    pub(crate) async fn chunks(&mut self, deadline: Instant) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.through(b"\r\n", deadline).await?;
            let line = std::str::from_utf8(&line).ok()?.trim_end();
            let size = usize::from_str_radix(line.split(';').next()?, 16).ok()?;
            let chunk = self.exactly(size + b"\r\n".len(), deadline).await?;
            body.extend(&chunk[..size]);
            if size == 0 {
                return Some(body);
            }
        }
    }

    /// All bytes until the other end closes the connection or the time is over.
    pub(crate) async fn read_to_end(&mut self, deadline: Instant) -> Vec<u8> {
        while self.receive(deadline).await.is_some() {}
        std::mem::take(&mut self.received)
    }

    /// The bytes up to and including the pattern.
    async fn through(&mut self, pattern: &[u8], deadline: Instant) -> Option<Vec<u8>> {
        let position = |received: &[u8]| {
            let mut windows = received.windows(pattern.len());
            windows.position(|window| window == pattern)
        };
        loop {
            if let Some(start) = position(&self.received) {
                return Some(self.received.drain(..start + pattern.len()).collect());
            }
            self.receive(deadline).await?;
        }
    }

    /// Receives once. `None` if the connection is closed or the time is over; a reset closes it too.
    async fn receive(&mut self, deadline: Instant) -> Option<()> {
        if self.closed {
            return None;
        }
        match timeout_at(deadline, self.stream.read_buf(&mut self.received)).await {
            Err(_) => return None,
            Ok(Ok(0) | Err(_)) => self.closed = true,
            Ok(Ok(_)) => {}
        }
        Some(())
    }
}
