//! `doctor` has a line for each profile.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{PROFILES, configuration, organization, until_answered};
use crate::harness::service::Service;

/// The checks by their names, and the code of the command.
async fn checks(service: &Service) -> (u8, BTreeMap<String, Value>) {
    let outcome = service.command(&["doctor", "--json"]).await;
    let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let checks = report["checks"].as_array().expect("a list").iter();
    let named = checks.map(|check| {
        let name = check["name"].as_str().expect("a name");
        (name.to_owned(), check.clone())
    });
    (outcome.code, named.collect())
}

#[tokio::test]
async fn doctor_reports_the_profile_whose_configuration_allows_plan_changes() {
    let service = Service::builder().file(PROFILES).start().await;
    let stripe = &service.stripe;
    for profile in ["apac", "emea"] {
        let request = organization(&service, &format!("{profile}-1"), profile).await;
        until_answered(&service, &request, 200).await;
    }
    let (_, well) = checks(&service).await;
    for profile in ["apac", "emea"] {
        let id = configuration(stripe, &format!("billing-portal/{profile}"))["id"].clone();
        let name = format!("portal_profiles.{profile}");
        let detail = format!("{}: plans cannot be changed", id.as_str().expect("an id"));
        let expected = json!({ "name": name, "ok": true, "detail": detail });
        assert_eq!(well[&name], expected);
    }
    let expected = json!({ "name": "portal_profiles", "ok": true, "detail": "the settings have every profile in use" });
    assert_eq!(well["portal_profiles"], expected);

    for (profile, other, feature) in [
        ("apac", "emea", "subscription_cancel"),
        ("emea", "apac", "subscription_update"),
        ("emea", "apac", "subscription_pause"),
    ] {
        let id = configuration(stripe, &format!("billing-portal/{profile}"))["id"].clone();
        let id = id.as_str().expect("an id");
        let on = json!({ "features": { feature: { "enabled": true } } });
        stripe.change_configuration(id, &on);
        let (code, found) = checks(&service).await;
        assert_eq!(code, 1);
        let bad = &found[&format!("portal_profiles.{profile}")];
        assert_eq!(bad["ok"], false, "{bad}");
        let detail = bad["detail"].as_str().expect("a text");
        assert!(detail.starts_with(&format!("{id}: ")), "{detail}");
        assert!(detail.contains(feature) && detail.ends_with(" (configuration_violation)"));
        let fix = format!(
            "run billing-portal portal-config ensure --profile {profile}, and find out who changed it"
        );
        assert_eq!(bad["fix"], fix);
        assert_eq!(found[&format!("portal_profiles.{other}")]["ok"], true);
        assert_eq!(found["portal_configuration"]["ok"], true);
        let ensure = ["portal-config", "ensure", "--profile", profile];
        assert_eq!(service.run(&ensure).await["ok"], true);
    }
}

#[tokio::test]
async fn doctor_skips_the_profiles_if_stripe_does_not_accept_the_key() {
    let service = Service::builder().file(PROFILES).start().await;
    service
        .stripe
        .replace_secret("rk_live_other00000000000000000");
    let (code, found) = checks(&service).await;
    assert_eq!(code, 1);
    assert_eq!(found["stripe_credentials"]["ok"], false);
    for profile in ["apac", "emea"] {
        let name = format!("portal_profiles.{profile}");
        let expected = json!({
            "name": name,
            "ok": false,
            "detail": "skipped: stripe_credentials failed",
            "fix": "fix stripe_credentials first",
        });
        assert_eq!(found[&name], expected);
    }
}
