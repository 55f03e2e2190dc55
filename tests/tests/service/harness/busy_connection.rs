//! A connection with a request that the service is working on, as the client can tell.
//!
//! What a client has sent may still wait to be read, so a connection with half a request may count as idle for a while.
//! The interim response `100 Continue` is proof that the service waits for the body.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};

/// Each response comes at once, unless the machine is very busy.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

/// A connection whose request lacks only its body.
pub(crate) struct BusyConnection {
    connection: ClientConnection,
    body: Vec<u8>,
}

impl BusyConnection {
    /// Connects from this address, and sends the head of a request with a good key. It stays busy for the body timeout.
    pub(crate) async fn open(api: SocketAddr, source: IpAddr, key: &str) -> Self {
        Self::send(api, source, TestRequest::portal(key, RETURN_URL)).await
    }

    /// The same with another request that has a body.
    pub(crate) async fn send(api: SocketAddr, source: IpAddr, request: TestRequest) -> Self {
        let request = request.with_header("Expect", "100-continue");
        let connection = ClientConnection::open_from(source, api).await;
        let mut connection = connection.expect("it listens");
        connection.send(&request.head()).await.expect("it reads");
        let interim = connection.response("POST", RESPONSE_LIMIT).await;
        assert_eq!(interim.expect("an interim response").status, 100);
        Self {
            connection,
            body: request.body,
        }
    }

    /// Sends the body; answers the response and the connection, which is idle again.
    pub(crate) async fn finish(mut self) -> (TestResponse, ClientConnection) {
        self.connection.send(&self.body).await.expect("it reads");
        let response = self.connection.response("POST", RESPONSE_LIMIT).await;
        (response.expect("a response"), self.connection)
    }
}
