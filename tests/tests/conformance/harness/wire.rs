//! An HTTP/1.1 client that hides nothing: it sends bytes as they are given and reads one answer at a time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;
use super::ask::Ask;

/// One connection, with what was received and not yet read.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    closed: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::new(stream))
    }

    /// Either end of a connection.
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

    /// Sends no more, but still reads.
    pub(crate) async fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Breaks the connection off: what was sent and not yet read may be lost on its way.
    pub(crate) fn reset(self) {
        // Closed without lingering, a connection ends in RST instead of FIN.
        let _ = self.stream.set_zero_linger();
    }

    /// Whether the server has closed the connection, waiting for it at most this long.
    pub(crate) async fn is_closed(&mut self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while !self.closed && self.receive(deadline).await {}
        self.closed
    }

    /// The next answer, or none if the connection closes or the time is over before it is complete.
    /// An answer to HEAD has no body, whatever its headers say.
    pub(crate) async fn answer(&mut self, method: &str, within: Duration) -> Option<Answer> {
        let deadline = Instant::now() + within;
        let end = self.find(b"\r\n\r\n", deadline).await?;
        let head = self.take(end + 4);
        let mut answer = Answer::from_head(&head)?;
        answer.body =
            if answer.status < 200 || matches!(answer.status, 204 | 304) || method == "HEAD" {
                Vec::new()
            } else if let Some(length) = answer.header("content-length") {
                let length = length.parse().ok()?;
                self.at_least(length, deadline).await?;
                self.take(length)
            } else if answer.header("transfer-encoding").is_some() {
                self.chunks(deadline).await?
            } else {
                while !self.closed && self.receive(deadline).await {}
                std::mem::take(&mut self.received)
            };
        Some(answer)
    }

    /// The next request, from a client that announces its body's length.
    pub(crate) async fn request(&mut self, within: Duration) -> Option<Ask> {
        let deadline = Instant::now() + within;
        let end = self.find(b"\r\n\r\n", deadline).await?;
        let mut ask = Ask::from_head(&self.take(end + 4))?;
        let length = ask
            .headers
            .iter()
            .find(|(name, _)| name == "content-length");
        let length = length
            .and_then(|(_, length)| length.parse().ok())
            .unwrap_or(0);
        self.at_least(length, deadline).await?;
        ask.body = self.take(length);
        Some(ask)
    }

    async fn chunks(&mut self, deadline: Instant) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.find(b"\r\n", deadline).await?;
            let line = self.take(end + 2);
            let size = std::str::from_utf8(&line)
                .ok()?
                .trim_end()
                .split(';')
                .next()?;
            let size = usize::from_str_radix(size, 16).ok()?;
            self.at_least(size + 2, deadline).await?;
            body.extend(self.take(size));
            self.take(2);
            if size == 0 {
                return Some(body);
            }
        }
    }

    /// Where the pattern begins in what was received, receiving until it is there.
    async fn find(&mut self, pattern: &[u8], deadline: Instant) -> Option<usize> {
        loop {
            let found = self
                .received
                .windows(pattern.len())
                .position(|window| window == pattern);
            if found.is_some() {
                return found;
            }
            if self.closed || !self.receive(deadline).await {
                return None;
            }
        }
    }

    async fn at_least(&mut self, length: usize, deadline: Instant) -> Option<()> {
        while self.received.len() < length {
            if self.closed || !self.receive(deadline).await {
                return None;
            }
        }
        Some(())
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.received.drain(..length).collect()
    }

    /// Receives once; false when the time is over. A reset is the server's way of closing too.
    async fn receive(&mut self, deadline: Instant) -> bool {
        match timeout_at(deadline, self.stream.read_buf(&mut self.received)).await {
            Err(_) => return false,
            Ok(Ok(0) | Err(_)) => self.closed = true,
            Ok(Ok(_)) => {}
        }
        true
    }
}
