//! Stripe away: how long callers wait, how often it is asked, and how the service finds out that it is back.

use std::time::Duration;

use conformance::stripe::{Endpoint, Reply};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::harness::service::{Service, send};
use conformance::http_message::{RETURN_URL, TestRequest};

#[tokio::test]
async fn an_attempt_that_hangs_is_abandoned_and_retried() {
    let service = Service::start().await;
    service
        .stripe
        .answer_next(Endpoint::Sessions, [Reply::hang()]);
    let began = Instant::now();
    let answer = service.create_portal_session(RETURN_URL).await;
    assert_eq!((answer.status, service.sessions().len()), (200, 2));
    let elapsed = began.elapsed();
    assert!(
        (Duration::from_secs(4)..Duration::from_secs(6)).contains(&elapsed),
        "{elapsed:?}"
    );
}

#[tokio::test]
async fn no_caller_waits_longer_than_the_deadline() {
    let service = Service::start().await;
    service
        .stripe
        .answer_always(Endpoint::Sessions, Reply::hang());
    let began = Instant::now();
    service
        .create_portal_session(RETURN_URL)
        .await
        .assert_error("BILLING_PORTAL_UNAVAILABLE");
    assert!(
        began.elapsed() < Duration::from_secs(11),
        "{:?}",
        began.elapsed()
    );
    let calls = service.sessions();
    assert!((2..=3).contains(&calls.len()), "{} tries", calls.len());
}

#[tokio::test]
async fn during_an_outage_callers_are_refused_at_once_and_one_probe_detects_recovery() {
    let service = Service::start().await;
    // A refused secret counts as down, and is not tried again: twenty calls.
    service
        .stripe
        .answer_always(Endpoint::Sessions, Reply::status(401));
    for _ in 0..20 {
        service
            .create_portal_session(RETURN_URL)
            .await
            .assert_error("BILLING_PORTAL_UNAVAILABLE");
    }
    let answer = service.create_portal_session(RETURN_URL).await;
    answer.assert_retry_after(4..=5);
    for _ in 0..5 {
        let answer = service.create_portal_session(RETURN_URL).await;
        answer
            .assert_error("BILLING_PORTAL_UNAVAILABLE")
            .assert_retry_after(1..=5);
    }
    assert_eq!(service.sessions().len(), 20, "no more calls go out");
    sleep(Duration::from_millis(5100)).await;
    service
        .create_portal_session(RETURN_URL)
        .await
        .assert_error("BILLING_PORTAL_UNAVAILABLE");
    service
        .create_portal_session(RETURN_URL)
        .await
        .assert_error("BILLING_PORTAL_UNAVAILABLE");
    assert_eq!(
        service.sessions().len(),
        21,
        "one call finds out that it is still down"
    );
    service.stripe.recover();
    sleep(Duration::from_millis(5100)).await;
    for _ in 0..3 {
        assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    }
}

#[tokio::test]
async fn an_outage_does_not_multiply_the_calls_to_stripe() {
    let service = Service::start().await;
    service
        .stripe
        .answer_always(Endpoint::Sessions, Reply::status(500));
    for _ in 0..8 {
        service
            .create_portal_session(RETURN_URL)
            .await
            .assert_error("BILLING_PORTAL_UNAVAILABLE");
    }
    assert_eq!(
        service.sessions().len(),
        8 + 10,
        "ten retries in ten seconds, no more"
    );
}

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
        let (api, ask) = (
            service.api(),
            TestRequest::portal(service.key(), RETURN_URL),
        );
        asking.spawn(async move { send(api, &ask).await.status });
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
async fn a_hanging_stripe_is_answered_with_502() {
    for status in [429, 503] {
        let service = Service::start().await;
        let for_ever = Reply::status(status).header("Retry-After", "18446744073709551615");
        service.stripe.answer_next(Endpoint::Sessions, [for_ever]);
        service
            .create_portal_session(RETURN_URL)
            .await
            .assert_error("BILLING_PORTAL_UNAVAILABLE")
            .assert_retry_after(28..=30);
    }
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

#[tokio::test]
async fn readiness_reports_whether_stripe_accepts_the_secret_key() {
    let service = Service::start().await;
    assert_eq!(service.readiness().await.json()["stripe"], true);
    service
        .stripe
        .answer_next(Endpoint::Sessions, [Reply::status(401)]);
    service.create_portal_session(RETURN_URL).await;
    assert_eq!(service.readiness().await.json()["stripe"], false);
    service.create_portal_session(RETURN_URL).await;
    assert_eq!(service.readiness().await.json()["stripe"], true);
}
