//! A portal configuration that the operator names: it is verified, and never changed.

use super::stripe;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use serde_json::json;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Calls until a call is refused because the configuration is known to allow plan changes.
pub(super) async fn wait_for_violation(service: &Service) {
    let refused = r#"billing_portal_unavailable_total{upstream_cause="configuration_violation"} 1"#;
    let waiting = async {
        loop {
            service
                .create_portal_session(RETURN_URL)
                .await
                .assert_error("BILLING_PORTAL_UNAVAILABLE");
            let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
            if metrics.text().contains(refused) {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let verified = timeout(Duration::from_secs(30), waiting).await;
    verified.expect("the configuration is verified");
}

#[tokio::test]
async fn a_configured_configuration_that_allows_plan_changes_is_refused_and_never_changed() {
    let violations = [
        json!({"features": {"subscription_cancel": {"enabled": true}}}),
        json!({"features": {"subscription_update": {"enabled": true}}}),
        json!({"features": {"a_feature_of_tomorrow": {"enabled": true}}}),
        json!({"login_page": {"enabled": true}}),
        json!({"active": false}),
    ];
    let stripe = stripe().await;
    for violation in violations {
        let named = stripe.add_configuration(&violation);
        let before = stripe.configurations();
        let builder = Service::builder()
            .stripe(&stripe)
            .set("STRIPE_PORTAL_CONFIGURATION", &named);
        let service = builder.start_unverified().await;
        wait_for_violation(&service).await;
        assert!(service.sessions().is_empty(), "{violation}");
        assert_eq!(stripe.configurations(), before, "{violation}");
        stripe.forget_received();
    }
}

#[tokio::test]
async fn a_configured_configuration_without_plan_changes_is_sent_with_every_session() {
    let stripe = stripe().await;
    let named =
        stripe.add_configuration(&json!({"features": {"invoice_history": {"enabled": true}}}));
    let service = Service::builder()
        .stripe(&stripe)
        .set("STRIPE_PORTAL_CONFIGURATION", &named)
        .start()
        .await;
    for _ in 0..2 {
        service.create_portal_session(RETURN_URL).await;
    }
    let calls = service.sessions();
    let passed: Vec<_> = calls
        .iter()
        .map(|call| call.field("configuration"))
        .collect();
    assert_eq!(passed, [Some(named.as_str()); 2]);
    assert_eq!(stripe.configurations().len(), 1, "none is made beside it");
}
