//! The list of what was reviewed of Stripe's portal says what the service sends. `client/typescript` compares the list with
//! the types of Stripe's own package.

use std::collections::{BTreeMap, BTreeSet};

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Received};
use serde_json::{Value, json};

use crate::harness::command;
use crate::harness::contract;
use crate::harness::service::Service;

/// What was decided about each name of a part of the list.
fn reviewed(part: &str) -> BTreeMap<String, String> {
    let list = include_str!("../../../server/stripe-portal.json");
    let list: Value = serde_json::from_str(list).expect("JSON");
    let part = list[part].clone();
    serde_json::from_value(part).expect("names and decisions")
}

/// The names of a part that were decided so.
fn decided(part: &str, decision: &str) -> BTreeSet<String> {
    let mut names = reviewed(part);
    names.retain(|_, decided| decided.split(',').next() == Some(decision));
    names.into_keys().collect()
}

/// The parameters of the calls, without what is in their brackets.
fn parameters(calls: &[Received]) -> BTreeSet<String> {
    let fields = calls.iter().flat_map(|call| &call.form);
    let name = |(field, _): &(String, String)| {
        let name = field.split('[').next().unwrap_or_default();
        name.to_owned()
    };
    fields.map(name).collect()
}

#[tokio::test]
async fn every_call_is_made_with_the_reviewed_version_and_the_reviewed_parameters() {
    let service = Service::start().await;
    let key = service.organization("fresh", Some("acct_1")).await;
    let everything = json!({ "return_url": RETURN_URL, "flow": "customer_update", "locale": "de" });
    for key in [service.key(), &key] {
        let request = TestRequest::portal(key, RETURN_URL);
        let opened = service
            .send(&request.with_body(everything.to_string()))
            .await;
        assert_eq!(opened.status, 200, "{}", opened.text());
    }
    let versions = service.stripe.received();
    let versions = versions
        .iter()
        .filter_map(|call| call.header("stripe-version"));
    let versions: BTreeSet<String> = versions.map(ToOwned::to_owned).collect();
    assert_eq!(versions, reviewed("api_version").into_keys().collect());
    let sent = parameters(&service.sessions());
    assert_eq!(sent, decided("session_parameters", "sent"));
    let configurations = service.stripe.received_at(Endpoint::Configurations);
    let sent = parameters(&configurations);
    assert!(
        sent.is_subset(&decided("configuration_parameters", "sent")),
        "{sent:?}"
    );
}

/// The values that the contract lists for a field of the request.
fn listed(field: &str) -> BTreeSet<String> {
    let body = &contract::operation()["requestBody"]["content"]["application/json"];
    let values = body["schema"]["properties"][field]["enum"].clone();
    serde_json::from_value(values).expect("a closed list")
}

#[test]
fn the_contract_offers_the_reviewed_flows_and_locales() {
    assert_eq!(listed("flow"), decided("flow_types", "offered"));
    assert_eq!(listed("locale"), decided("locales", "offered"));
}

#[tokio::test]
async fn the_configuration_has_the_reviewed_features_and_updates() {
    let service = Service::start().await;
    let calls = service.stripe.received_at(Endpoint::Configurations);
    let created = calls.iter().find(|call| call.method == "POST");
    let form = &created.expect("it was created").form;
    let mut features = BTreeMap::new();
    let mut updates = BTreeSet::new();
    for (field, value) in form {
        let parts: Vec<&str> = field
            .split(['[', ']'])
            .filter(|part| !part.is_empty())
            .collect();
        match parts[..] {
            ["features", feature, "enabled"] => {
                let decision = if value == "true" { "on" } else { "off" };
                features.insert(feature.to_owned(), decision.to_owned());
            }
            ["features", "customer_update", "allowed_updates", _] => {
                updates.extend([value.clone()]);
            }
            _ => {}
        }
    }
    assert_eq!(features, reviewed("features"));
    assert_eq!(updates, decided("customer_updates", "on"));
}

#[tokio::test]
async fn a_feature_that_was_reviewed_as_off_or_not_at_all_is_a_violation() {
    let service = Service::start().await;
    let unknown = ("something_new".to_owned(), "off".to_owned());
    for (feature, decision) in reviewed("features").into_iter().chain([unknown]) {
        let on = json!({ "features": { &feature: { "enabled": true } } });
        let id = service.stripe.add_configuration(&on);
        let mut variables = service.variables().to_vec();
        variables.push(("BILLING_PORTAL_STRIPE_PORTAL_CONFIGURATION".to_owned(), id));
        let outcome = command::run(&["portal-config", "verify", "--json"], &variables).await;
        let verified: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!(verified["ok"], decision == "on", "{feature}: {verified}");
    }
}
