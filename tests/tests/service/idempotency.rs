//! `Idempotency-Key`: a double click opens one session, whichever instance each click reaches, although nothing is stored.

mod another_request;
mod double_clicks;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::service::{Service, send};

/// A good request with this `Idempotency-Key`.
fn keyed(service: &Service, key: &str) -> TestRequest {
    TestRequest::portal(service.key(), RETURN_URL).with_header("Idempotency-Key", key)
}

/// Whether the answer says that an earlier request has opened the session.
fn is_replayed(answer: &TestResponse) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

#[tokio::test]
async fn key_that_the_contract_does_not_allow_is_400_and_names_the_header() {
    let service = Service::start().await;
    let problem = "must be 1 to 255 visible ASCII characters, and sent once";
    let details = format!(r#","details":{{"Idempotency-Key":"{problem}"}}"#);
    let too_long = "k".repeat(256);
    for key in ["", "two words", "tab\tinside", "sch\u{f6}n", &too_long] {
        let answer = service.send(&keyed(&service, key)).await;
        answer.assert_error_with("BAD_REQUEST", &details);
    }
    let mut twice = keyed(&service, "k");
    twice
        .headers
        .push(("Idempotency-Key".to_owned(), "k".to_owned()));
    let answer = send(service.api(), &twice).await;
    answer.assert_error_with("BAD_REQUEST", &details);
    assert!(service.sessions().is_empty());

    let longest = "~".repeat(255);
    for key in ["k", "!", "a=b;c=\"d\"", "6f1b1f0e-3c1c-4d9e", &longest] {
        let answer = service.send(&keyed(&service, key)).await;
        assert_eq!(answer.status, 200, "{key}");
        assert_eq!(answer.header("idempotent-replayed"), None);
    }
}

#[tokio::test]
async fn callers_key_is_not_what_stripe_gets() {
    let service = Service::builder().now("2026-05-22T12:25:00Z").start().await;
    for _ in 0..2 {
        service.send(&keyed(&service, "page-view-1234")).await;
    }
    let calls = service.sessions();
    let keys: Vec<_> = calls
        .iter()
        .map(|call| call.header("idempotency-key").expect("a key"))
        .collect();
    assert_eq!(keys[0], keys[1]);
    assert!(!keys[0].contains("page-view"), "{}", keys[0]);
    assert!((40..=255).contains(&keys[0].len()), "{}", keys[0]);
}

/// Stripe stores a failure and repeats it for a day. A repetition must not get it.
#[tokio::test]
async fn failed_request_does_not_use_up_its_key() {
    let service = Service::builder().now("2026-05-22T12:25:00Z").start().await;
    let failure = || Reply::status(500).header("Stripe-Should-Retry", "false");
    service.stripe.answer_next(Endpoint::Sessions, [failure()]);
    let ask = keyed(&service, "k");
    let first = service.send(&ask).await;
    first.assert_error("BILLING_PORTAL_UNAVAILABLE");

    let repeated = failure().header("Idempotent-Replayed", "true");
    service.stripe.answer_next(Endpoint::Sessions, [repeated]);
    let second = service.send(&ask).await;
    assert_eq!(second.status, 200);
    assert!(!is_replayed(&second));
    let calls = service.sessions();
    let keys: Vec<_> = calls
        .iter()
        .map(|call| call.header("idempotency-key"))
        .collect();
    assert_eq!(keys[0], keys[1], "the repetition asks for the same first");
    assert_ne!(keys[1], keys[2]);

    // While all that Stripe repeats are failures, each call ends, with a key that was never used.
    let failures = (0..3).map(|_| failure().header("Idempotent-Replayed", "true"));
    service.stripe.answer_next(Endpoint::Sessions, failures);
    assert_eq!(service.send(&ask).await.status, 200);
}

/// Retries get what Stripe has stored, so they show no outage and take no other key; repetitions share the next one.
#[tokio::test]
async fn request_whose_retries_are_repeated_uses_up_one_key() {
    let service = Service::builder().now("2026-05-22T12:25:00Z").start().await;
    let stored = || Reply::status(500).header("Idempotent-Replayed", "true");
    for status in [500, 503] {
        let before = service.sessions().len();
        let replies = [Reply::status(status), stored()];
        service.stripe.answer_next(Endpoint::Sessions, replies);
        let ask = keyed(&service, &format!("k{status}"));
        let first = service.send(&ask).await;
        first.assert_error("BILLING_PORTAL_UNAVAILABLE");
        assert_eq!(service.sessions().len() - before, 2);

        service.stripe.answer_next(Endpoint::Sessions, [stored()]);
        let second = service.send(&ask).await;
        service.stripe.answer_next(Endpoint::Sessions, [stored()]);
        let third = service.send(&ask).await;
        let url = |answer: &TestResponse| answer.json()["data"]["portal_url"].clone();
        assert_eq!((second.status, third.status), (200, 200));
        assert_eq!(
            (is_replayed(&second), is_replayed(&third)),
            (false, true),
            "{status}"
        );
        assert_eq!(url(&second), url(&third));
    }
}

#[tokio::test]
async fn failures_that_stripe_has_stored_stop_no_other_call() {
    let service = Service::builder()
        .set("STRIPE_RATE_LIMIT", "0")
        .start()
        .await;
    let other = service.organization("other", Some("cus_other")).await;
    let stored = (0..16 * 5).map(|_| Reply::status(500).header("Idempotent-Replayed", "true"));
    service.stripe.answer_next(Endpoint::Sessions, stored);
    let copies: JoinSet<_> = (0..16)
        .map(|_| {
            let (api, ask) = (service.api(), keyed(&service, "k"));
            async move { send(api, &ask).await.status }
        })
        .collect();
    assert_eq!(copies.join_all().await, [200; 16]);
    let another = TestRequest::portal(&other, RETURN_URL);
    assert_eq!(send(service.api(), &another).await.status, 200);
}

#[tokio::test]
async fn url_that_is_older_than_a_minute_is_never_repeated() {
    let service = Service::start().await;
    service.create_portal_session(RETURN_URL).await;
    let session = service.stripe.last_session().expect("a session");
    let created = session["created"].as_i64().expect("a time");
    let rows = [(0, true), (30, true), (75, false), (3600, false)];
    for (age, is_repeated) in rows {
        let mut old = session.clone();
        old["url"] = json!("https://billing.stripe.com/p/session/live_old");
        old["created"] = json!(created - age);
        let replay = Reply::json(200, &old).header("Idempotent-Replayed", "true");
        service.stripe.answer_next(Endpoint::Sessions, [replay]);
        let answer = service.send(&keyed(&service, &format!("k{age}"))).await;
        let is_old = answer.json()["data"]["portal_url"] == old["url"];
        assert_eq!(
            (is_old, is_replayed(&answer)),
            (is_repeated, is_repeated),
            "{age}"
        );
    }
}
