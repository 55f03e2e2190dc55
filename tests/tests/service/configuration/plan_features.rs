//! Each plan feature must be reported by Stripe, and off; the service itself turns each of them off.

use billing_portal_tests::http_message::RETURN_URL;
use billing_portal_tests::stripe::{Endpoint, Received, Reply};
use serde_json::{Value, json};

use super::configured::wait_for_violation;
use super::stripe;
use crate::harness::log::{self, Log};
use crate::harness::service::Service;

const PLAN_FEATURES: [&str; 3] = [
    "subscription_cancel",
    "subscription_pause",
    "subscription_update",
];

/// All that the service sends when it creates its configuration, in alphabetical order.
const CREATED: [(&str, &str); 13] = [
    ("features[customer_update][allowed_updates][0]", "name"),
    ("features[customer_update][allowed_updates][1]", "address"),
    ("features[customer_update][allowed_updates][2]", "phone"),
    ("features[customer_update][allowed_updates][3]", "tax_id"),
    ("features[customer_update][enabled]", "true"),
    ("features[invoice_history][enabled]", "true"),
    ("features[payment_method_update][enabled]", "true"),
    ("features[subscription_cancel][enabled]", "false"),
    ("features[subscription_pause][enabled]", "false"),
    ("features[subscription_update][enabled]", "false"),
    ("login_page[enabled]", "false"),
    ("metadata[managed_by]", "billing-portal"),
    ("name", "billing-portal"),
];

fn sorted_form(call: &Received) -> Vec<(String, String)> {
    let mut form = call.form.clone();
    form.sort();
    form
}

#[tokio::test]
async fn plan_features_are_sent_as_off_when_the_configuration_is_created_or_restored() {
    let stripe = stripe().await;
    let service = Service::builder().stripe(&stripe).start().await;
    let id = stripe.configurations()[0]["id"].clone();
    let id = id.as_str().expect("an id");
    for feature in PLAN_FEATURES {
        let mut change = json!({"features": {}});
        change["features"][feature]["enabled"] = true.into();
        stripe.change_configuration(id, &change);
        service.run(&["portal-config", "ensure"]).await;
        let features = &stripe.configurations()[0]["features"];
        assert_eq!(features[feature]["enabled"], false, "{feature}");
    }
    let calls = stripe.received_at(Endpoint::Configurations);
    let posted = calls.iter().filter(|call| call.method == "POST");
    let forms: Vec<_> = posted.map(sorted_form).collect();
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let created: Vec<_> = CREATED.map(owned).to_vec();
    let mut restored = vec![owned(("active", "true"))];
    restored.extend(created.clone());
    assert_eq!(
        forms,
        [created, restored.clone(), restored.clone(), restored]
    );
    for call in &calls {
        assert_eq!(call.header("stripe-version"), Some("2026-10-28.endive"));
    }
}

/// What Stripe returns for a configuration that the operator named, and the violations of it.
fn unacceptable(good: &Value) -> Vec<(Value, String)> {
    let with = |feature: &str, value: Option<Value>| {
        let mut configuration = good.clone();
        let features = configuration["features"].as_object_mut().expect("features");
        match value {
            Some(value) => _ = features.insert(feature.to_owned(), value),
            None => _ = features.remove(feature),
        }
        configuration
    };
    let mut rows = Vec::new();
    for feature in PLAN_FEATURES {
        let missing = format!("{feature} is not reported by Stripe");
        rows.extend([
            (
                with(feature, Some(json!({"enabled": true}))),
                format!("{feature} is on"),
            ),
            (with(feature, None), missing.clone()),
            (with(feature, Some(Value::Null)), missing.clone()),
            (with(feature, Some(json!({}))), missing.clone()),
            (with(feature, Some(json!({"enabled": "false"}))), missing),
        ]);
    }
    let unknown = with(
        "subscription_gift",
        Some(json!({"enabled": true, "mode": "any"})),
    );
    rows.push((unknown, "subscription_gift is on".to_owned()));
    let mut without_features = good.clone();
    without_features["features"] = Value::Null;
    let missing = PLAN_FEATURES.map(|feature| format!("{feature} is not reported by Stripe"));
    rows.push((without_features, missing.join("; ")));
    rows
}

#[tokio::test]
async fn plan_features_that_are_on_or_not_reported_close_the_operation() {
    let stripe = stripe().await;
    let named = stripe.add_configuration(&json!({}));
    let builder = || {
        let builder = Service::builder().stripe(&stripe);
        builder.set("STRIPE_PORTAL_CONFIGURATION", &named)
    };
    let good = stripe.configurations()[0].clone();
    for (returned, violations) in unacceptable(&good) {
        stripe.recover();
        stripe.forget_received();
        stripe.answer_always(Endpoint::Configurations, Reply::json(200, &returned));
        let service = builder().start_unverified().await;
        wait_for_violation(&service).await;
        assert!(service.sessions().is_empty(), "{violations}");
        assert_eq!(
            service.readiness().await.json()["portal_configuration_verified"],
            false,
            "{violations}"
        );
        let shown = service
            .command(&["portal-config", "verify", "--json"])
            .await;
        let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
        let listed: Vec<&str> = violations.split("; ").collect();
        let expected = json!({"id": named, "ok": false, "violations": listed});
        assert_eq!(shown, expected);
        let calls = stripe.received_at(Endpoint::Configurations);
        assert!(calls.iter().all(|call| call.method == "GET"), "{calls:?}");
    }
    stripe.recover();
    let service = builder().start().await;
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
}

#[test]
fn plan_features_a_configuration_that_allows_pausing_is_answered_502() {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let allows_pausing = json!({"features": {"subscription_pause": {"enabled": true}}});
    log.record(|| {
        runtime.block_on(async {
            let stripe = stripe().await;
            let named = stripe.add_configuration(&allows_pausing);
            let before = stripe.configurations();
            let builder = Service::builder().stripe(&stripe);
            let builder = builder.set("STRIPE_PORTAL_CONFIGURATION", &named);
            let service = builder.start_unverified().await;
            wait_for_violation(&service).await;
            let answer = service.create_portal_session(RETURN_URL).await;
            answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
            assert_eq!(answer.header("retry-after"), None);
            assert!(service.sessions().is_empty());
            assert_eq!(stripe.configurations(), before, "it is never changed");
        });
    });
    let lines = log::lines(&log.text());
    let alert = lines
        .iter()
        .find(|line| line["event"] == "portal_configuration_violation");
    let alert = alert.expect("an alert");
    assert_eq!(alert["alert"], true);
    assert_eq!(alert["violations"], "subscription_pause is on");
}
