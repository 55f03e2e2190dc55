//! What is answered when a body is slow, the code panics, or Stripe or the store fail.

use super::good;
use crate::harness::database::Database;
use crate::harness::service::{self, Service};
use billing_portal_server::clock::Clock;
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Reply};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test]
async fn a_body_that_arrives_too_slowly_is_refused_with_408() {
    let service = Service::builder()
        .set("BODY_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let request = good(&service);
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    connection.send(&request.head()).await.expect("it reads");
    connection
        .send(&request.body[..10])
        .await
        .expect("it reads");
    let answer = connection
        .response("POST", Duration::from_secs(3))
        .await
        .expect("it answers");
    service::assert_contract(&request, &answer);
    // The rest of the body is not waited for, so the connection is of no more use.
    answer
        .assert_error("REQUEST_TIMEOUT")
        .assert_header("connection", "close");
}

#[tokio::test]
async fn a_panic_answers_500_and_the_next_request_works() {
    // At the end of time there is no time to live left to add: the handler panics.
    let at_the_end = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&at_the_end);
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let clock = Clock::from_fn(move || {
        if flag.load(Ordering::Relaxed) {
            DateTime::<Utc>::MAX_UTC
        } else {
            now
        }
    });
    let service = Service::builder().clock(clock).start().await;
    at_the_end.store(true, Ordering::Relaxed);
    service
        .create_portal_session(RETURN_URL)
        .await
        .assert_error("INTERNAL");
    at_the_end.store(false, Ordering::Relaxed);
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
}

#[tokio::test]
async fn a_failure_of_stripe_is_502_with_retry_after_if_waiting_helps() {
    #[rustfmt::skip]
    let rows = [
        (Reply::status(500).body("sk_live_leak"), true, "Stripe is down"),
        (Reply::status(429), true, "Stripe is busy"),
        (Reply::status(401), false, "our secret is refused"),
        (Reply::status(400), false, "our request is refused"),
        (Reply::status(200).body("<html>"), false, "not Stripe's answer"),
    ];
    for (reply, waiting_helps, why) in rows {
        // A service for each: what Stripe does is remembered.
        let service = Service::start().await;
        service.stripe.answer_always(Endpoint::Sessions, reply);
        let answer = service.create_portal_session(RETURN_URL).await;
        answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
        assert_eq!(
            answer.header("retry-after").is_some(),
            waiting_helps,
            "{why}"
        );
        service.stripe.recover();
    }
}

#[tokio::test]
async fn an_unavailable_store_is_503_and_never_401() {
    let service = Service::start().await;
    let mut database = Database::open(&service).await;
    database
        .execute("ALTER TABLE api_keys RENAME TO away")
        .await;
    service
        .create_portal_session(RETURN_URL)
        .await
        .assert_error("SERVICE_UNAVAILABLE");
    // A key that cannot be one is refused without asking the store.
    let mistyped = good(&service).with_bearer(&service.key()[1..]);
    service.send(&mistyped).await.assert_error("UNAUTHORIZED");
    database
        .execute("ALTER TABLE away RENAME TO api_keys")
        .await;
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    assert_eq!(service.sessions().len(), 1);
}

/// What arrives at a closed connection is answered with a reset, which makes some systems throw away the answer.
#[tokio::test]
async fn after_an_early_refusal_the_service_reads_the_rest_of_the_request_for_a_moment() {
    let service = Service::start().await;
    let request = TestRequest::portal("am_live_nobody", RETURN_URL);
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    connection.send(&request.head()).await.expect("it reads");
    let answer = connection.response("POST", Duration::from_secs(30)).await;
    answer.expect("it answers").assert_error("UNAUTHORIZED");
    for part in request.body.chunks(20) {
        connection.send(part).await.expect("no reset");
        sleep(Duration::from_millis(50)).await;
    }
}
