//! A portal configuration that changes: after a webhook reports it, and without a webhook.

use std::time::Duration;

use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{RETURN_URL, features_on, stripe};
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, event, signed, unix_time};
use billing_portal_tests::http_message::TestRequest;

/// What follows an event within seconds may take so long on a busy machine.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);

/// Stripe reports that a portal configuration was changed.
async fn notify(service: &Service) {
    let configurations = service.stripe.configurations();
    let changed = json!({"id": configurations[0]["id"], "object": "billing_portal.configuration"});
    let id = format!("evt_{}", service.stripe.calls());
    let kind = "billing_portal.configuration.updated";
    let change_event = signed(&event(&id, kind, unix_time(), &changed));
    assert_eq!(send(service.api(), &change_event).await.status, 200);
}

/// Asks until the portal answers this: soon, though not at once on a busy machine.
async fn until_answered(service: &Service, status: u16) {
    let began = Instant::now();
    while service.create_portal_session(RETURN_URL).await.status != status {
        assert!(began.elapsed() < RESPONSE_LIMIT, "{status} in time");
        sleep(Duration::from_millis(20)).await;
    }
}

const CANCEL: &str = r#"{"features": {"subscription_cancel": {"enabled": true}}}"#;
const NO_CANCEL: &str = r#"{"features": {"subscription_cancel": {"enabled": false}}}"#;

fn change(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

#[tokio::test]
async fn a_violation_reported_by_a_webhook_closes_the_operation_until_it_is_fixed() {
    let stripe = stripe().await;
    let named = stripe.add_configuration(&json!({}));
    let service = Service::builder()
        .stripe(&stripe)
        .set("STRIPE_PORTAL_CONFIGURATION", &named)
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .start()
        .await;
    until_answered(&service, 200).await;
    stripe.change_configuration(&named, &change(CANCEL));
    notify(&service).await;
    until_answered(&service, 502).await;
    let violated =
        r#"billing_portal_unavailable_total{upstream_cause="configuration_violation"} 1"#;
    let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
    assert!(metrics.text().contains(violated), "{}", metrics.text());
    assert!(
        metrics
            .text()
            .contains("billing_portal_configuration_verified{profile=\"default\"} 0")
    );
    stripe.change_configuration(&named, &change(NO_CANCEL));
    notify(&service).await;
    until_answered(&service, 200).await;
}

#[tokio::test]
async fn our_configuration_is_restored_after_a_webhook_reports_a_change() {
    let stripe = stripe().await;
    let builder = Service::builder().stripe(&stripe);
    let service = builder.set("STRIPE_WEBHOOK_SECRET", SECRET).start().await;
    let ours = stripe.configurations()[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    stripe.change_configuration(&ours, &change(CANCEL));
    notify(&service).await;
    let began = Instant::now();
    while features_on(&stripe.configurations()[0]).contains(&"subscription_cancel") {
        assert!(began.elapsed() < RESPONSE_LIMIT, "it is fixed in time");
        sleep(Duration::from_millis(20)).await;
    }
    until_answered(&service, 200).await;
    let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
    let restored = "billing_portal_configuration_restored_total 1";
    assert!(metrics.text().contains(restored), "{}", metrics.text());
}

#[tokio::test]
async fn a_violation_without_a_webhook_is_detected_within_ten_minutes() {
    let stripe = stripe().await;
    let named = stripe.add_configuration(&json!({}));
    let builder = Service::builder().stripe(&stripe);
    let builder = builder.set("STRIPE_PORTAL_CONFIGURATION", &named);
    let service = builder.start().await;
    stripe.change_configuration(&named, &change(CANCEL));
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(10)).await;
    tokio::time::resume();
    until_answered(&service, 502).await;
    stripe.change_configuration(&named, &change(NO_CANCEL));
    until_answered(&service, 200).await;
}

#[tokio::test]
async fn a_change_that_cannot_be_verified_closes_the_operation() {
    let stripe = stripe().await;
    let builder = Service::builder().stripe(&stripe);
    let service = builder.set("STRIPE_WEBHOOK_SECRET", SECRET).start().await;
    stripe.answer_always(Endpoint::Configurations, Reply::status(503));
    notify(&service).await;
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    until_answered(&service, 502).await;
    stripe.recover();
    notify(&service).await;
    until_answered(&service, 200).await;
}
