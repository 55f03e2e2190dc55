//! The promise that the portal changes no plans: one verified portal configuration, or no portal.

mod webhook_triggered;

use conformance::http_message::{RETURN_URL, TestRequest};
use std::sync::Arc;
use std::time::Duration;

use conformance::stripe::{Endpoint, Reply, SimulatedStripe};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::harness::service::{Service, send};

async fn stripe() -> Arc<SimulatedStripe> {
    Arc::new(
        SimulatedStripe::builder()
            .start()
            .await
            .expect("a loopback port is free"),
    )
}

/// The features that are on, in alphabetical order.
fn features_on(configuration: &Value) -> Vec<&str> {
    let features = configuration["features"].as_object().into_iter().flatten();
    let on = features.filter(|(_, feature)| feature["enabled"] == true);
    on.map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn the_configuration_is_created_once_and_changes_no_plans() {
    let stripe = stripe().await;
    let first = Service::builder().stripe(&stripe).start().await;
    assert_eq!(first.create_portal_session(RETURN_URL).await.status, 200);
    first.drain().await;
    let second = Service::builder().stripe(&stripe).start().await;
    assert_eq!(second.create_portal_session(RETURN_URL).await.status, 200);

    let configurations = stripe.configurations();
    let [ours] = configurations.as_slice() else {
        panic!("{} configurations", configurations.len())
    };
    assert_eq!(
        features_on(ours),
        [
            "customer_update",
            "invoice_history",
            "payment_method_update"
        ]
    );
    assert_eq!(ours["login_page"]["enabled"], false);
    let updates = ours["features"]["customer_update"]["allowed_updates"]
        .as_array()
        .expect("a list");
    assert!(
        !updates.contains(&json!("email")),
        "others may map by e-mail"
    );
}

#[tokio::test]
async fn two_services_that_start_at_once_create_one_configuration() {
    let stripe = stripe().await;
    // Both look before either has created one.
    let none_yet = Reply::json(
        200,
        &json!({"object": "list", "data": [], "has_more": false}),
    );
    let none_yet = none_yet.after(Duration::from_millis(500));
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
async fn changes_to_our_configuration_are_reverted() {
    let changes = [
        json!({"features": {"subscription_cancel": {"enabled": true}}}),
        json!({"features": {"subscription_update": {"enabled": true}}}),
        json!({"login_page": {"enabled": true}}),
        json!({"features": {"invoice_history": {"enabled": false}}}),
        json!({"features": {"customer_update": {"allowed_updates": ["name", "email"]}}}),
    ];
    let stripe = stripe().await;
    Service::builder()
        .stripe(&stripe)
        .start()
        .await
        .drain()
        .await;
    let made = stripe.configurations();
    let id = made[0]["id"].as_str().expect("an id");
    for change in changes {
        stripe.change_configuration(id, &change);
        let service = Service::builder().stripe(&stripe).start().await;
        assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
        let now = stripe.configurations();
        assert_eq!(
            (now.len(), &now[0]["features"]),
            (1, &made[0]["features"]),
            "{change}"
        );
        assert_eq!(now[0]["login_page"], made[0]["login_page"]);
    }
}

#[tokio::test]
async fn our_inactive_configuration_is_reactivated_instead_of_created_again() {
    let stripe = stripe().await;
    let service = Service::builder().stripe(&stripe).start().await;
    let id = stripe.configurations()[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    stripe.change_configuration(&id, &json!({ "active": false }));
    service.run(&["portal-config", "ensure"]).await;
    assert_eq!(stripe.configurations().len(), 1);
    assert_eq!(stripe.configurations()[0]["active"], true);
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
}

/// Calls until a call is refused because the configuration is known to allow plan changes.
async fn wait_for_violation(service: &Service) {
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
    let verified = timeout(Duration::from_secs(10), waiting).await;
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
            back.elapsed() < Duration::from_secs(3),
            "it is verified again within a second or two"
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
