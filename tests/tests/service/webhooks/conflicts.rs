//! S1 to S3: which events change an organization's customer, and which are conflicts for an operator to resolve.

use serde_json::{Value, json};

use super::{count, deliver, service};
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, event, signed, unix_time};

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
    assert_eq!(
        mapping(&service, "acme").await,
        owned("cus_A", "active", "operator")
    );
}

#[tokio::test]
async fn s2_an_event_of_another_account_is_ignored_unless_the_setting_names_it() {
    #[rustfmt::skip]
    let rows = [
        (json!({}), None, true, "an event of our own account names none"),
        (json!({"account": null, "context": null}), None, true, "null is none"),
        (json!({"account": "acct_ours"}), None, false, "an account without the setting"),
        (json!({"context": "acct_other"}), None, false, "a context without the setting"),
        (json!({"account": "acct_ours"}), Some("acct_ours"), true, "ours"),
        (json!({"context": "acct_ours"}), Some("acct_ours"), true, "ours as context"),
        (json!({"context": "org_1/acct_ours"}), Some("acct_ours"), true, "ours in an organization"),
        (json!({"account": "acct_ours", "context": "acct_other"}), Some("acct_ours"), false, "one of the two is another"),
        (json!({"account": "acct_other", "context": "acct_ours"}), Some("acct_ours"), false, "one of the two is another"),
        (json!({"context": "acct_ours/acct_other"}), Some("acct_ours"), false, "the last part counts"),
        (json!({"account": ""}), Some("acct_ours"), false, "empty is not ours"),
        (json!({"context": 7}), Some("acct_ours"), false, "no text is not ours"),
        (json!({}), Some("acct_ours"), true, "none with the setting"),
    ];
    for (scope, setting, is_ours, why) in rows {
        let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
        let builder = match setting {
            Some(account) => builder.set("STRIPE_ACCOUNT", account),
            None => builder,
        };
        let service = builder.start().await;
        service.organization("fresh", None).await;
        let mut event = event(
            "evt_1",
            "customer.created",
            unix_time(),
            &customer("cus_1", "fresh", YEAR_2020),
        );
        for (name, value) in scope.as_object().expect("fields") {
            event[name] = value.clone();
        }
        deliver(&service, &event).await;
        let expected = if is_ours {
            owned("cus_1", "active", "stripe")
        } else {
            None
        };
        assert_eq!(mapping(&service, "fresh").await, expected, "{why}");
        let ignored = count(service.operations(), "other_account").await;
        assert_eq!(ignored, usize::from(!is_ours), "{why}");
    }
}

#[tokio::test]
async fn s3_the_customer_that_was_created_last_wins_in_whatever_order_events_arrive() {
    let now = unix_time();
    let old = |id: &str, created| {
        event(
            id,
            "customer.updated",
            created,
            &customer("cus_OLD", "fresh", YEAR_2020),
        )
    };
    let new = |id: &str, created| {
        event(
            id,
            "customer.updated",
            created,
            &customer("cus_NEW", "fresh", YEAR_2023),
        )
    };
    let orders = [
        vec![
            old("evt_1", now - 9),
            new("evt_2", now - 8),
            old("evt_3", now),
        ],
        vec![new("evt_2", now - 8), old("evt_3", now)],
        vec![old("evt_3", now), new("evt_2", now - 8)],
    ];
    for events in orders {
        let service = service().await;
        service.organization("fresh", None).await;
        for event in &events {
            deliver(&service, event).await;
        }
        assert_eq!(
            mapping(&service, "fresh").await,
            owned("cus_NEW", "active", "stripe")
        );
        let expected = vec![conflict("fresh", "cus_OLD", "cus_NEW", "another_customer")];
        assert_eq!(conflicts(&service).await, expected, "reported once");
    }
}

#[tokio::test]
async fn s3_when_the_newest_customer_is_deleted_the_next_living_one_follows() {
    let service = service().await;
    service.organization("fresh", None).await;
    let now = unix_time();
    for (id, customer_id, created) in [
        ("evt_1", "cus_OLD", YEAR_2020),
        ("evt_2", "cus_NEW", YEAR_2023),
    ] {
        let created = customer(customer_id, "fresh", created);
        deliver(&service, &event(id, "customer.created", now, &created)).await;
    }
    let deleted = customer("cus_NEW", "fresh", YEAR_2023);
    deliver(&service, &event("evt_3", "customer.deleted", now, &deleted)).await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_OLD", "active", "stripe")
    );
    assert_eq!(
        conflicts(&service).await,
        Vec::<Value>::new(),
        "nothing is left to decide"
    );
}

#[tokio::test]
async fn m12_an_event_from_the_future_changes_nothing() {
    let service = service().await;
    service.organization("fresh", None).await;
    let now = unix_time();
    let ahead = now + 301;
    let rows = [
        (
            event(
                "evt_1",
                "customer.created",
                ahead + 5,
                &customer("cus_1", "fresh", now),
            ),
            false,
        ),
        (
            event(
                "evt_2",
                "customer.created",
                now,
                &customer("cus_1", "fresh", ahead + 5),
            ),
            false,
        ),
        (
            event(
                "evt_3",
                "customer.created",
                i64::MAX,
                &customer("cus_1", "fresh", now),
            ),
            false,
        ),
        (
            event(
                "evt_4",
                "customer.created",
                now + 200,
                &customer("cus_1", "fresh", now),
            ),
            true,
        ),
    ];
    for (event, is_followed) in rows {
        let delivery = signed(&event);
        assert_eq!(send(service.api(), &delivery).await.status, 200);
        assert_eq!(
            mapping(&service, "fresh").await.is_some(),
            is_followed,
            "{event}"
        );
    }
    assert_eq!(count(service.operations(), "future_event").await, 3);
}

#[tokio::test]
async fn the_metadata_key_of_the_organization_is_a_setting() {
    let service = Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .set("STRIPE_ORGANIZATION_METADATA_KEY", "tenant")
        .start()
        .await;
    service.organization("fresh", None).await;
    let named =
        |key: &str| json!({"id": "cus_1", "created": YEAR_2020, "metadata": {key: "fresh"}});
    deliver(
        &service,
        &event("evt_1", "customer.created", unix_time(), &named("org_id")),
    )
    .await;
    assert_eq!(mapping(&service, "fresh").await, None);
    deliver(
        &service,
        &event("evt_2", "customer.created", unix_time(), &named("tenant")),
    )
    .await;
    assert_eq!(
        mapping(&service, "fresh").await,
        owned("cus_1", "active", "stripe")
    );
}
