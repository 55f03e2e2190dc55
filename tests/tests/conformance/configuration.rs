//! The promise that the portal changes no plans: one verified portal configuration, or no portal.

mod told;

use std::sync::Arc;
use std::time::Duration;

use conformance::stripe::{Endpoint, Reply, SimulatedStripe};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::harness::service::Service;

const RETURN_URL: &str = "https://app.example.com/settings/billing";

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
async fn two_that_start_at_once_create_one_configuration() {
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
async fn what_somebody_changed_in_ours_is_set_back() {
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
async fn ours_is_set_active_again_rather_than_made_twice() {
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

#[tokio::test]
async fn a_named_configuration_that_breaks_the_promise_closes_the_operation_and_is_never_changed() {
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
        sleep(Duration::from_millis(200)).await;
        service
            .create_portal_session(RETURN_URL)
            .await
            .assert_error("BILLING_PORTAL_UNAVAILABLE");
        assert!(service.sessions().is_empty(), "{violation}");
        assert_eq!(stripe.configurations(), before, "{violation}");
        stripe.forget_received();
    }
}

#[tokio::test]
async fn a_named_configuration_that_keeps_the_promise_is_passed_with_every_session() {
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
async fn what_a_key_repeats_is_not_taken_for_what_was_asked() {
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
