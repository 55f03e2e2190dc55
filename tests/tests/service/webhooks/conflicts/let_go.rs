//! S3: what becomes of conflicts, and of what customers name, when an organization gets another customer.

use std::fs;

use serde_json::{Value, json};

use super::super::{count, deliver};
use super::withdrawn::{BEFORE, changed, fresh, named};
use super::{YEAR_2020, YEAR_2023, conflict, conflicts, customer, mapping, owned};
use crate::harness::service::Service;
use crate::harness::webhook::{event, unix_time};

/// Customers name another organization later than the others.
fn named_other(id: &str, customer_id: &str, created: i64) -> Value {
    let object = customer(customer_id, "other", created);
    event(id, "customer.updated", unix_time() - BEFORE, &object)
}

async fn two_organizations() -> Service {
    let service = fresh().await;
    service.organization("other", None).await;
    service
}

/// `cus_X` was the other organization's customer and names the first one, which has a newer customer.
#[tokio::test]
async fn s3_a_customer_that_is_let_go_is_in_conflict_with_the_one_that_is_there() {
    let newer = named_other("evt_4", "cus_Z", YEAR_2023);
    for command in [None, Some("unlink"), Some("link")] {
        let service = two_organizations().await;
        deliver(&service, &named_other("evt_1", "cus_X", YEAR_2020)).await;
        deliver(&service, &named("evt_2", "cus_Y", YEAR_2023)).await;
        let moved = customer("cus_X", "fresh", YEAR_2020);
        let moved = event("evt_3", "customer.updated", unix_time(), &moved);
        deliver(&service, &moved).await;
        let expected = vec![conflict("fresh", "cus_X", "other", "another_organization")];
        assert_eq!(conflicts(&service).await, expected);
        match command {
            None => _ = deliver(&service, &newer).await,
            Some("link") => {
                let link = ["customer", "link", "--org", "other", "cus_Z"];
                service.run(&link).await;
            }
            Some(_) => {
                service.run(&["customer", "unlink", "--org", "other"]).await;
            }
        }
        let expected = vec![conflict("fresh", "cus_X", "cus_Y", "another_customer")];
        assert_eq!(conflicts(&service).await, expected, "{command:?}");
    }
}

#[tokio::test]
async fn s3_an_event_of_before_unlink_makes_no_claim() {
    let service = two_organizations().await;
    // About the organization itself, when it has another customer since.
    service
        .run(&["customer", "link", "--org", "fresh", "cus_X"])
        .await;
    service.run(&["customer", "unlink", "--org", "fresh"]).await;
    let later = |customer_id: &str, org: &str, created| {
        let object = customer(customer_id, org, created);
        event(customer_id, "customer.updated", unix_time() + 60, &object)
    };
    deliver(&service, &later("cus_V", "fresh", YEAR_2020)).await;
    deliver(&service, &named("evt_1", "cus_X", YEAR_2023)).await;
    let expected = owned("cus_V", "active", "stripe");
    assert_eq!(mapping(&service, "fresh").await, expected);

    // About another organization, when the customer has named the unlinked one since.
    deliver(&service, &later("cus_A", "other", YEAR_2023)).await;
    service.run(&["customer", "unlink", "--org", "other"]).await;
    let before = customer("cus_A", "acme", YEAR_2023);
    let before = event("evt_2", "customer.updated", unix_time() + 30, &before);
    service.run(&["customer", "unlink", "--org", "acme"]).await;
    deliver(&service, &before).await;
    assert_eq!(mapping(&service, "acme").await, None);
    assert_eq!(count(service.operations(), "older").await, 2);
}

#[tokio::test]
async fn s3_an_open_conflict_stays_open_when_its_pair_was_resolved_before() {
    let service = fresh().await;
    deliver(&service, &named("evt_1", "cus_A", YEAR_2023)).await;
    deliver(&service, &named("evt_2", "cus_B", YEAR_2020)).await;
    service.run(&["customer", "unlink", "--org", "fresh"]).await;
    for (id, customer_id, created) in [
        ("evt_3", "cus_Z", YEAR_2020 + 1),
        ("evt_4", "cus_B", YEAR_2020),
        ("evt_5", "cus_A", YEAR_2023),
    ] {
        let object = customer(customer_id, "fresh", created);
        let later = event(id, "customer.updated", unix_time() + 60, &object);
        deliver(&service, &later).await;
    }
    let mut listed = conflicts(&service).await;
    listed.sort_by_key(|conflict| conflict["customer"].to_string());
    let expected =
        ["cus_B", "cus_Z"].map(|loser| conflict("fresh", loser, "cus_A", "another_customer"));
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn s3_linking_the_other_customer_of_a_conflict_resolves_it() {
    let service = fresh().await;
    deliver(&service, &named("evt_1", "cus_A", YEAR_2023)).await;
    deliver(&service, &named("evt_2", "cus_B", YEAR_2020)).await;
    service
        .run(&["customer", "link", "--org", "fresh", "cus_B"])
        .await;
    let again = customer("cus_A", "fresh", YEAR_2023);
    deliver(
        &service,
        &event("evt_3", "customer.updated", unix_time() + 60, &again),
    )
    .await;
    assert_eq!(conflicts(&service).await, Vec::<Value>::new());
    assert_eq!(count(service.operations(), "resolved_conflict").await, 1);
}

#[tokio::test]
async fn s3_a_conflict_stays_if_its_other_customer_is_deleted_and_none_follows() {
    let service = fresh().await;
    service
        .run(&["customer", "link", "--org", "fresh", "cus_A"])
        .await;
    deliver(&service, &named("evt_1", "cus_B", YEAR_2020)).await;
    let deleted = customer("cus_A", "fresh", YEAR_2023);
    deliver(
        &service,
        &event("evt_2", "customer.deleted", unix_time(), &deleted),
    )
    .await;
    let expected = owned("cus_A", "stale", "operator");
    assert_eq!(mapping(&service, "fresh").await, expected);
    let expected = vec![conflict("fresh", "cus_B", "cus_A", "another_customer")];
    assert_eq!(conflicts(&service).await, expected);
}

#[tokio::test]
async fn s3_an_operators_file_can_move_a_customer_that_names_another_organization() {
    let service = two_organizations().await;
    deliver(&service, &named("evt_1", "cus_X", YEAR_2020)).await;
    let moved = changed("evt_2", "cus_X", &json!({"org_id": "other"}));
    deliver(&service, &moved).await;
    let file = service.file("customers.csv");
    fs::write(&file, "fresh,cus_Y\nacme,cus_X\n").expect("it is written");
    let file = file.to_str().expect("it is text");
    let imported = service
        .run(&["customer", "import", file, "--replace"])
        .await;
    assert_eq!(imported["linked"], 2, "{imported}");
    let expected = owned("cus_X", "active", "operator");
    assert_eq!(mapping(&service, "acme").await, expected);
    assert_eq!(mapping(&service, "other").await, None);
}
