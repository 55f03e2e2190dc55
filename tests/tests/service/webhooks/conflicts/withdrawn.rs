//! S3: a customer whose metadata no longer name an organization has no claim on it.

use serde_json::{Value, json};

use super::super::{count, deliver, service};
use super::{YEAR_2020, YEAR_2023, checkout, conflict, conflicts, customer, mapping, owned};
use crate::harness::service::Service;
use crate::harness::webhook::{event, unix_time};

/// How long ago the customers named their organization.
pub(super) const BEFORE: i64 = 10;

pub(super) fn named(id: &str, customer_id: &str, created: i64) -> Value {
    let object = customer(customer_id, "fresh", created);
    event(id, "customer.updated", unix_time() - BEFORE, &object)
}

/// The customer's metadata were changed to these.
pub(super) fn changed(id: &str, customer_id: &str, metadata: &Value) -> Value {
    let mut object = customer(customer_id, "", YEAR_2023);
    object["metadata"] = metadata.clone();
    let mut changed = event(id, "customer.updated", unix_time(), &object);
    changed["data"]["previous_attributes"] = json!({"metadata": {"org_id": "fresh"}});
    changed
}

pub(super) async fn fresh() -> Service {
    let service = service().await;
    service.organization("fresh", None).await;
    service
}

#[tokio::test]
async fn s3_the_next_customer_follows_one_that_no_longer_names_the_organization() {
    #[rustfmt::skip]
    let rows = [
        (json!({}), "applied", "nothing"),
        (json!({"org_id": "not an id"}), "applied", "what cannot be an organization"),
        (json!({"org_id": 7}), "applied", "no text"),
        (json!({"org_id": "elsewhere"}), "unknown_organization", "an organization that is not known here"),
    ];
    for (metadata, outcome, why) in rows {
        let changed = || changed("evt_3", "cus_NEW", &metadata);
        let (old, new) = (
            || named("evt_1", "cus_OLD", YEAR_2020),
            || named("evt_2", "cus_NEW", YEAR_2023),
        );
        for events in [[old(), new(), changed()], [new(), changed(), old()]] {
            let service = fresh().await;
            for event in &events {
                deliver(&service, event).await;
            }
            let left = (mapping(&service, "fresh").await, conflicts(&service).await);
            assert_eq!(
                left,
                (owned("cus_OLD", "active", "stripe"), vec![]),
                "{why}"
            );
            let operations = service.operations();
            let expected = if outcome == "applied" { 3 } else { 1 };
            assert_eq!(count(operations, outcome).await, expected, "{why}");
            // An event of before, and one that was delivered late.
            deliver(&service, &named("evt_2b", "cus_NEW", YEAR_2023)).await;
            assert_eq!(count(operations, "older").await, 1, "{why}");
            let still = mapping(&service, "fresh").await;
            assert_eq!(still, owned("cus_OLD", "active", "stripe"), "{why}");
        }
    }
}

#[tokio::test]
async fn s3_conflicts_are_those_with_the_customer_that_follows() {
    let deleted = event(
        "evt_4",
        "customer.deleted",
        unix_time(),
        &customer("cus_NEW", "fresh", YEAR_2023),
    );
    for last in [changed("evt_4", "cus_NEW", &json!({})), deleted] {
        let service = fresh().await;
        deliver(&service, &named("evt_1", "cus_NEW", YEAR_2023)).await;
        deliver(&service, &named("evt_2", "cus_MID", YEAR_2020 + 1)).await;
        deliver(&service, &named("evt_3", "cus_OLD", YEAR_2020)).await;
        let checkout = checkout(&json!({"client_reference_id": "fresh"}));
        deliver(&service, &checkout).await;
        deliver(&service, &last).await;
        assert_eq!(
            mapping(&service, "fresh").await,
            owned("cus_MID", "active", "stripe")
        );
        let mut listed = conflicts(&service).await;
        listed.sort_by_key(|conflict| conflict["customer"].to_string());
        let expected = ["cus_B", "cus_OLD"]
            .map(|loser| conflict("fresh", loser, "cus_MID", "another_customer"));
        assert_eq!(listed, expected);
    }
}

#[tokio::test]
async fn s3_a_customer_that_stays_keeps_its_conflicts() {
    let service = fresh().await;
    deliver(&service, &named("evt_1", "cus_NEW", YEAR_2023)).await;
    deliver(
        &service,
        &checkout(&json!({"client_reference_id": "fresh"})),
    )
    .await;
    deliver(&service, &changed("evt_2", "cus_NEW", &json!({}))).await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_NEW", "active", "stripe")
    );
    let expected = vec![conflict("fresh", "cus_B", "cus_NEW", "another_customer")];
    assert_eq!(conflicts(&service).await, expected);
}

#[tokio::test]
async fn s3_an_event_without_metadata_does_not_say_what_they_name() {
    let service = fresh().await;
    deliver(&service, &named("evt_1", "cus_OLD", YEAR_2020)).await;
    deliver(&service, &named("evt_2", "cus_NEW", YEAR_2023)).await;
    for metadata in [json!(null), json!("fresh"), json!([]), json!(7)] {
        deliver(&service, &changed("evt_3", "cus_NEW", &metadata)).await;
        let mapping = mapping(&service, "fresh").await;
        assert_eq!(mapping, owned("cus_NEW", "active", "stripe"), "{metadata}");
    }
}

#[tokio::test]
async fn s3_a_checkout_does_not_hide_what_the_metadata_say() {
    let service = fresh().await;
    deliver(&service, &named("evt_1", "cus_B", YEAR_2023)).await;
    deliver(&service, &named("evt_2", "cus_OLD", YEAR_2020)).await;
    deliver(
        &service,
        &checkout(&json!({"client_reference_id": "fresh"})),
    )
    .await;
    let mut withdrawn = changed("evt_3", "cus_B", &json!({}));
    withdrawn["created"] = json!(unix_time() - 1);
    deliver(&service, &withdrawn).await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_OLD", "active", "stripe")
    );
}

#[tokio::test]
async fn s3_a_customer_that_nobody_follows_stays() {
    let service = fresh().await;
    deliver(&service, &named("evt_1", "cus_NEW", YEAR_2023)).await;
    deliver(&service, &changed("evt_2", "cus_NEW", &json!({}))).await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_NEW", "active", "stripe")
    );
    deliver(&service, &named("evt_3", "cus_OLD", YEAR_2020)).await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_OLD", "active", "stripe")
    );
    assert_eq!(
        conflicts(&service).await,
        Vec::<Value>::new(),
        "only one names it"
    );
}

#[tokio::test]
async fn s3_a_deleted_customer_is_not_followed_by_one_that_no_longer_names_the_organization() {
    let service = fresh().await;
    deliver(&service, &named("evt_1", "cus_OLD", YEAR_2020)).await;
    deliver(&service, &named("evt_2", "cus_NEW", YEAR_2023)).await;
    deliver(&service, &changed("evt_3", "cus_OLD", &json!({}))).await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_NEW", "active", "stripe")
    );
    assert_eq!(
        conflicts(&service).await,
        Vec::<Value>::new(),
        "nothing is left to decide"
    );
    let deleted = customer("cus_NEW", "fresh", YEAR_2023);
    deliver(
        &service,
        &event("evt_4", "customer.deleted", unix_time(), &deleted),
    )
    .await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_NEW", "stale", "stripe")
    );
}

#[tokio::test]
async fn s3_an_event_that_arrives_before_the_one_of_the_claim_counts() {
    let service = fresh().await;
    deliver(&service, &changed("evt_2", "cus_NEW", &json!({}))).await;
    deliver(&service, &named("evt_1", "cus_NEW", YEAR_2023)).await;
    assert_eq!(mapping(&service, "fresh").await, None);
    // The customer names it again.
    let again = customer("cus_NEW", "fresh", YEAR_2023);
    deliver(
        &service,
        &event("evt_3", "customer.updated", unix_time(), &again),
    )
    .await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_NEW", "active", "stripe")
    );
}

#[tokio::test]
async fn s3_metadata_do_not_end_what_a_checkout_said_nor_what_an_operator_decided() {
    let service = fresh().await;
    deliver(
        &service,
        &checkout(&json!({"client_reference_id": "fresh"})),
    )
    .await;
    deliver(&service, &changed("evt_2", "cus_B", &json!({}))).await;
    assert_eq!(count(service.operations(), "no_organization").await, 1);
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_B", "active", "stripe")
    );

    deliver(&service, &named("evt_3", "cus_OLD", YEAR_2020)).await;
    service
        .run(&["customer", "link", "--org", "fresh", "cus_B"])
        .await;
    deliver(&service, &changed("evt_4", "cus_B", &json!({}))).await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_B", "active", "operator")
    );
}
