//! How the service comes to a verified portal configuration when it starts.

use super::stripe;
use crate::harness::service::Service;
use billing_portal_tests::http_message::RETURN_URL;
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn two_services_that_start_at_once_create_one_configuration() {
    let stripe = stripe().await;
    // Both look before either has created one.
    let none_yet = Reply::json(
        200,
        &json!({"object": "list", "data": [], "has_more": false}),
    );
    let none_yet = none_yet.after(Duration::from_secs(2));
    stripe.answer_next(Endpoint::Configurations, [none_yet.clone(), none_yet]);
    let start = || Service::builder().stripe(&stripe).start();
    let (one, other) = tokio::join!(start(), start());
    assert_eq!(one.create_portal_session(RETURN_URL).await.status, 200);
    assert_eq!(other.create_portal_session(RETURN_URL).await.status, 200);
    let calls = stripe.received_at(Endpoint::Configurations);
    let created = calls.iter().filter(|call| call.method == "POST").count();
    assert_eq!(
        (created, stripe.configurations().len()),
        (2, 1),
        "the same key, so the same one"
    );
}

#[tokio::test]
async fn the_service_starts_without_stripe_and_opens_when_it_is_back() {
    let stripe = stripe().await;
    stripe.answer_always(Endpoint::Configurations, Reply::status(400));
    let service = Service::builder().stripe(&stripe).start_unverified().await;
    service
        .create_portal_session(RETURN_URL)
        .await
        .assert_error("BILLING_PORTAL_UNAVAILABLE");
    assert!(service.sessions().is_empty());
    stripe.recover();
    let back = Instant::now();
    while service.create_portal_session(RETURN_URL).await.status != 200 {
        assert!(
            back.elapsed() < Duration::from_secs(30),
            "it is verified again, within seconds if the machine is not busy"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_replayed_configuration_is_not_trusted_without_a_read() {
    let stripe = stripe().await;
    let first = Service::builder().stripe(&stripe).start().await;
    first.drain().await;
    let id = stripe.configurations()[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    // Nobody would find it again, and Stripe's first answer to the key says that all is well.
    let change = json!({"metadata": {"managed_by": null}, "features": {"subscription_cancel": {"enabled": true}}});
    stripe.change_configuration(&id, &change);
    let second = Service::builder().stripe(&stripe).start().await;
    assert_eq!(second.create_portal_session(RETURN_URL).await.status, 200);
    let calls = second.sessions();
    assert_ne!(calls[0].field("configuration"), Some(id.as_str()));

    // A failure is repeated, too.
    let failed = Reply::status(500)
        .header("Idempotent-Replayed", "true")
        .header("Stripe-Should-Retry", "false");
    let third = self::stripe().await;
    let none_yet = json!({"object": "list", "data": [], "has_more": false});
    third.answer_next(
        Endpoint::Configurations,
        [Reply::json(200, &none_yet), failed],
    );
    let third = Service::builder().stripe(&third).start().await;
    assert_eq!(third.create_portal_session(RETURN_URL).await.status, 200);
}
