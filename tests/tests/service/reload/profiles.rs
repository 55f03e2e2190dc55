//! Portal profiles that change while the service runs.

use std::time::Duration;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::events;
use crate::harness::configured::ConfiguredProcess;
use crate::harness::service::send;

const EMEA: &str = "portal_profiles.emea.headline";
const APAC: &str = "portal_profiles.apac.headline";

/// How many verifications are scripted: enough for a busy machine.
const VERIFICATIONS: usize = 30;

/// The configuration at Stripe with this mark.
fn configuration(service: &ConfiguredProcess, mark: &str) -> Value {
    let mut all = service.stripe().configurations().into_iter();
    let found = all.find(|one| one["metadata"]["managed_by"] == mark);
    found.unwrap_or_else(|| panic!("no configuration {mark}"))
}

/// A new organization with a profile: the request that opens its portal.
async fn organization(service: &ConfiguredProcess, id: &str, profile: &str) -> TestRequest {
    let key = service.organization(id).await;
    let set = ["org", "set", id, "--profile", profile];
    let set = service.command(&set).await;
    assert_eq!(set.code, 0, "{}", set.stderr);
    TestRequest::portal(&key, RETURN_URL)
}

/// Sends the request until a portal opens with the configuration of this mark.
async fn until_opened(service: &ConfiguredProcess, request: &TestRequest, mark: &str) {
    let began = Instant::now();
    let expected = configuration(service, mark)["id"].clone();
    loop {
        let status = send(service.api(), request).await.status;
        let session = service.stripe().last_session();
        if status == 200 && session.expect("a session")["configuration"] == expected {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{mark} in time");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn status(service: &ConfiguredProcess, request: &TestRequest) -> u16 {
    send(service.api(), request).await.status
}

/// The value of the gauge, or `None` if there is no such profile.
async fn verified(service: &ConfiguredProcess, profile: &str) -> Option<bool> {
    let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
    let series = format!("billing_portal_configuration_verified{{profile=\"{profile}\"}} ");
    let mut lines = metrics.text().lines();
    lines.find_map(|line| line.strip_prefix(&*series).map(|value| value == "1"))
}

#[tokio::test]
async fn s17_what_a_profile_shows_changes_at_stripe_before_the_reload_is_over() {
    let settings = [(EMEA, json!("One")), (APAC, json!("Asia"))];
    let mut service = ConfiguredProcess::start(&settings).await;
    let emea = organization(&service, "emea-1", "emea").await;
    until_opened(&service, &emea, "billing-portal/emea").await;
    let before = configuration(&service, "billing-portal/emea");
    assert_eq!(before["business_profile"]["headline"], "One");

    service.set(EMEA, &json!("Two"));
    assert!(service.hang_up().await);
    let after = configuration(&service, "billing-portal/emea");
    assert_eq!(after["business_profile"]["headline"], "Two");
    assert_eq!(after["id"], before["id"]);
    let of_apac = configuration(&service, "billing-portal/apac");
    assert_eq!(of_apac["business_profile"]["headline"], "Asia");
    assert_eq!(status(&service, &emea).await, 200);
    assert_eq!(service.stripe().configurations().len(), 3);

    // A value that is refused leaves everything as it is.
    service.set(EMEA, &json!(""));
    assert!(!service.hang_up().await);
    let kept = configuration(&service, "billing-portal/emea");
    assert_eq!(kept["business_profile"]["headline"], "Two");
    assert_eq!(status(&service, &emea).await, 200);

    let (_, log) = service.stop().await;
    let reloaded = events(&log, "settings_reloaded");
    assert_eq!(reloaded[0]["changed"], "portal_profiles");
    let updated = events(&log, "portal_configuration_updated");
    assert_eq!(updated.len(), 1, "{updated:?}");
    assert_eq!(updated[0]["profile"], "emea");
    assert!(events(&log, "portal_configuration_restored").is_empty());
}

#[tokio::test]
async fn s17_a_plan_feature_of_a_changed_profile_closes_its_organizations_alone() {
    for feature in [
        "subscription_cancel",
        "subscription_update",
        "subscription_pause",
    ] {
        let settings = [(EMEA, json!("One")), (APAC, json!("Asia"))];
        let mut service = ConfiguredProcess::start(&settings).await;
        let emea = organization(&service, "emea-1", "emea").await;
        let apac = organization(&service, "apac-1", "apac").await;
        let other = service.portal(RETURN_URL);
        until_opened(&service, &emea, "billing-portal/emea").await;
        until_opened(&service, &apac, "billing-portal/apac").await;

        // Stripe keeps the feature on, whatever the service sends.
        let mut of_emea = configuration(&service, "billing-portal/emea");
        of_emea["features"][feature]["enabled"] = true.into();
        let of_default = configuration(&service, "billing-portal");
        let of_apac = configuration(&service, "billing-portal/apac");
        let each = [&of_default, &of_apac, &of_emea, &of_emea];
        let each = each.map(|one| Reply::json(200, one));
        let replies = (0..VERIFICATIONS).flat_map(|_| each.clone());
        service
            .stripe()
            .answer_next(Endpoint::Configurations, replies);
        service.set(EMEA, &json!("Two"));
        assert!(service.hang_up().await, "the default one is good");
        assert_eq!(status(&service, &emea).await, 502, "{feature}");
        assert_eq!(status(&service, &apac).await, 200, "{feature}");
        assert_eq!(status(&service, &other).await, 200, "{feature}");
        let readiness = service.readiness().await;
        assert_eq!(readiness["ready"], true);
        assert_eq!(readiness["portal_configuration_verified"], true);
        assert_eq!(readiness["portal_profiles_unverified"], json!(["emea"]));
        let gauges = [
            verified(&service, "default").await,
            verified(&service, "apac").await,
            verified(&service, "emea").await,
        ];
        assert_eq!(gauges, [Some(true), Some(true), Some(false)]);

        service.stripe().recover();
        until_opened(&service, &emea, "billing-portal/emea").await;
        let (_, log) = service.stop().await;
        let violations = events(&log, "portal_configuration_violation");
        assert_eq!(violations[0]["profile"], "emea");
        assert_eq!(violations[0]["alert"], true);
    }
}

#[tokio::test]
async fn s17_a_profile_that_is_added_opens_portals_at_once() {
    let mut service = ConfiguredProcess::start(&[]).await;
    let set = ["org", "set", "acme", "--profile", "emea"];
    assert_eq!(service.command(&set).await.code, 1, "it is not there yet");
    assert_eq!(verified(&service, "emea").await, None);

    service.set(EMEA, &json!("One"));
    assert!(service.hang_up().await);
    let of_emea = configuration(&service, "billing-portal/emea");
    assert_eq!(of_emea["business_profile"]["headline"], "One");
    for feature in [
        "subscription_cancel",
        "subscription_update",
        "subscription_pause",
    ] {
        assert_eq!(of_emea["features"][feature]["enabled"], false);
    }
    assert_eq!(verified(&service, "emea").await, Some(true));
    let readiness = service.readiness().await;
    assert_eq!(readiness["portal_profiles_unverified"], json!([]));
    let emea = organization(&service, "emea-1", "emea").await;
    until_opened(&service, &emea, "billing-portal/emea").await;
    let other = service.portal(RETURN_URL);
    until_opened(&service, &other, "billing-portal").await;
    assert_eq!(service.stripe().configurations().len(), 2);
}

#[tokio::test]
async fn s17_a_profile_that_is_removed_closes_its_organizations_until_it_is_back() {
    let settings = [(EMEA, json!("One")), (APAC, json!("Asia"))];
    let mut service = ConfiguredProcess::start(&settings).await;
    let emea = organization(&service, "emea-1", "emea").await;
    let apac = organization(&service, "apac-1", "apac").await;
    until_opened(&service, &emea, "billing-portal/emea").await;
    until_opened(&service, &apac, "billing-portal/apac").await;
    let id = configuration(&service, "billing-portal/emea")["id"].clone();

    service.set(EMEA, &Value::Null);
    assert!(service.hang_up().await);
    assert_eq!(status(&service, &emea).await, 502);
    assert_eq!(status(&service, &apac).await, 200);
    assert_eq!(status(&service, &service.portal(RETURN_URL)).await, 200);
    let readiness = service.readiness().await;
    assert_eq!(readiness["ready"], true);
    assert_eq!(readiness["portal_profiles_unverified"], json!([]));
    assert_eq!(verified(&service, "emea").await, None, "it is no profile");
    let doctor = service.command(&["doctor", "--json"]).await;
    let report: Value = serde_json::from_str(&doctor.stdout).expect("JSON");
    let checks = report["checks"].as_array().expect("a list");
    let found = checks
        .iter()
        .find(|check| check["name"] == "portal_profiles");
    let expected = json!({
        "name": "portal_profiles",
        "ok": false,
        "detail": "the settings do not have these profiles, whose organizations have no portal: emea (organizations: 1)",
        "fix": "add [portal_profiles.emea] to the configuration file and reload, or run billing-portal org set ORG \
                --profile with a profile that the settings have",
    });
    assert_eq!(found, Some(&expected));

    service.set(EMEA, &json!("Back"));
    assert!(service.hang_up().await);
    until_opened(&service, &emea, "billing-portal/emea").await;
    let back = configuration(&service, "billing-portal/emea");
    assert_eq!(
        (&back["id"], &back["business_profile"]["headline"]),
        (&id, &json!("Back"))
    );
    assert_eq!(service.stripe().configurations().len(), 3);
    let (_, log) = service.stop().await;
    assert_eq!(events(&log, "portal_profile_unknown")[0]["profile"], "emea");
}
