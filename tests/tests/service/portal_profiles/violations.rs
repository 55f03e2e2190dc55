//! What happens while the configuration of one profile is not as it must be: its organizations have no portal, all others do.

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;

use super::{PROFILES, configuration, organization, until_answered};
use crate::harness::database::Database;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, event, signed, unix_time};

/// How many verifications are scripted: enough for a busy machine.
const VERIFICATIONS: usize = 20;

/// Only this profile, so that each verification calls for the default configuration and then for its own.
const ONE_PROFILE: &str = "[portal_profiles.emea]\n";

/// Stripe reports that this configuration was changed.
async fn notify(service: &Service, id: &serde_json::Value) {
    let changed = json!({ "id": id, "object": "billing_portal.configuration" });
    let name = format!("evt_{}", service.stripe.calls());
    let kind = "billing_portal.configuration.updated";
    let report = signed(&event(&name, kind, unix_time(), &changed));
    assert_eq!(send(service.api(), &report).await.status, 200);
}

#[tokio::test]
async fn profile_with_a_plan_feature_on_answers_502_for_its_organizations_alone() {
    for feature in [
        "subscription_cancel",
        "subscription_update",
        "subscription_pause",
    ] {
        let service = Service::builder()
            .file(ONE_PROFILE)
            .set("STRIPE_WEBHOOK_SECRET", SECRET)
            .start()
            .await;
        let stripe = &service.stripe;
        let emea = organization(&service, "emea-1", "emea").await;
        let other = TestRequest::portal(service.key(), RETURN_URL);
        until_answered(&service, &emea, 200).await;

        // Stripe keeps the feature on, whatever the service sends.
        let of_default = configuration(stripe, "billing-portal");
        let mut of_emea = configuration(stripe, "billing-portal/emea");
        of_emea["features"][feature]["enabled"] = true.into();
        let (good, bad) = (Reply::json(200, &of_default), Reply::json(200, &of_emea));
        let each = [good, bad.clone(), bad];
        let replies = (0..VERIFICATIONS).flat_map(|_| each.clone());
        stripe.answer_next(Endpoint::Configurations, replies);
        notify(&service, &of_emea["id"]).await;
        until_answered(&service, &emea, 502).await;
        let violated = service.send(&emea).await;
        violated.assert_error("BILLING_PORTAL_UNAVAILABLE");
        assert_eq!(service.send(&other).await.status, 200, "{feature}");

        stripe.recover();
        notify(&service, &of_emea["id"]).await;
        until_answered(&service, &emea, 200).await;
    }
}

/// Two profiles and the default one: each in turn has a plan feature on.
#[tokio::test]
async fn each_profile_with_a_plan_feature_on_answers_502_for_its_organizations_alone() {
    const MARKS: [&str; 3] = [
        "billing-portal",
        "billing-portal/apac",
        "billing-portal/emea",
    ];
    const NAMES: [&str; 3] = ["default", "apac", "emea"];
    let builder = Service::builder().file(PROFILES);
    let builder = builder.set("STRIPE_WEBHOOK_SECRET", SECRET);
    let service = builder.start().await;
    let stripe = &service.stripe;
    let requests = [
        TestRequest::portal(service.key(), RETURN_URL),
        organization(&service, "apac-1", "apac").await,
        organization(&service, "emea-1", "emea").await,
    ];
    let features = [
        "subscription_cancel",
        "subscription_update",
        "subscription_pause",
    ];
    for (violated, feature) in features.into_iter().enumerate() {
        for request in &requests {
            until_answered(&service, request, 200).await;
        }
        let all = MARKS.map(|mark| configuration(stripe, mark));
        // Stripe keeps the feature on, whatever the service sends: it is read, and read again after it was restored.
        let mut each = Vec::new();
        for (index, configuration) in all.iter().enumerate() {
            let mut configuration = configuration.clone();
            if index == violated {
                configuration["features"][feature]["enabled"] = true.into();
                each.push(Reply::json(200, &configuration));
            }
            each.push(Reply::json(200, &configuration));
        }
        let replies = (0..VERIFICATIONS).flat_map(|_| each.clone());
        stripe.answer_next(Endpoint::Configurations, replies);
        notify(&service, &all[violated]["id"]).await;
        until_answered(&service, &requests[violated], 502).await;
        for (index, request) in requests.iter().enumerate() {
            let expected = if index == violated { 502 } else { 200 };
            let status = service.send(request).await.status;
            assert_eq!(status, expected, "{} while {feature} is on", NAMES[index]);
        }
        let readiness = service.readiness().await;
        let seen = readiness.json();
        assert_eq!((readiness.status, &seen["ready"]), (200, &json!(true)));
        assert_eq!(seen["portal_profiles_unverified"], json!([NAMES[violated]]));
        assert_eq!(seen["portal_configuration_verified"], violated != 0);
        let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
        for (index, name) in NAMES.iter().enumerate() {
            let value = u8::from(index != violated);
            let gauge =
                format!("billing_portal_configuration_verified{{profile=\"{name}\"}} {value}\n");
            assert!(metrics.text().contains(&gauge), "{gauge}");
        }
        stripe.recover();
        notify(&service, &all[violated]["id"]).await;
    }
}

#[tokio::test]
async fn configuration_of_a_profile_is_restored_like_the_default_one() {
    let changes = [
        json!({"features": {"subscription_cancel": {"enabled": true}}}),
        json!({"features": {"subscription_update": {"enabled": true}}}),
        json!({"features": {"subscription_pause": {"enabled": true}}}),
        json!({"features": {"customer_update": {"allowed_updates": ["name"]}}}),
        json!({"login_page": {"enabled": true}}),
        json!({"active": false}),
        json!({"business_profile": {"headline": "Other"}}),
        json!({"default_return_url": null}),
        json!({"features": {"payment_method_update": {"payment_method_configuration": "pmc_2"}}}),
    ];
    let service = Service::builder().file(PROFILES).start().await;
    let stripe = &service.stripe;
    let emea = organization(&service, "emea-1", "emea").await;
    until_answered(&service, &emea, 200).await;
    let good = configuration(stripe, "billing-portal/emea");
    let id = good["id"].as_str().expect("an id");
    let of_default = configuration(stripe, "billing-portal");
    for change in changes {
        stripe.change_configuration(id, &change);
        let ensure = ["portal-config", "ensure", "--profile", "emea"];
        let ensured = service.run(&ensure).await;
        assert_eq!(ensured, json!({ "id": id, "ok": true, "violations": [] }));
        let mut now = configuration(stripe, "billing-portal/emea");
        now["updated"] = good["updated"].clone();
        assert_eq!(now, good, "{change}");
    }
    assert_eq!(configuration(stripe, "billing-portal"), of_default);
    let verified = service
        .run(&["portal-config", "verify", "--profile", "emea"])
        .await;
    assert_eq!(verified["id"], id);
    let unknown = service
        .command(&["portal-config", "show", "--profile", "mars"])
        .await;
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.stderr.contains("no profile mars"),
        "{}",
        unknown.stderr
    );
}

/// A profile that was removed from the settings while an organization has it.
#[tokio::test]
async fn profile_that_the_settings_do_not_have_answers_502_for_its_organizations_alone() {
    let service = Service::builder().file(PROFILES).start().await;
    let emea = organization(&service, "emea-1", "emea").await;
    until_answered(&service, &emea, 200).await;
    let mut database = Database::open(&service).await;
    database
        .execute("UPDATE organizations SET portal_profile = 'gone' WHERE id = 'emea-1'")
        .await;
    service.organization("another", None).await; // Raises the change counter.
    until_answered(&service, &emea, 502).await;
    let other = TestRequest::portal(service.key(), RETURN_URL);
    assert_eq!(service.send(&other).await.status, 200);
}
