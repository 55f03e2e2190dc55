//! A proxy that puts a path before those of a service, and takes it off again.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use billing_portal_tests::http_client;
use billing_portal_tests::http_server::ServerConnection;

/// No answer takes longer.
const RESPONSE_LIMIT: Duration = Duration::from_secs(12);

/// Listens until the test ends; returns its address.
pub(crate) async fn start(service: SocketAddr, prefix: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on(ServerConnection::new(stream), service, prefix));
        }
    });
    address
}

/// One request after the other, until the client has no more or asks for a path without the prefix.
async fn pass_on(mut client: ServerConnection, service: SocketAddr, prefix: &str) -> Option<()> {
    loop {
        let request = client.request(RESPONSE_LIMIT).await?;
        let path = request.path.strip_prefix(prefix)?.to_owned();
        let request = request.with_path(&path);
        let response = http_client::exchange(service, &request, RESPONSE_LIMIT).await?;
        client.send(&response.to_bytes()).await.ok()?;
    }
}
