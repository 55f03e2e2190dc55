//! `customer sync` after an interruption: it continues where it stopped.

use super::super::{mappings, run};
use super::{add, add_many, pages};
use crate::harness::service::Service;
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::{Value, json};
use std::ops::Range;

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
async fn a_continued_run_also_reports_the_failures_of_the_interrupted_one() {
    let service = Service::start().await;
    let customers = [
        ("cus_acme", "thief"),
        ("of/their/own", "fresh"),
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
    let expected = ["cus_acme", "cus_bad", "of/their/own"];
    assert_eq!(code, 1);
    assert!(
        customers.iter().copied().eq(expected.iter()),
        "{customers:?}"
    );
    service.stripe.delete_customer("cus_bad");
    let (_, answer) = run(&service, &["customer", "sync"]).await;
    let named = answer["failures"].as_array().map(Vec::len);
    assert_eq!(named, Some(2), "a run that is not continued starts again");
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
