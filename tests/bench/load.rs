//! Puts load on a server: so many connections, each with one request after the other.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::result::Result;

/// What is sent, and what must come back.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub address: SocketAddr,
    pub request: Vec<u8>,
    pub status: u16,
}

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(4096),
        })
    }

    /// Sends a request and reads the answer; its status must be the expected one.
    pub(crate) async fn exchange(&mut self, request: &[u8], status: u16) -> Result<()> {
        self.stream.write_all(request).await?;
        self.received.clear();
        while !is_whole(&self.received)? {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        let expected = format!("HTTP/1.1 {status} ");
        if self.received.starts_with(expected.as_bytes()) {
            return Ok(());
        }
        let answer = String::from_utf8_lossy(&self.received);
        Err(format!("expected {status}, received {answer}").into())
    }
}

/// Whether these bytes are a whole answer, by its `Content-Length`.
fn is_whole(received: &[u8]) -> Result<bool> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let Some(end) = end else {
        return Ok(false);
    };
    let head = std::str::from_utf8(&received[..end])?.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.ok_or("an answer has no length")?.trim().parse()?;
    Ok(received.len() >= end + 4 + length)
}

/// Sends requests over so many connections for this long; answers how long each took.
pub(crate) async fn run(load: &Load, connections: usize, time: Duration) -> Result<Vec<Duration>> {
    let load = Arc::new(load.clone());
    let end = Instant::now() + time;
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let load = Arc::clone(&load);
        clients.spawn(async move {
            let exchanges = client(&load, end).await;
            exchanges.map_err(|error| error.to_string())
        });
    }
    let mut took = Vec::new();
    while let Some(client) = clients.join_next().await {
        took.extend(client??);
    }
    took.sort_unstable();
    Ok(took)
}

async fn client(load: &Load, end: Instant) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(load.address).await?;
    let mut took = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        connection.exchange(&load.request, load.status).await?;
        took.push(began.elapsed());
    }
    Ok(took)
}
