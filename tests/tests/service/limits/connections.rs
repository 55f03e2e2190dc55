//! How many connections and requests there may be at once, and how long they may last.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::harness::busy_connection::BusyConnection;
use crate::harness::service::{Builder, Service};
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use tokio::time::sleep;

/// What happens at once may take so long on a busy machine.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

/// A service that waits for the body of a busy connection for longer than a test takes.
fn patient_service() -> Builder {
    Service::builder().set("BODY_TIMEOUT_SECONDS", "600")
}

async fn open_busy(service: &Service) -> BusyConnection {
    BusyConnection::open(service.api(), Ipv4Addr::LOCALHOST.into(), service.key()).await
}

#[tokio::test]
async fn a_service_at_its_request_limit_answers_503_at_once() {
    let service = patient_service().set("MAX_IN_FLIGHT", "1").start().await;
    let first = open_busy(&service).await;
    // Before anything is asked of the store: who it is does not matter.
    for key in ["nonsense", service.key()] {
        let refused = service.send(&TestRequest::portal(key, RETURN_URL)).await;
        refused.assert_error("SERVICE_UNAVAILABLE");
    }
    assert_eq!(first.finish().await.0.status, 200);
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_until_one_closes() {
    let service = patient_service().set("MAX_CONNECTIONS", "1").start().await;
    let request = TestRequest::portal(service.key(), RETURN_URL);
    let first = open_busy(&service).await;
    let mut second = ClientConnection::open(service.api())
        .await
        .expect("the system queues it");
    let queued = second.send(&request.to_bytes()).await;
    queued.expect("the system queues it");
    let early = second.response("POST", Duration::from_millis(300)).await;
    assert!(early.is_none(), "it waits");
    drop(first);
    let answer = second.response("POST", RESPONSE_LIMIT).await;
    assert_eq!(answer.expect("its turn").status, 200);
}

#[tokio::test]
async fn an_idle_connection_may_last_longer_than_a_request() {
    let service = Service::builder()
        .set("HEADER_TIMEOUT_SECONDS", "1")
        .set("IDLE_TIMEOUT_SECONDS", "10")
        .start()
        .await;
    let request = TestRequest::portal(service.key(), RETURN_URL);
    let whole = [request.head(), request.body.clone()].concat();
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    for _ in 0..2 {
        connection.send(&whole).await.expect("it reads");
        let answer = connection
            .response("POST", RESPONSE_LIMIT)
            .await
            .expect("it answers");
        assert_eq!(answer.status, 200);
        sleep(Duration::from_millis(1500)).await;
    }
    connection
        .send(&whole[..20])
        .await
        .expect("it is still open");
    assert!(
        connection.is_closed(Duration::from_secs(9)).await,
        "half a request may not rest, though a connection may be idle for longer"
    );
}

#[tokio::test]
async fn a_client_that_does_not_read_responses_is_disconnected() {
    let service = Service::builder()
        .set("MAX_CONNECTIONS", "1")
        .set("IDLE_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let mut deaf = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    // More than the system takes off the service's hands.
    let bundle = TestRequest::get("/docs/swagger-ui-bundle.js").head();
    deaf.send(&bundle.repeat(40)).await.expect("it reads");
    let first = deaf.response("GET", RESPONSE_LIMIT).await;
    assert_eq!(first.expect("an answer").status, 200);
    let waiting = TestRequest::portal(service.key(), RETURN_URL);
    assert_eq!(service.send(&waiting).await.status, 200);
}
