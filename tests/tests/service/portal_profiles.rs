//! Portal profiles: each has a portal configuration of its own, which is found or created, verified and restored like the
//! default one, and which no caller chooses.

mod doctor;
mod settings;
mod violations;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Received, SimulatedStripe};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::{Duration, Instant, sleep};

use crate::harness::service::Service;

/// A default profile, one with everything, and one without anything.
const PROFILES: &str = r#"
[portal_profiles.default]
privacy_policy_url = "https://example.com/privacy"

[portal_profiles.emea]
headline = " Acme EMEA "
privacy_policy_url = "https://example.eu/privacy"
terms_of_service_url = "https://example.eu/terms"
default_return_url = "https://app.example.eu/"
customer_updates = ["address", "email"]
payment_method_configuration = "pmc_1"

[portal_profiles.apac]
"#;

/// The configuration at Stripe with this mark.
fn configuration(stripe: &SimulatedStripe, mark: &str) -> Value {
    let mut all = stripe.configurations().into_iter();
    let found = all.find(|one| one["metadata"]["managed_by"] == mark);
    found.unwrap_or_else(|| panic!("no configuration {mark}"))
}

/// A new organization with a profile: the request that opens its portal.
async fn organization(service: &Service, id: &str, profile: &str) -> TestRequest {
    let key = service
        .organization(id, Some(&format!("cus_{}", id.replace('-', ""))))
        .await;
    let set = ["org", "set", id, "--profile", profile];
    assert_eq!(service.run(&set).await["id"], id);
    TestRequest::portal(&key, RETURN_URL)
}

/// Sends the request until it is answered so: what changes takes effect soon, though not at once.
async fn until_answered(service: &Service, request: &TestRequest, status: u16) {
    let began = Instant::now();
    while service.send(request).await.status != status {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{status} in time"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

fn is_search(call: &Received) -> bool {
    call.method == "GET" && call.path.ends_with("/configurations")
}

#[tokio::test]
async fn each_profile_has_a_configuration_of_its_own_for_its_organizations() {
    let service = Service::builder().file(PROFILES).start().await;
    let stripe = Arc::clone(&service.stripe);
    let emea = organization(&service, "emea-1", "emea").await;
    let apac = organization(&service, "apac-1", "apac").await;
    let other = TestRequest::portal(service.key(), RETURN_URL);
    for (request, mark) in [
        (&emea, "billing-portal/emea"),
        (&apac, "billing-portal/apac"),
        (&other, "billing-portal"),
    ] {
        until_answered(&service, request, 200).await;
        let session = stripe.last_session().expect("a session");
        let configuration = configuration(&stripe, mark);
        assert_eq!(session["configuration"], configuration["id"], "{mark}");
        for feature in [
            "subscription_cancel",
            "subscription_update",
            "subscription_pause",
        ] {
            assert_eq!(configuration["features"][feature]["enabled"], false);
        }
    }
    assert_eq!(stripe.configurations().len(), 3);
    let of_emea = configuration(&stripe, "billing-portal/emea");
    let shown = json!({
        "headline": "Acme EMEA",
        "privacy_policy_url": "https://example.eu/privacy",
        "terms_of_service_url": "https://example.eu/terms",
    });
    assert_eq!(of_emea["business_profile"], shown);
    assert_eq!(of_emea["default_return_url"], "https://app.example.eu/");
    let features = &of_emea["features"];
    let updates = json!({ "enabled": true, "allowed_updates": ["email", "address"] });
    assert_eq!(features["customer_update"], updates);
    let payment = json!({ "enabled": true, "payment_method_configuration": "pmc_1" });
    assert_eq!(features["payment_method_update"], payment);
    let privacy = &configuration(&stripe, "billing-portal")["business_profile"];
    assert_eq!(privacy["privacy_policy_url"], "https://example.com/privacy");

    // Back to the default one.
    service
        .run(&["org", "set", "emea-1", "--profile", "default"])
        .await;
    let of_default = configuration(&stripe, "billing-portal")["id"].clone();
    let began = Instant::now();
    while stripe.last_session().expect("a session")["configuration"] != of_default {
        assert_eq!(service.send(&emea).await.status, 200);
        assert!(began.elapsed() < Duration::from_secs(30), "in time");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn next_start_finds_each_configuration_by_its_recorded_id() {
    let first = Service::builder().file(PROFILES).start().await;
    let emea = organization(&first, "emea-1", "emea").await;
    until_answered(&first, &emea, 200).await;
    first.stripe.forget_received();
    let second = Service::builder().file(PROFILES).start_beside(&first).await;
    until_answered(&second, &emea, 200).await;
    let calls = second.stripe.received_at(Endpoint::Configurations);
    assert!(calls.len() >= 3, "{calls:?}");
    let is_read_by_id = |call: &Received| call.method == "GET" && !is_search(call);
    assert!(calls.iter().all(is_read_by_id), "{calls:?}");
    assert_eq!(second.stripe.configurations().len(), 3);
}

#[tokio::test]
async fn caller_cannot_choose_a_profile() {
    let service = Service::builder().file(PROFILES).start().await;
    for field in ["profile", "portal_profile", "configuration"] {
        let body = json!({ "return_url": RETURN_URL, field: "emea" });
        let request = TestRequest::portal(service.key(), RETURN_URL).with_body(body.to_string());
        let details = format!(r#","details":{{"{field}":"unknown field"}}"#);
        let answer = service.send(&request).await;
        answer.assert_error_with("VALIDATION_FAILED", &details);
    }
    assert!(service.sessions().is_empty());
}

#[tokio::test]
async fn organization_shows_its_profile_and_takes_only_a_known_one() {
    let service = Service::builder().file(PROFILES).start().await;
    let created = [
        "org",
        "create",
        "--name",
        "N",
        "--id",
        "new",
        "--profile",
        "emea",
    ];
    assert_eq!(service.run(&created).await["profile"], "emea");
    let named = ["org", "set", "new", "--name", "Other"];
    let named = service.run(&named).await;
    assert_eq!(
        (&named["name"], &named["profile"]),
        (&json!("Other"), &json!("emea"))
    );
    assert_eq!(
        service.run(&["org", "show", "new"]).await["profile"],
        "emea"
    );
    let back = ["org", "set", "new", "--profile", "default"];
    assert!(service.run(&back).await.get("profile").is_none());
    for (arguments, code, problem) in [
        (
            &["org", "set", "new", "--profile", "mars"][..],
            1,
            "it has: apac, default, emea",
        ),
        (
            &["org", "create", "--name", "N", "--profile", ""],
            1,
            "it has: apac, default, emea",
        ),
        (&["org", "set", "nobody", "--profile", "emea"], 1, "nobody"),
        (&["org", "set", "new"], 2, "--profile"),
    ] {
        let outcome = service.command(arguments).await;
        assert_eq!(outcome.code, code, "{arguments:?}");
        assert!(outcome.stderr.contains(problem), "{}", outcome.stderr);
    }
}
