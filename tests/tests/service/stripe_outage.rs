//! Stripe away: how long callers wait, how often it is asked, and how the service finds out that it is back.

mod call_limits;

use std::time::Duration;

use billing_portal_tests::stripe::{Endpoint, Reply};
use tokio::time::{Instant, sleep};

use crate::harness::service::Service;
use billing_portal_tests::http_message::RETURN_URL;

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
