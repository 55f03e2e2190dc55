//! Settings about Stripe: they are tried before they replace those that work.

use billing_portal_tests::http_message::RETURN_URL;
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::{Value, json};

use super::events;
use crate::harness::configured::ConfiguredProcess;

const NEW: &str = "rk_live_new000000000000000000";

/// The secret of the last call at an endpoint.
fn last_secret(service: &ConfiguredProcess, endpoint: Endpoint) -> String {
    let calls = service.stripe().received_at(endpoint);
    let authorization = calls.last().and_then(|call| call.header("authorization"));
    authorization.expect("a call").to_owned()
}

#[tokio::test]
async fn s17_a_new_secret_key_is_used_after_the_configuration_was_verified_with_it() {
    let mut service = ConfiguredProcess::start(&[]).await;
    service.open_portal().await;
    service.stripe().replace_secret(NEW);
    assert_eq!(
        service.status_for(RETURN_URL).await,
        502,
        "the old one is refused"
    );
    service.set_secret("stripe_secret_key", NEW);
    service.stripe().forget_received();
    assert!(service.hang_up().await);
    let verification = last_secret(&service, Endpoint::Configurations);
    assert_eq!(verification, format!("Bearer {NEW}"));
    let readiness = service.readiness().await;
    assert_eq!(readiness["portal_configuration_verified"], true);
    service.open_portal().await;
    assert_eq!(
        last_secret(&service, Endpoint::Sessions),
        format!("Bearer {NEW}")
    );
    assert_eq!(
        service.stripe().configurations().len(),
        1,
        "it is the same one"
    );
    let (_, log) = service.stop().await;
    assert_eq!(
        events(&log, "settings_reloaded")[0]["changed"],
        "stripe_secret_key"
    );
    assert!(!format!("{log:?}").contains(NEW));
}

#[tokio::test]
async fn s17_a_secret_key_that_stripe_refuses_does_not_replace_the_one_that_works() {
    let mut service = ConfiguredProcess::start(&[]).await;
    service.set_secret("stripe_secret_key", NEW);
    service.set(
        "return_url_allow_list",
        &json!(["https://other.example.com"]),
    );
    assert!(!service.hang_up().await);
    service.open_portal().await;
    assert_ne!(
        last_secret(&service, Endpoint::Sessions),
        format!("Bearer {NEW}")
    );
    let (_, log) = service.stop().await;
    let problems = events(&log, "reload_refused")[0]["problems"].to_string();
    assert!(problems.contains("stripe_secret_key: "), "{problems}");
    assert!(problems.contains("credentials_refused"), "{problems}");
    assert!(!format!("{log:?}").contains(NEW));
}

#[tokio::test]
async fn s17_a_portal_configuration_that_allows_plan_changes_does_not_replace_the_one_in_use() {
    let mut service = ConfiguredProcess::start(&[]).await;
    for feature in [
        "subscription_cancel",
        "subscription_pause",
        "subscription_update",
    ] {
        let bad = json!({ "features": { feature: { "enabled": true } } });
        let id = service.stripe().add_configuration(&bad);
        service.set("stripe_portal_configuration", &json!(id));
        assert!(!service.hang_up().await, "{feature}");
        service.open_portal().await;
    }
    service.set("stripe_portal_configuration", &json!("bpc_unknown"));
    assert!(!service.hang_up().await);
    service.open_portal().await;
    let good = service.stripe().add_configuration(&json!({}));
    service.set("stripe_portal_configuration", &json!(good));
    assert!(service.hang_up().await);
    service.open_portal().await;
    let session = service.stripe().last_session().expect("a session");
    assert_eq!(session["configuration"], *good);
    let (_, log) = service.stop().await;
    let refused = events(&log, "reload_refused");
    assert_eq!(refused.len(), 4);
    let problems = refused[1]["problems"].to_string();
    assert!(problems.contains("subscription_pause"), "{problems}");
    assert!(
        refused[3]["problems"]
            .to_string()
            .contains("configuration_missing")
    );
}

#[tokio::test]
async fn s17_settings_that_cannot_be_tried_do_not_replace_those_in_use() {
    let mut service = ConfiguredProcess::start(&[]).await;
    // Nothing listens on port 1.
    service.set("stripe_api_base", &json!("http://127.0.0.1:1"));
    assert!(!service.hang_up().await);
    service.open_portal().await;
    let api_base = service.stripe().api_base();
    service.set("stripe_api_base", &json!(api_base));
    service.set("stripe_proxy", &json!("http://127.0.0.1:1"));
    // A proxy is not used for a loopback address only if the client says so; here it is used, and refused.
    let applied = service.hang_up().await;
    service.set("stripe_proxy", &Value::Null);
    assert!(service.hang_up().await);
    service.open_portal().await;
    assert!(!applied, "nothing listens there");
}

#[tokio::test]
async fn s17_limits_of_calls_to_stripe_change_also_while_stripe_is_down() {
    let mut service = ConfiguredProcess::start(&[]).await;
    service
        .stripe()
        .answer_always(Endpoint::Configurations, Reply::status(500));
    service.set("stripe_rate_limit", &json!(1));
    service.set("stripe_max_in_flight", &json!(3));
    assert!(service.hang_up().await, "they need no call");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(service.status_for(RETURN_URL).await);
    }
    assert_eq!(statuses[0], 200);
    let (_, log) = service.stop().await;
    let changed = &events(&log, "settings_reloaded")[0]["changed"];
    assert_eq!(*changed, "stripe_max_in_flight, stripe_rate_limit");
}
