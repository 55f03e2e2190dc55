//! M4: the service's configuration is retrieved by its id, and what it reads of a list is bounded.

use std::time::Duration;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Reply, SimulatedStripe};
use serde_json::{Value, json};

use crate::harness::database::Database;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, event, signed, unix_time};

const CONFIGURATIONS: &str = "/v1/billing_portal/configurations";

/// The calls about configurations since the last look: method, path and query.
fn calls(stripe: &SimulatedStripe) -> Vec<String> {
    let calls = stripe.received_at(Endpoint::Configurations);
    stripe.forget_received();
    let written = calls.iter().map(|call| {
        let query = call
            .query
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let query: Vec<_> = query.collect();
        let path = call.path.replace(CONFIGURATIONS, "");
        format!("{} {path}?{}", call.method, query.join("&"))
    });
    written.collect()
}

fn id_of_ours(stripe: &SimulatedStripe) -> String {
    let configurations = stripe.configurations();
    let is_ours = |one: &&Value| one["metadata"]["managed_by"] == "billing-portal";
    let ours = configurations.iter().find(is_ours).expect("ours");
    ours["id"].as_str().expect("an id").to_owned()
}

/// Delivers an event about a configuration.
async fn deliver(service: &Service, number: usize, configuration: &Value) {
    let kind = "billing_portal.configuration.updated";
    let id = format!("evt_{number}");
    let delivery = signed(&event(&id, kind, unix_time(), configuration));
    assert_eq!(send(service.api(), &delivery).await.status, 200);
}

async fn count(service: &Service, outcome: &str) -> Option<u64> {
    let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
    let series = format!("billing_portal_webhooks_total{{outcome=\"{outcome}\"}} ");
    let line = metrics
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(&series))
        .map(str::to_owned);
    line.and_then(|count| count.parse().ok())
}

#[tokio::test]
async fn m4_an_event_about_another_configuration_costs_no_call() {
    let service = Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .start()
        .await;
    let ours = id_of_ours(&service.stripe);
    let theirs = service
        .stripe
        .add_configuration(&json!({"features": {"subscription_cancel": {"enabled": true}}}));
    service.stripe.forget_received();
    let others = [
        json!({"id": theirs}),
        json!({"id": "bpc_unknown"}),
        json!({"id": ours.to_uppercase()}),
        json!({"id": format!("{ours}0")}),
        json!({"id": [ours]}),
        json!({"id": null}),
        json!({}),
    ];
    for (number, other) in others.iter().enumerate() {
        deliver(&service, number, other).await;
        assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    }
    // Long enough for a recheck, if one had been started.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(calls(&service.stripe), Vec::<String>::new());
    assert_eq!(count(&service, "other_configuration").await, Some(7));
    assert_eq!(count(&service, "configuration_recheck").await, None);
}

#[tokio::test]
async fn m4_an_event_about_our_configuration_costs_one_call_among_thousands() {
    let service = Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .start()
        .await;
    let ours = id_of_ours(&service.stripe);
    for _ in 0..2_000 {
        _ = service.stripe.add_configuration(&json!({}));
    }
    service.stripe.forget_received();
    for number in 0..3 {
        deliver(&service, number, &json!({"id": ours})).await;
        while service
            .stripe
            .received_at(Endpoint::Configurations)
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
        assert_eq!(calls(&service.stripe), [format!("GET /{ours}?")]);
    }
    assert_eq!(count(&service, "configuration_recheck").await, Some(3));
    // The commands and a service that is started again know the id from the database.
    for command in ["show", "verify", "ensure"] {
        let shown = service.run(&["portal-config", command]).await;
        assert_eq!(shown["id"], json!(ours));
        assert_eq!(
            calls(&service.stripe),
            [format!("GET /{ours}?")],
            "{command}"
        );
    }
    let restarted = Process::beside(&service, &[]).await;
    assert_eq!(calls(&service.stripe), [format!("GET /{ours}?")]);
    restarted.kill().await;
}

#[tokio::test]
async fn m4_an_event_about_a_named_configuration_is_followed_and_no_other() {
    let stripe = std::sync::Arc::new(SimulatedStripe::builder().start().await.expect("a port"));
    let named = stripe.add_configuration(&json!({}));
    let service = Service::builder()
        .stripe(&stripe)
        .set("STRIPE_PORTAL_CONFIGURATION", &named)
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .start()
        .await;
    calls(&stripe);
    deliver(&service, 0, &json!({"id": "bpc_other"})).await;
    deliver(&service, 1, &json!({"id": named})).await;
    while stripe.received_at(Endpoint::Configurations).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(calls(&stripe), [format!("GET /{named}?")]);
    assert_eq!(count(&service, "other_configuration").await, Some(1));
    assert_eq!(count(&service, "configuration_recheck").await, Some(1));
}

#[tokio::test]
async fn m4_a_search_reads_a_hundred_at_a_time_and_records_what_it_finds() {
    let stripe = std::sync::Arc::new(SimulatedStripe::builder().start().await.expect("a port"));
    Service::builder()
        .stripe(&stripe)
        .start()
        .await
        .drain()
        .await;
    let ours = id_of_ours(&stripe);
    let others: Vec<_> = (0..250)
        .map(|_| stripe.add_configuration(&json!({})))
        .collect();
    calls(&stripe);
    // Another database, so its service does not know the id.
    let service = Service::builder().stripe(&stripe).start().await;
    let (first, second) = (&others[150], &others[50]);
    let expected = [
        "GET ?limit=100".to_owned(),
        format!("GET ?limit=100&starting_after={first}"),
        format!("GET ?limit=100&starting_after={second}"),
    ];
    assert_eq!(calls(&stripe), expected);
    let ensured = service.run(&["portal-config", "ensure"]).await;
    assert_eq!(
        (&ensured["id"], stripe.configurations().len()),
        (&json!(ours), 251)
    );
    assert_eq!(calls(&stripe), [format!("GET /{ours}?")]);
}

#[tokio::test]
async fn m4_an_id_that_stripe_does_not_know_any_more_is_replaced() {
    let service = Service::start().await;
    let ours = id_of_ours(&service.stripe);
    let mut database = Database::open(&service).await;
    database
        .execute("UPDATE portal_configurations SET id = 'bpc_ofAnotherAccount'")
        .await;
    calls(&service.stripe);
    service.run(&["portal-config", "ensure"]).await;
    let expected = ["GET /bpc_ofAnotherAccount?", "GET ?limit=100"];
    assert_eq!(calls(&service.stripe), expected);
    service.run(&["portal-config", "ensure"]).await;
    assert_eq!(calls(&service.stripe), [format!("GET /{ours}?")]);
}

/// A page with one configuration of somebody else, after which there are more.
fn page(id: &str) -> Reply {
    let data = json!([{"id": id, "object": "billing_portal.configuration", "metadata": {}}]);
    Reply::json(
        200,
        &json!({"object": "list", "data": data, "has_more": true}),
    )
}

#[tokio::test]
async fn m4_a_list_that_repeats_a_page_is_not_read_again() {
    let deviations: [(&[&str], usize); 4] = [
        (&["bpc_1", "bpc_1"], 2),
        (&["bpc_1", "bpc_2", "bpc_1"], 3),
        (&["bpc_1", "bpc_2", "bpc_3", "bpc_2"], 4),
        (&["&limit=1", "&limit=1"], 2),
    ];
    for (ids, expected) in deviations {
        let stripe = std::sync::Arc::new(SimulatedStripe::builder().start().await.expect("a port"));
        stripe.answer_next(Endpoint::Configurations, ids.iter().map(|id| page(id)));
        stripe.answer_always(Endpoint::Configurations, Reply::status(400));
        let service = Service::builder().stripe(&stripe).start_unverified().await;
        while service.readiness().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let answer = service.create_portal_session(RETURN_URL).await;
        answer.assert_error("BILLING_PORTAL_UNAVAILABLE");
        // Whatever follows is the beginning of the next verification.
        let calls = calls(&stripe);
        let (read, later) = calls.split_at(expected);
        assert!(
            read[1..]
                .iter()
                .all(|call| call.contains("starting_after=")),
            "{calls:?}"
        );
        assert!(
            later.iter().all(|call| call == "GET ?limit=100"),
            "{calls:?}"
        );
        assert!(stripe.configurations().is_empty(), "none is created");
    }
}

#[tokio::test]
async fn m4_a_list_that_never_ends_is_read_for_a_hundred_pages() {
    let stripe = std::sync::Arc::new(SimulatedStripe::builder().start().await.expect("a port"));
    let pages = (0..100).map(|number| page(&format!("bpc_{number}")));
    stripe.answer_next(Endpoint::Configurations, pages);
    let service = Service::builder().stripe(&stripe).start().await;
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    let calls = calls(&stripe);
    assert_eq!((calls.len(), calls[100].as_str()), (101, "POST ?"));
    let mut distinct = calls.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 101, "no page twice");
}

#[tokio::test]
async fn m4_another_configuration_in_the_place_of_the_requested_one_is_refused() {
    let service = Service::start().await;
    let mut other = service.stripe.configurations()[0].clone();
    for id in [
        json!("bpc_other"),
        json!(""),
        json!(null),
        json!("../customers/cus_acme"),
    ] {
        other["id"] = id.clone();
        let reply = Reply::json(200, &other);
        service
            .stripe
            .answer_next(Endpoint::Configurations, [reply]);
        let outcome = service.command(&["portal-config", "verify"]).await;
        assert_eq!(outcome.code, 1, "{id}");
        assert!(
            outcome
                .stderr
                .contains("invalid_response (configuration_mismatch)"),
            "{id}: {}",
            outcome.stderr
        );
    }
}
