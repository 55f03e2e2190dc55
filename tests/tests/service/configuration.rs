//! Plans cannot be changed in the portal: there is one verified portal configuration, or no portal.

mod configured;
mod plan_features;
mod start;
mod webhook_triggered;

use billing_portal_tests::http_message::RETURN_URL;
use std::sync::Arc;

use billing_portal_tests::stripe::SimulatedStripe;
use serde_json::{Value, json};

use crate::harness::service::Service;

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
