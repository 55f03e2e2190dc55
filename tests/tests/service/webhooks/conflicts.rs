//! S1 to S3: which events change an organization's customer, and which are conflicts for an operator to resolve.

mod let_go;
mod moved;
mod newest;
mod settings;
mod withdrawn;

use serde_json::{Value, json};

use super::{count, deliver, service};
use crate::harness::service::Service;
use crate::harness::webhook::{event, unix_time};

/// When the tests' customers were created at Stripe.
const YEAR_2020: i64 = 1_580_000_000;
const YEAR_2023: i64 = 1_680_000_000;

/// `customer list` of one organization: customer, state and source.
async fn mapping(service: &Service, org: &str) -> Option<[String; 3]> {
    let links = service.run(&["customer", "list"]).await;
    let link = links.as_array()?.iter().find(|link| link["org"] == org)?;
    let text = |name: &str| link[name].as_str().map(str::to_owned);
    Some([text("customer")?, text("state")?, text("source")?])
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is compared with what may be none"
)]
fn owned(customer: &str, state: &str, source: &str) -> Option<[String; 3]> {
    Some([customer, state, source].map(str::to_owned))
}

/// `customer conflicts` without the time.
async fn conflicts(service: &Service) -> Vec<Value> {
    let mut conflicts = service.run(&["customer", "conflicts"]).await;
    let conflicts = conflicts.as_array_mut().expect("a list");
    for conflict in conflicts.iter_mut() {
        let seen = conflict
            .as_object_mut()
            .and_then(|one| one.remove("seen_at"));
        assert!(seen.is_some_and(|seen| seen.is_string()), "{conflict}");
    }
    std::mem::take(conflicts)
}

fn conflict(org: &str, customer: &str, other: &str, reason: &str) -> Value {
    json!({"org": org, "customer": customer, "other": other, "reason": reason})
}

fn customer(id: &str, org: &str, created: i64) -> Value {
    json!({"id": id, "object": "customer", "created": created, "metadata": {"org_id": org}})
}

fn checkout(fields: &Value) -> Value {
    let mut session = json!({
        "object": "checkout.session", "mode": "subscription", "payment_status": "paid", "payment_link": null,
        "customer": "cus_B", "client_reference_id": null, "metadata": {},
    });
    for (name, value) in fields.as_object().expect("fields") {
        session[name] = value.clone();
    }
    event(
        "evt_checkout",
        "checkout.session.completed",
        unix_time(),
        &session,
    )
}

#[tokio::test]
async fn s1_nothing_that_a_payer_controls_replaces_an_operators_customer() {
    let now = unix_time();
    #[rustfmt::skip]
    let rows = [
        (checkout(&json!({"payment_link": "plink_1", "client_reference_id": "acme"})), "no_organization", "a payment link's reference is the payer's"),
        (checkout(&json!({"client_reference_id": "acme"})), "customer_conflict", "a checkout of the operator's"),
        (checkout(&json!({"metadata": {"org_id": "acme"}})), "customer_conflict", "a checkout with metadata"),
        (event("evt_1", "customer.created", now, &customer("cus_B", "acme", now)), "customer_conflict", "a newer customer"),
        (event("evt_2", "customer.updated", now, &customer("cus_B", "acme", YEAR_2020)), "customer_conflict", "an older customer"),
    ];
    for (event, outcome, why) in rows {
        let service = service().await;
        service
            .run(&["customer", "link", "--org", "acme", "cus_A"])
            .await;
        deliver(&service, &event).await;
        assert_eq!(
            mapping(&service, "acme").await,
            owned("cus_A", "active", "operator"),
            "{why}"
        );
        assert_eq!(count(service.operations(), outcome).await, 1, "{why}");
        let expected = match outcome {
            "customer_conflict" => vec![conflict("acme", "cus_B", "cus_A", "another_customer")],
            _ => vec![],
        };
        assert_eq!(conflicts(&service).await, expected, "{why}");
    }
}

#[tokio::test]
async fn s1_a_checkout_links_only_an_organization_without_an_active_customer() {
    #[rustfmt::skip]
    let rows = [
        (json!({"client_reference_id": "fresh"}), true, "the operator's own session"),
        (json!({"metadata": {"org_id": "fresh"}, "payment_link": "plink_1"}), true, "metadata of the operator's payment link"),
        (json!({"client_reference_id": "fresh", "payment_link": "plink_1"}), false, "a payer wrote the reference"),
        (json!({"client_reference_id": "fresh", "mode": "payment", "payment_status": "unpaid"}), false, "not paid"),
        (json!({"client_reference_id": "fresh", "mode": "setup", "payment_status": "no_payment_required"}), true, "nothing to pay"),
        (json!({"client_reference_id": "fresh", "mode": "payment", "payment_status": "paid"}), true, "paid"),
        (json!({"client_reference_id": "fresh", "mode": "subscription", "payment_status": "unpaid"}), true, "a subscription"),
        (json!({"client_reference_id": "fresh", "customer": {"id": "cus_B", "deleted": true}}), false, "a deleted customer"),
    ];
    for (fields, links, why) in rows {
        let service = service().await;
        service.organization("fresh", None).await;
        deliver(&service, &checkout(&fields)).await;
        let expected = if links {
            owned("cus_B", "active", "stripe")
        } else {
            None
        };
        assert_eq!(mapping(&service, "fresh").await, expected, "{why}");
        assert_eq!(conflicts(&service).await, Vec::<Value>::new(), "{why}");
    }
}

#[tokio::test]
async fn s1_a_customer_of_one_organization_is_never_taken_by_another() {
    let service = service().await;
    service.organization("fresh", None).await;
    service
        .run(&["customer", "link", "--org", "acme", "cus_B"])
        .await;
    let now = unix_time();
    for event in [
        checkout(&json!({"client_reference_id": "fresh"})),
        event(
            "evt_1",
            "customer.updated",
            now,
            &customer("cus_B", "fresh", now),
        ),
    ] {
        deliver(&service, &event).await;
    }
    assert_eq!(mapping(&service, "fresh").await, None);
    assert_eq!(
        mapping(&service, "acme").await,
        owned("cus_B", "active", "operator")
    );
    let expected = vec![conflict("fresh", "cus_B", "acme", "another_organization")];
    assert_eq!(conflicts(&service).await, expected, "once for both events");
}

#[tokio::test]
async fn s1_customer_link_resolves_conflicts_and_they_are_not_reported_again() {
    let service = service().await;
    service
        .run(&["customer", "link", "--org", "acme", "cus_A"])
        .await;
    let claims = |id: &str| {
        event(
            id,
            "customer.updated",
            unix_time(),
            &customer("cus_B", "acme", YEAR_2023),
        )
    };
    deliver(&service, &claims("evt_1")).await;
    assert_eq!(conflicts(&service).await.len(), 1);
    let doctor = service.command(&["doctor", "--json"]).await;
    let doctor: Value = serde_json::from_str(&doctor.stdout).expect("JSON");
    let check = doctor["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .find(|check| check["name"] == "customer_conflicts");
    let fix = check.expect("the check")["fix"].as_str().expect("a fix");
    assert!(fix.contains("billing-portal customer link --org"), "{fix}");

    service
        .run(&["customer", "link", "--org", "acme", "cus_A"])
        .await;
    assert_eq!(conflicts(&service).await, Vec::<Value>::new());
    deliver(&service, &claims("evt_2")).await;
    assert_eq!(
        conflicts(&service).await,
        Vec::<Value>::new(),
        "it is decided"
    );
    let counts = [
        count(service.operations(), "customer_conflict").await,
        count(service.operations(), "resolved_conflict").await,
    ];
    assert_eq!(counts, [1, 1], "a decided one raises no alert");
    assert_eq!(
        mapping(&service, "acme").await,
        owned("cus_A", "active", "operator")
    );
}

#[tokio::test]
async fn s3_a_conflict_is_reported_again_after_unlink() {
    let service = service().await;
    let claims = |id: &str, customer_id: &str, created| {
        let object = customer(customer_id, "acme", created);
        // Later than the commands.
        event(id, "customer.updated", unix_time() + 60, &object)
    };
    service
        .run(&["customer", "link", "--org", "acme", "cus_A"])
        .await;
    deliver(&service, &claims("evt_1", "cus_B", YEAR_2020)).await;
    let expected = vec![conflict("acme", "cus_B", "cus_A", "another_customer")];
    assert_eq!(conflicts(&service).await, expected);
    service.run(&["customer", "unlink", "--org", "acme"]).await;
    assert_eq!(conflicts(&service).await, Vec::<Value>::new());

    deliver(&service, &claims("evt_2", "cus_B", YEAR_2020)).await;
    deliver(&service, &claims("evt_3", "cus_A", YEAR_2023)).await;
    assert_eq!(
        mapping(&service, "acme").await,
        owned("cus_A", "active", "stripe")
    );
    assert_eq!(conflicts(&service).await, expected);
}
