//! What comes back on a connection instead of Stripe's answer, byte by byte.

use std::time::Duration;

use tokio::time::sleep;

use super::step::{Kind, Step, session};
use billing_portal_tests::http_server::ServerConnection;

/// Longer than the service keeps any connection.
pub(super) const FOR_EVER: Duration = Duration::from_hours(1);
/// The time between two bytes of a slow response.
const DRIP: Duration = Duration::from_secs(1);
/// What was sent gets there before what follows.
const ARRIVAL: Duration = Duration::from_millis(30);

/// Plays the step; answers the connection if the client may go on with it.
pub(super) async fn play(
    mut connection: ServerConnection,
    step: &Step,
    request_id: &str,
) -> Option<ServerConnection> {
    let good = session().to_string();
    let head = |length: usize| head(step, request_id, &format!("Content-Length: {length}"));
    let whole = [head(good.len()), good.clone()].concat();
    match step.kind {
        Kind::Http => return http(connection, step, request_id).await,
        Kind::InterimThenOk => {
            let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n";
            connection.send(interim.as_bytes()).await.ok()?;
            connection.send(whole.as_bytes()).await.ok()?;
            return Some(connection);
        }
        Kind::Hang => _ = connection.is_closed(FOR_EVER).await,
        Kind::ResetAfterRequest => connection.reset().ok()?,
        Kind::ResetMidHeaders => {
            connection.send(&whole.as_bytes()[..30]).await.ok()?;
            sleep(ARRIVAL).await;
            connection.reset().ok()?;
        }
        Kind::TruncatedBody => {
            let cut = whole.len() - good.len() / 2;
            connection.send(&whole.as_bytes()[..cut]).await.ok()?;
        }
        Kind::EndlessBody => {
            let head = head(10_000_000_000);
            connection.send(head.as_bytes()).await.ok()?;
            while connection.send(&[b' '; 4096]).await.is_ok() {}
        }
        Kind::DripHeaders => drip(connection, &whole, 0).await,
        Kind::DripBody => drip(connection, &whole, whole.len() - good.len()).await,
        Kind::HugeHeaders => {
            let line = format!("X-Filler: {}\r\n", "a".repeat(1014));
            let lines = line.repeat(1024);
            let huge = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
            connection.send(huge.as_bytes()).await.ok()?;
        }
        Kind::Garbage => {
            let garbage = b"\x16\x03\x01 220 mail.example.com ESMTP\r\n\x00\xff\r\n\r\n";
            connection.send(garbage).await.ok()?;
        }
        // The connection ends here as any does.
        Kind::CloseOnReuse => {}
        kind => panic!("{kind:?} is not of the exchange"),
    }
    None
}

async fn drip(mut connection: ServerConnection, whole: &str, honest: usize) {
    let mut sent = connection.send(&whole.as_bytes()[..honest]).await;
    for byte in &whole.as_bytes()[honest..] {
        if sent.is_err() || connection.is_closed(DRIP).await {
            return;
        }
        sent = connection.send(&[*byte]).await;
    }
}

async fn http(
    mut connection: ServerConnection,
    step: &Step,
    request_id: &str,
) -> Option<ServerConnection> {
    sleep(Duration::from_millis(step.delay_ms)).await;
    let body = step.body();
    if step.chunked {
        let head = head(step, request_id, "Transfer-Encoding: chunked");
        connection.send(head.as_bytes()).await.ok()?;
        for chunk in body.chunks(step.chunk_bytes) {
            let size = format!("{:x}\r\n", chunk.len());
            let chunk = [size.as_bytes(), chunk, b"\r\n"].concat();
            connection.send(&chunk).await.ok()?;
            sleep(Duration::from_millis(step.gap_ms)).await;
        }
        connection.send(b"0\r\n\r\n").await.ok()?;
        return Some(connection);
    }
    let head = head(step, request_id, &format!("Content-Length: {}", body.len()));
    connection
        .send(&[head.as_bytes(), &body].concat())
        .await
        .ok()?;
    Some(connection)
}

fn head(step: &Step, request_id: &str, framing: &str) -> String {
    let status = step.status.unwrap_or(200);
    let mut head = format!("HTTP/1.1 {status} \r\nRequest-Id: {request_id}\r\n{framing}\r\n");
    if step.json.is_some() {
        head.push_str("Content-Type: application/json\r\n");
    }
    for (name, value) in &step.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    head
}
