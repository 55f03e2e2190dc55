//! How many connections and requests there may be at once, and how long they may last.

use crate::harness::service::Service;
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Reply};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test]
async fn a_service_at_its_request_limit_answers_503_at_once() {
    let service = Service::builder().set("MAX_IN_FLIGHT", "1").start().await;
    let slow = Reply::status(400).after(Duration::from_millis(500));
    service.stripe.answer_next(Endpoint::Sessions, [slow]);
    let (first, second) = tokio::join!(service.create_portal_session(RETURN_URL), async {
        while service.sessions().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        // Before anything is asked of the store: who it is does not matter.
        service
            .ask(&TestRequest::portal("nonsense", RETURN_URL))
            .await
    });
    first.assert_error("BILLING_PORTAL_UNAVAILABLE");
    second.assert_error("SERVICE_UNAVAILABLE");
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_until_one_closes() {
    let service = Service::builder().set("MAX_CONNECTIONS", "1").start().await;
    let ask = TestRequest::portal(service.key(), RETURN_URL);
    let mut first = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    first.send(&ask.head()[..20]).await.expect("it reads");
    sleep(Duration::from_millis(50)).await;
    let mut second = ClientConnection::open(service.api())
        .await
        .expect("the system queues it");
    second
        .send(&[ask.head(), ask.body.clone()].concat())
        .await
        .expect("the system queues it");
    assert!(
        second
            .response("POST", Duration::from_millis(300))
            .await
            .is_none(),
        "it waits"
    );
    drop(first);
    let answer = second
        .response("POST", Duration::from_secs(3))
        .await
        .expect("its turn");
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn an_idle_connection_may_last_longer_than_a_request() {
    let service = Service::builder()
        .set("HEADER_TIMEOUT_SECONDS", "1")
        .set("IDLE_TIMEOUT_SECONDS", "10")
        .start()
        .await;
    let ask = TestRequest::portal(service.key(), RETURN_URL);
    let whole = [ask.head(), ask.body.clone()].concat();
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    for _ in 0..2 {
        connection.send(&whole).await.expect("it reads");
        let answer = connection
            .response("POST", Duration::from_secs(3))
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
        connection.is_closed(Duration::from_secs(3)).await,
        "half a request may not rest"
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
    let waiting = TestRequest::portal(service.key(), RETURN_URL);
    assert_eq!(service.ask(&waiting).await.status, 200);
}
