//! Every row of the error table, produced for real: status, whole body, headers, and no call to Stripe.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use billing_portal_server::clock::Clock;
use chrono::{DateTime, Utc};
use conformance::stripe::{Endpoint, Reply};
use tokio::time::sleep;

use crate::harness::database::Database;
use crate::harness::service::{self, Service};
use crate::keys;
use conformance::http_client::ClientConnection;
use conformance::http_message::{RETURN_URL, TestRequest};

fn good(service: &Service) -> TestRequest {
    TestRequest::portal(service.key(), RETURN_URL)
}

#[tokio::test]
async fn create_portal_session_returns_the_code_of_the_first_check_that_fails() {
    let service = Service::start().await;
    let reader = service.new_key("acme", &["billing:read"]).await;
    let lonely = service.organization("lonely", None).await;
    let good = || good(&service);
    let bearer = |key: &str| good().with_bearer(key);
    #[rustfmt::skip]
    let rows = [
        (good().with_path("/v1/billing/portals"), "NOT_FOUND", "unknown path"),
        (good().with_path("/v1/billing/portal/"), "NOT_FOUND", "a trailing slash is another path"),
        (TestRequest::get("/"), "NOT_FOUND", "nothing at the root"),
        (good().with_method("GET"), "METHOD_NOT_ALLOWED", "the portal is opened, not fetched"),
        (good().with_method("DELETE"), "METHOD_NOT_ALLOWED", "sessions cannot be ended"),
        (good().without_header("Authorization"), "UNAUTHORIZED", "no key"),
        (bearer(&keys::well_formed("am_live_", &"0".repeat(30))), "UNAUTHORIZED", "a key that was never made"),
        (bearer(&service.key().replace("am_live_", "am_test_")), "UNAUTHORIZED", "the other mode"),
        (bearer(&reader), "FORBIDDEN", "reading is not writing"),
        (bearer(&lonely), "NO_STRIPE_CUSTOMER", "never subscribed"),
        (good().with_header("Content-Type", "text/plain"), "UNSUPPORTED_MEDIA_TYPE", "not JSON by its own word"),
        (good().with_body("x".repeat(16 * 1024 + 1)), "PAYLOAD_TOO_LARGE", "one byte too many"),
        (good().with_body("x".repeat(16 * 1024)), "BAD_REQUEST", "as large as allowed, but not JSON"),
        (good().with_body("[]"), "BAD_REQUEST", "JSON, but not an object"),
        (good().with_body(r#"{"return_url":"","return_url":""}"#), "BAD_REQUEST", "a key twice"),
    ];
    for (ask, code, why) in rows {
        println!("{why}");
        let answer = service.ask(&ask).await;
        answer.assert_error(code);
        let closes = answer.header("connection") == Some("close");
        assert_eq!(
            closes,
            code == "PAYLOAD_TOO_LARGE",
            "only an unread body ends the connection"
        );
    }
    assert!(
        service.sessions().is_empty(),
        "Stripe is not called for what we refuse"
    );
}

#[tokio::test]
async fn the_checks_run_in_the_order_of_the_contract() {
    let service = Service::start().await;
    let reader = service.new_key("acme", &[]).await;
    let lonely = service.organization("lonely", None).await;
    // Each has one thing more wrong than the one before, and that decides.
    let failing = good(&service);
    let homeless = failing.clone().with_bearer(&lonely);
    let invalid = homeless.clone().with_body("{}");
    let broken = invalid.clone().with_body("x");
    let large = broken.clone().with_body("x".repeat(20_000));
    let untyped = large.clone().with_header("Content-Type", "text/plain");
    let forbidden = untyped.clone().with_bearer(&reader);
    let unknown = forbidden.clone().with_bearer("nonsense");
    let put = unknown.clone().with_method("PUT");
    let lost = put.clone().with_path("/v1/billing");
    let rows = [
        (failing, "BILLING_PORTAL_UNAVAILABLE"),
        (homeless, "NO_STRIPE_CUSTOMER"),
        (invalid, "VALIDATION_FAILED"),
        (broken, "BAD_REQUEST"),
        (large, "PAYLOAD_TOO_LARGE"),
        (untyped, "UNSUPPORTED_MEDIA_TYPE"),
        (forbidden, "FORBIDDEN"),
        (unknown, "UNAUTHORIZED"),
        (put, "METHOD_NOT_ALLOWED"),
        (lost, "NOT_FOUND"),
    ];
    let refused = Reply::status(400);
    service.stripe.answer_always(Endpoint::Sessions, refused);
    for (ask, code) in rows {
        assert_eq!(service.ask(&ask).await.code().as_deref(), Some(code));
    }
}

#[tokio::test]
async fn all_problems_of_the_fields_are_named_at_once() {
    let service = Service::start().await;
    let ask = good(&service).with_body(r#"{"customer":"cus_1","return_url":7,"locale":"de"}"#);
    let answer = service.ask(&ask).await;
    let details = answer.json()["error"]["details"].clone();
    let expected =
        r#"{"customer":"unknown field","locale":"unknown field","return_url":"must be a string"}"#;
    assert_eq!(
        (answer.status, details.to_string().as_str()),
        (422, expected)
    );
}

#[tokio::test]
async fn a_body_that_arrives_too_slowly_is_refused_with_408() {
    let service = Service::builder()
        .set("BODY_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let ask = good(&service);
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    connection.send(&ask.head()).await.expect("it reads");
    connection.send(&ask.body[..10]).await.expect("it reads");
    let answer = connection
        .response("POST", Duration::from_secs(3))
        .await
        .expect("it answers");
    service::judge(&ask, &answer);
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
    service.ask(&mistyped).await.assert_error("UNAUTHORIZED");
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
    let ask = TestRequest::portal("am_live_nobody", RETURN_URL);
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    connection.send(&ask.head()).await.expect("it reads");
    let answer = connection.response("POST", Duration::from_secs(1)).await;
    answer.expect("it answers").assert_error("UNAUTHORIZED");
    for part in ask.body.chunks(20) {
        connection.send(part).await.expect("no reset");
        sleep(Duration::from_millis(50)).await;
    }
}
