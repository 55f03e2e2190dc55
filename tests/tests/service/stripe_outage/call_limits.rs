//! How often and how many at once Stripe is called, and when it is not called at all.

use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Reply};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn calls_over_the_concurrency_limit_wait_at_most_a_second() {
    let service = Service::builder()
        .set("STRIPE_MAX_IN_FLIGHT", "1")
        .start()
        .await;
    let slow = Reply::status(400).after(Duration::from_secs(2));
    service.stripe.answer_next(Endpoint::Sessions, [slow]);
    let began = Instant::now();
    let (first, second) = tokio::join!(service.create_portal_session(RETURN_URL), async {
        while service.sessions().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        let answer = service.create_portal_session(RETURN_URL).await;
        assert!(
            began.elapsed() < Duration::from_millis(1900),
            "{:?}",
            began.elapsed()
        );
        answer
    });
    first.assert_error("BILLING_PORTAL_UNAVAILABLE");
    second
        .assert_error("BILLING_PORTAL_UNAVAILABLE")
        .assert_retry_after(1..=5);
    assert_eq!(service.sessions().len(), 1);
}

#[tokio::test]
async fn stripe_is_called_no_more_often_than_the_rate_limit() {
    let service = Service::builder()
        .set("STRIPE_RATE_LIMIT", "10")
        .start()
        .await;
    let mut asking = JoinSet::new();
    for _ in 0..30 {
        let (api, request) = (
            service.api(),
            TestRequest::portal(service.key(), RETURN_URL),
        );
        asking.spawn(async move { send(api, &request).await.status });
    }
    let statuses = asking.join_all().await;
    let opened = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(opened, service.sessions().len());
    // Five at once, less what the start took, then ten in the second that a call waits at most.
    assert!((11..=16).contains(&opened), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 502)),
        "{statuses:?}"
    );
}

#[tokio::test]
async fn stripe_is_not_called_during_its_retry_after_and_called_again_after_it() {
    let service = Service::start().await;
    let too_many = Reply::status(429);
    let wait = too_many.clone().header("Retry-After", "2");
    service
        .stripe
        .answer_next(Endpoint::Sessions, [too_many, wait]);
    for calls in [1, 2, 2, 2] {
        service
            .create_portal_session(RETURN_URL)
            .await
            .assert_error("BILLING_PORTAL_UNAVAILABLE")
            .assert_retry_after(1..=2);
        assert_eq!(service.sessions().len(), calls);
    }
    sleep(Duration::from_millis(2100)).await;
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
}

#[tokio::test]
async fn a_retry_after_ends_even_without_requests() {
    let service = Service::start().await;
    let wait = Reply::status(429).header("Retry-After", "1");
    service.stripe.answer_next(Endpoint::Sessions, [wait]);
    service.create_portal_session(RETURN_URL).await;
    let gauge = async || {
        let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
        let name = "billing_portal_stripe_breaker_open ";
        let value = metrics
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(name));
        value.map(str::to_owned)
    };
    assert_eq!(gauge().await.as_deref(), Some("1"));
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(gauge().await.as_deref(), Some("0"));
}
