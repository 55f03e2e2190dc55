//! A proxy between the SDK and the service: passes everything on, and records what both sides sent.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use super::coverage;
use billing_portal_tests::http_client;
use billing_portal_tests::http_server::ServerConnection;

/// No answer takes longer.
const RESPONSE_LIMIT: Duration = Duration::from_secs(40);

/// Listens until the test ends; returns its address.
pub(crate) async fn start(service: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on(ServerConnection::new(stream), service));
        }
    });
    address
}

/// One request after the other, until the client has no more.
async fn pass_on(mut client: ServerConnection, service: SocketAddr) -> Option<()> {
    loop {
        let request = client.request(RESPONSE_LIMIT).await?;
        let answer = http_client::exchange(service, &request, RESPONSE_LIMIT).await?;
        coverage::record(&coverage::exchange(&request, &answer, Some("sdk")));
        client.send(&answer.to_bytes()).await.ok()?;
    }
}
