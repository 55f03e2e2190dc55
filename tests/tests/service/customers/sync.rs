//! `customer sync`: Stripe's customers by their metadata, a page at a time.

mod continued;

use std::ops::Range;

use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;
use tokio::time::{Duration, Instant};

use super::{mappings, run};
use crate::harness::service::Service;

/// A customer of an organization, made at this time.
fn add(service: &Service, customer: &str, org_id: &str, created: i64) {
    let differing = json!({"metadata": {"org_id": org_id}, "created": created});
    service.stripe.add_customer_with(customer, &differing);
}

/// Customers `from..to`, one for each organization, without those that the fixture made.
fn add_many(service: &Service, numbers: Range<usize>) {
    for number in numbers {
        add(
            service,
            &format!("cus_{number:04}"),
            &format!("org-{number:04}"),
            1_000,
        );
    }
}

/// The pages that were asked for, as the places that they begin at.
fn pages(service: &Service) -> Vec<Option<String>> {
    let calls = service.stripe.received_at(Endpoint::Customers);
    let begin =
        |(name, value): &(String, String)| (name != "limit").then(|| format!("{name}={value}"));
    calls
        .iter()
        .map(|call| call.query.iter().find_map(begin))
        .collect()
}

#[tokio::test]
async fn every_customer_that_names_an_organization_is_linked() {
    let service = Service::start().await;
    add_many(&service, 0..250);
    add(&service, "cus_bad", "not an id", 1_000);
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    let problem = "an organization id is 1 to 64 of A-Z a-z 0-9 . _ -";
    let expected = json!({
        "read": 252, "linked": 250, "unchanged": 0, "superseded": 0, "without_organization": 1,
        "organizations_created": 250,
        "failures": [{"org": "not an id", "customer": "cus_bad", "problem": problem}],
    });
    assert_eq!((code, answer), (1, expected));
    assert_eq!(pages(&service).len(), 3, "a hundred a page");
    assert_eq!(mappings(&service).await.len(), 251);

    service.stripe.delete_customer("cus_bad");
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!(
        (code, &answer["unchanged"], &answer["linked"]),
        (0, &json!(250), &json!(0))
    );
}

/// PostgreSQL keeps no NUL: one customer must not stop the run.
#[tokio::test]
async fn names_that_cannot_be_kept_stop_no_sync() {
    let service = Service::start().await;
    let named = |customer: &str, org_id: &str, name: &str| {
        let differing = json!({"metadata": {"org_id": org_id}, "created": 1_000, "name": name});
        service.stripe.add_customer_with(customer, &differing);
    };
    named("cus_1", "first", "a\0b");
    named("cus_2", "sec\0nd", "Second");
    named("cus_3", "third", "sk_live_0123456789abcdefghijklmn");
    named("cus_4", "fourth", "Fourth");
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!((code, &answer["linked"]), (1, &json!(3)), "{answer}");
    assert_eq!(answer["failures"][0]["org"], "sec\u{fffd}nd");
    let list = service.run(&["org", "list"]).await.to_string();
    assert!(list.contains("Fourth"), "{list}");
    assert!(
        !list.contains("a\\u0000b") && !list.contains("redacted"),
        "{list}"
    );
}

#[tokio::test]
async fn an_organizations_newest_customer_is_its_customer() {
    let service = Service::start().await;
    add(&service, "cus_first", "fresh", 1_000);
    add(&service, "cus_second", "fresh", 2_000);
    add(&service, "cus_old", "acme", 3_000);
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!((code, &answer["superseded"]), (0, &json!(2)));
    assert_eq!(
        mappings(&service).await,
        ["acme cus_acme active", "fresh cus_second active"]
    );
    add(&service, "cus_new", "acme", 1_700_000_000);
    add(&service, "cus_third", "fresh", 1_700_000_000);
    run(&service, &["customer", "sync", "--existing-only"]).await;
    assert_eq!(
        mappings(&service).await,
        ["acme cus_acme active", "fresh cus_third active"],
        "an operator's customer stays"
    );
    let conflicts = service.run(&["customer", "conflicts"]).await;
    let conflicts = conflicts.as_array().expect("a list").iter();
    let named: Vec<_> = conflicts
        .map(|one| (one["customer"].as_str(), one["other"].as_str()))
        .collect();
    let expected = [
        ("cus_new", "cus_acme"),
        ("cus_old", "cus_acme"),
        ("cus_first", "cus_third"),
        ("cus_second", "cus_third"),
    ];
    for (customer, other) in expected {
        assert!(
            named.contains(&(Some(customer), Some(other))),
            "{customer} {other}: {named:?}"
        );
    }
}

#[tokio::test]
async fn the_next_customer_follows_those_that_no_longer_name_the_organization() {
    let service = Service::start().await;
    add(&service, "cus_first", "fresh", 1_000);
    add(&service, "cus_second", "fresh", 2_000);
    add(&service, "cus_third", "fresh", 3_000);
    run(&service, &["customer", "sync"]).await;
    let nameless = json!({"metadata": {}, "created": 3_000});
    service.stripe.add_customer_with("cus_third", &nameless);
    add(&service, "cus_second", "not an id", 2_000);
    let (_, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!(answer["without_organization"], 2, "one of the fixture's");
    assert_eq!(
        mappings(&service).await,
        ["acme cus_acme active", "fresh cus_first active"]
    );
    let conflicts = service.run(&["customer", "conflicts"]).await;
    assert_eq!(conflicts, json!([]));
}

/// Stripe lists the customer that moved first, while its first organization has no other one yet.
#[tokio::test]
async fn a_customer_that_moved_is_not_reported_as_failed() {
    let service = Service::start().await;
    add(&service, "cus_moved", "first", 2_000);
    run(&service, &["customer", "sync"]).await;
    add(&service, "cus_older", "first", 1_000);
    add(&service, "cus_moved", "second", 2_000);
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!((code, &answer["failures"]), (0, &json!([])), "{answer}");
    assert_eq!(
        mappings(&service).await,
        [
            "acme cus_acme active",
            "first cus_older active",
            "second cus_moved active"
        ]
    );
}

#[tokio::test]
async fn sync_waits_as_long_as_stripe_requests() {
    let service = Service::start().await;
    add_many(&service, 0..50);
    let busy = Reply::status(429).header("Retry-After", "2");
    service.stripe.answer_next(Endpoint::Customers, [busy]);
    let began = Instant::now();
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!((code, &answer["linked"]), (0, &json!(50)));
    assert!(
        began.elapsed() >= Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn sync_calls_stripe_no_more_often_than_the_rate_limit() {
    let service = Service::builder()
        .set("STRIPE_RATE_LIMIT", "10")
        .start()
        .await;
    add_many(&service, 0..2_000);
    let began = Instant::now();
    let (code, _) = run(&service, &["customer", "sync"]).await;
    let calls = service.stripe.received_at(Endpoint::Customers).len();
    assert_eq!((code, calls), (0, 21));
    // Five at once, then ten a second.
    assert!(
        began.elapsed() >= Duration::from_millis(1_500),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_stale_mapping_is_replaced_by_a_customer_that_exists() {
    let service = Service::start().await;
    service.stripe.delete_customer("cus_acme");
    service
        .create_portal_session("https://app.example.com/")
        .await;
    add(&service, "cus_real", "acme", 1_000);
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!((code, &answer["linked"]), (0, &json!(1)), "{answer}");
    assert_eq!(mappings(&service).await, ["acme cus_real active"]);
    service.run(&["customer", "unlink", "--org", "acme"]).await;
    let (_, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!(answer["superseded"], 1, "the operator unlinked it since");
    assert!(mappings(&service).await.is_empty());
}
