//! `customer sync`: Stripe's customers by their metadata, a page at a time.

use std::ops::Range;

use conformance::stripe::{Endpoint, Reply};
use serde_json::{Value, json};
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

#[tokio::test]
async fn an_organizations_newest_customer_is_its_customer() {
    let service = Service::start().await;
    add(&service, "cus_first", "fresh", 1_000);
    add(&service, "cus_second", "fresh", 2_000);
    // The operator's word is of today.
    add(&service, "cus_old", "acme", 3_000);
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!((code, &answer["superseded"]), (0, &json!(2)));
    assert_eq!(
        mappings(&service).await,
        ["acme cus_acme active", "fresh cus_second active"]
    );
    add(&service, "cus_new", "acme", 10_000_000_000);
    run(&service, &["customer", "sync", "--existing-only"]).await;
    assert_eq!(mappings(&service).await[0], "acme cus_new active");
}

#[tokio::test]
async fn an_interrupted_run_continues_where_it_stopped_and_includes_newer_customers() {
    let service = Service::start().await;
    add_many(&service, 0..350);
    let refused = Reply::status(401);
    let replies = [page(250..350), page(150..250), refused];
    service.stripe.answer_next(Endpoint::Customers, replies);
    let outcome = service.command(&["customer", "sync"]).await;
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("run customer sync again"),
        "{}",
        outcome.stderr
    );
    assert_eq!(mappings(&service).await.len(), 201);

    add_many(&service, 350..360);
    service.stripe.forget_received();
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!((code, &answer["linked"]), (0, &json!(160)));
    let begin = pages(&service);
    assert_eq!(begin[0].as_deref(), Some("starting_after=cus_0150"));
    assert_eq!(
        begin.last().cloned().flatten().as_deref(),
        Some("ending_before=cus_0349")
    );
    assert_eq!(mappings(&service).await.len(), 361);
}

/// A page of these customers, the newest first, and not the last one.
fn page(numbers: Range<usize>) -> Reply {
    let customer = |number: usize| {
        let metadata = json!({ "org_id": format!("org-{number:04}") });
        json!({ "id": format!("cus_{number:04}"), "created": 1_000, "metadata": metadata })
    };
    let customers: Vec<Value> = numbers.rev().map(customer).collect();
    Reply::json(200, &json!({ "data": customers, "has_more": true }))
}

#[tokio::test]
async fn a_run_starts_again_if_its_saved_position_no_longer_exists() {
    let service = Service::start().await;
    add_many(&service, 0..150);
    let replies = [page(9_000..9_001), Reply::status(401)];
    service.stripe.answer_next(Endpoint::Customers, replies);
    assert_eq!(service.command(&["customer", "sync"]).await.code, 1);
    service.stripe.forget_received();
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    assert_eq!((code, &answer["linked"]), (0, &json!(150)));
    let begin = pages(&service);
    assert_eq!(
        begin[..2],
        [Some("starting_after=cus_9000".to_owned()), None]
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
async fn a_continued_run_also_reports_the_failures_of_the_interrupted_one() {
    let service = Service::start().await;
    let customers = [
        ("cus_acme", "thief"),
        ("of-their-own", "fresh"),
        ("cus_bad", "not an id"),
    ];
    for (customer, org_id) in customers {
        add(&service, customer, org_id, 1_000);
    }
    let listed = customers.iter().rev().map(|(customer, org_id)| {
        json!({"id": customer, "created": 1_000, "metadata": {"org_id": org_id}})
    });
    let first = json!({"has_more": true, "data": listed.collect::<Vec<_>>()});
    let replies = [Reply::json(200, &first), Reply::status(401)];
    service.stripe.answer_next(Endpoint::Customers, replies);
    assert_eq!(service.command(&["customer", "sync"]).await.code, 1);
    let (code, answer) = run(&service, &["customer", "sync"]).await;
    let named: Vec<_> = answer["failures"]
        .as_array()
        .expect("failures")
        .iter()
        .collect();
    let customers: Vec<_> = named.iter().map(|failure| &failure["customer"]).collect();
    let expected = ["cus_acme", "cus_bad", "of-their-own"];
    assert_eq!(code, 1);
    assert!(
        customers.iter().copied().eq(expected.iter()),
        "{customers:?}"
    );
    service.stripe.delete_customer("cus_bad");
    let (_, answer) = run(&service, &["customer", "sync"]).await;
    let named = answer["failures"].as_array().map(Vec::len);
    assert_eq!(named, Some(2), "a run that is not taken up begins anew");
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

#[tokio::test]
async fn a_list_that_repeats_a_page_stops_the_sync() {
    let service = Service::start().await;
    service
        .stripe
        .answer_always(Endpoint::Customers, page(0..2));
    let outcome = service.command(&["customer", "sync"]).await;
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("the same page twice"),
        "{}",
        outcome.stderr
    );
    assert_eq!(pages(&service).len(), 2);
    // Taken up where it was, it is no better.
    assert_eq!(service.command(&["customer", "sync"]).await.code, 1);
    assert_eq!(mappings(&service).await.len(), 3);
}
