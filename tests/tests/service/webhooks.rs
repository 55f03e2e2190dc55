//! Stripe's webhooks: every case of `corpora/webhook_cases.json`, what keeps the mapping beyond them, and that events
//! in any order, repeated and at once, come to the same end.

mod case;
mod commands;
mod conflicts;
mod corpus;
mod delivery;
mod load;
mod operator_links;
mod order;

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, customer, event, signature, signed, unix_time, unsigned};
use billing_portal_tests::http_message::TestResponse;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

const RECEIVED: &str = r#"{"success":true,"data":{"received":true}}"#;

async fn service() -> Service {
    Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .start()
        .await
}

async fn deliver(service: &Service, event: &Value) -> TestResponse {
    let answer = send(service.api(), &signed(event)).await;
    answer.assert_body(200, RECEIVED);
    answer
}

/// What the organization's mapping is: none, or the customer and its state.
async fn mapping(service: &Service, org: &str) -> Option<(String, String)> {
    let links = service.run(&["customer", "list"]).await;
    let links = links.as_array().expect("a list");
    let link = links.iter().find(|link| link["org"] == org)?;
    let text = |name: &str| link[name].as_str().map(str::to_owned);
    Some((text("customer")?, text("state")?))
}

/// How many deliveries had this outcome, as the metrics tell.
pub(crate) async fn count(operations: SocketAddr, outcome: &str) -> usize {
    let metrics = send(operations, &TestRequest::get("/metrics")).await;
    let series = format!("billing_portal_webhooks_total{{outcome=\"{outcome}\"}} ");
    let lines = metrics.text().lines();
    let count = lines.filter_map(|line| line.strip_prefix(&series)?.parse::<usize>().ok());
    count.sum()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is compared with what may be none"
)]
fn active(customer: &str) -> Option<(String, String)> {
    Some((customer.to_owned(), "active".to_owned()))
}

#[tokio::test]
async fn without_a_webhook_secret_there_is_no_webhook_endpoint() {
    let service = Service::start().await;
    let created = event("evt_1", "customer.created", unix_time(), &json!({}));
    let answer = send(service.api(), &signed(&created)).await;
    answer.assert_error("NOT_FOUND");
}

#[tokio::test]
async fn a_webhook_links_a_new_customer_and_unlinks_a_deleted_one() {
    let service = service().await;
    let key = service.organization("fresh", None).await;
    let portal = TestRequest::portal(&key, RETURN_URL);
    let answer = service.send(&portal).await;
    answer.assert_error("NO_STRIPE_CUSTOMER");

    service.stripe.add_customer("cus_fresh");
    let (now, fresh) = (unix_time(), customer("cus_fresh", "fresh"));
    deliver(&service, &event("evt_1", "customer.created", now, &fresh)).await;
    assert_eq!(service.send(&portal).await.status, 200);

    deliver(&service, &event("evt_2", "customer.deleted", now, &fresh)).await;
    let answer = service.send(&portal).await;
    answer.assert_error("NO_STRIPE_CUSTOMER");
    let links = service.run(&["customer", "list"]).await;
    assert_eq!(
        links[1],
        json!({"org": "fresh", "customer": "cus_fresh", "state": "stale", "source": "stripe", "reason": "deleted"})
    );
}

#[tokio::test]
async fn a_checkout_names_its_organization_in_metadata_or_as_its_reference() {
    let now = unix_time();
    #[rustfmt::skip]
    let rows = [
        (json!({"customer": "cus_1", "client_reference_id": "fresh", "mode": "subscription"}), active("cus_1"), "the reference"),
        (json!({"customer": "cus_1", "client_reference_id": null, "metadata": {"org_id": "fresh"}, "mode": "subscription"}), active("cus_1"), "the metadata"),
        (json!({"customer": "cus_1", "client_reference_id": "acme", "metadata": {"org_id": "fresh"}, "mode": "subscription"}), active("cus_1"), "the metadata are ours alone"),
        (json!({"customer": {"id": "cus_1", "object": "customer"}, "client_reference_id": "fresh", "mode": "subscription"}), active("cus_1"), "an expanded customer"),
        (json!({"customer": null, "client_reference_id": "fresh"}), None, "a guest"),
        (json!({"customer": "cus_1", "client_reference_id": null}), None, "nobody's"),
        (json!({"customer": "cus_1", "client_reference_id": 7}), None, "no text"),
        (json!({"customer": "sub/1", "client_reference_id": "fresh"}), None, "no customer"),
        (json!("a string"), None, "no object"),
    ];
    for (object, expected, why) in rows {
        let service = service().await;
        service.organization("fresh", None).await;
        deliver(
            &service,
            &event("evt_1", "checkout.session.completed", now, &object),
        )
        .await;
        assert_eq!(mapping(&service, "fresh").await, expected, "{why}");
    }
}

#[tokio::test]
async fn foreign_events_are_accepted_and_change_nothing() {
    let service = service().await;
    service.organization("fresh", None).await;
    let good = event(
        "evt_1",
        "customer.created",
        unix_time(),
        &customer("cus_1", "fresh"),
    );
    let with = |field: &str, value: Value| {
        let mut event = good.clone();
        event[field] = value;
        event
    };
    #[rustfmt::skip]
    let rows = [
        (with("livemode", json!(false)), 200, "the other mode"),
        (with("account", json!("acct_1")), 200, "a connected account"),
        (with("object", json!("v2.core.event")), 200, "a thin event"),
        (json!({"object": "v2.core.event", "id": "evt_t", "type": "v1.customer.created", "created": "2026-01-01T00:00:00.000Z"}), 200, "a thin event as they are"),
        (with("type", json!("customer.source.created")), 200, "another type"),
        (with("data", json!({})), 200, "nothing in it"),
        (with("data", Value::Null), 400, "no data"),
        (with("id", json!("")), 400, "no id"),
        (with("created", json!("yesterday")), 400, "no time"),
    ];
    for (event, status, why) in rows {
        let answer = send(service.api(), &signed(&event)).await;
        assert_eq!(answer.status, status, "{why}");
        assert_eq!(mapping(&service, "fresh").await, None, "{why}");
    }
    deliver(&service, &good).await;
    assert_eq!(mapping(&service, "fresh").await, active("cus_1"));
}

#[tokio::test]
async fn l12_an_event_that_repeats_a_name_is_refused() {
    let service = service().await;
    service.organization("fresh", None).await;
    let good = event(
        "evt_1",
        "customer.created",
        unix_time(),
        &customer("cus_1", "fresh"),
    );
    let text = good.to_string();
    // Each puts a second value of a name behind the first.
    #[rustfmt::skip]
    let rows = [
        (r#""id":"cus_1""#, r#""id":"cus_1","id":"cus_2""#, "in the object"),
        (r#""org_id":"fresh""#, r#""org_id":"fresh","org_id":"acme""#, "in its metadata"),
        (r#""metadata":{"#, r#""more":[{"a":1,"a":1}],"metadata":{"#, "in a list of it"),
        (r#""livemode":true,"metadata""#, r#""\u0069d":"cus_2","livemode":true,"metadata""#, "escaped"),
        (r#""type":"#, r#""type":"invoice.paid","type":"#, "in the event"),
        (r#""request":{"#, r#""request":{"id":null,"#, "in a part that is not looked at"),
    ];
    for (part, repeated, why) in rows {
        assert_eq!(text.matches(part).count(), 1, "{why}: {text}");
        let body = text.replace(part, repeated).into_bytes();
        let time = unix_time().to_string();
        let header = format!("t={time},v1={}", signature(SECRET, &time, &body));
        let delivery = unsigned(body).with_header("Stripe-Signature", header);
        let answer = send(service.api(), &delivery).await;
        answer.assert_error("BAD_REQUEST");
        assert_eq!(mapping(&service, "fresh").await, None, "{why}");
    }
    deliver(&service, &good).await;
    assert_eq!(mapping(&service, "fresh").await, active("cus_1"));
}
