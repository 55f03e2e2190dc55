//! Just enough HTTP to send what no client library would send.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// An answer's status and body.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) json: Value,
}

/// A request for `path` that ends its connection.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    let mut connection = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.ok()?;
    read(connection).await
}

/// Sends the operation's request: these headers, a length, and as much of a body as is given.
pub(crate) async fn post(
    address: SocketAddr,
    key: &str,
    content_type: &str,
    length: usize,
    body: &str,
) -> Option<TcpStream> {
    let mut connection = TcpStream::connect(address).await.ok()?;
    let request = format!(
        "POST /v1/billing/portal HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Authorization: Bearer {key}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).await.ok()?;
    Some(connection)
}

/// Reads the answer to the end of the connection.
pub(crate) async fn read(mut connection: TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    // A connection that is cut off after the answer has still brought it.
    _ = connection.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        json: serde_json::from_str(body).unwrap_or_default(),
    })
}
