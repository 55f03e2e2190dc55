//! What a case of the corpus delivers: its events, signed as it says, and tampered with.

use serde_json::{Value, json};

use super::case::{Request, Signature, Signatures};
use crate::harness::webhook::{SECRET, customer, event, signature, unsigned};
use billing_portal_tests::http_message::TestRequest;

/// One that is being replaced, and one that was.
pub(super) const OLD_SECRET: &str = "whsec_old";
const REMOVED_SECRET: &str = "whsec_removed";

/// The service's time.
pub(super) const TIME: &str = "2026-05-22T12:00:00Z";
const NOW: i64 = 1_779_451_200;

/// What is delivered, one after the other.
pub(super) fn deliveries(request: &Request, key: &str) -> Vec<TestRequest> {
    let path = format!(
        "/webhooks/stripe{}",
        if request.path == "/" { "" } else { "/" }
    );
    let bodies = match (&request.body, request.body_bytes) {
        (Some(body), _) => vec![body.clone().into_bytes()],
        (None, Some(length)) => vec![padded(length)],
        (None, None) => {
            let events = events(&request.event).into_iter();
            events
                .map(|event| format!("{event:#}").into_bytes())
                .collect()
        }
    };
    let asks = bodies.into_iter().map(|body| {
        let mut signed_request = signed(request, &body)
            .with_method(&request.method)
            .with_path(&path);
        signed_request = signed_request.with_header("Content-Type", &request.content_type);
        if let Some(authorization) = &request.authorization {
            signed_request =
                signed_request.with_header("Authorization", authorization.replace("{{OK}}", key));
        }
        match request.tamper.as_deref() {
            None => signed_request,
            Some("body") => signed_request.with_body([body.as_slice(), b" "].concat()),
            Some("reserialise") => {
                let event: Value = serde_json::from_slice(&body).expect("an event");
                signed_request.with_body(event.to_string())
            }
            Some(other) => panic!("{other} is no way to tamper"),
        }
    });
    let asks: Vec<TestRequest> = asks.collect();
    asks.iter()
        .cycle()
        .take(asks.len() * request.repeat)
        .cloned()
        .collect()
}

/// The events behind a name.
fn events(name: &str) -> Vec<Value> {
    let created = |id: &str, at: i64, customer_id: &str, org_id: &str| {
        event(id, "customer.created", at, &customer(customer_id, org_id))
    };
    let fresh = created("evt_1", NOW, "cus_fresh", "fresh");
    let deleted = event(
        "evt_2",
        "customer.deleted",
        NOW,
        &customer("cus_fresh", "fresh"),
    );
    match name {
        "new" | "same" => vec![fresh],
        "other_type" => vec![event(
            "evt_1",
            "invoice.paid",
            NOW,
            &customer("cus_fresh", "fresh"),
        )],
        "older_after_newer" => vec![
            created("evt_2", NOW, "cus_newer", "fresh"),
            created("evt_1", NOW - 60, "cus_fresh", "fresh"),
        ],
        "customer_deleted" => vec![fresh, deleted],
        "deleted_then_created" => vec![deleted, fresh],
        "test_mode" => {
            let mut event = fresh;
            event["livemode"] = json!(false);
            vec![event]
        }
        "unknown_org" => vec![created("evt_1", NOW, "cus_fresh", "nobody")],
        "hostile_metadata" => [
            "fresh/..",
            &"x".repeat(1_000_000),
            "'; DROP TABLE customers; --",
            "",
        ]
        .map(|org_id| created("evt_1", NOW, "cus_fresh", org_id))
        .to_vec(),
        "customer_stolen" => vec![created("evt_1", NOW, "cus_acme", "fresh")],
        other => panic!("{other} is no event"),
    }
}

/// An event of so many bytes, of a type that is of no use.
fn padded(length: usize) -> Vec<u8> {
    let mut event = event("evt_1", "invoice.paid", NOW, &json!({ "padding": "" }));
    let padding = "x".repeat(length - event.to_string().len());
    event["data"]["object"]["padding"] = json!(padding);
    event.to_string().into_bytes()
}

fn signed(request: &Request, body: &[u8]) -> TestRequest {
    let mut signed_request = unsigned(body.to_vec());
    let headers = match &request.sig {
        Signatures::None => vec![],
        Signatures::Raw(text) => vec![text.clone()],
        Signatures::One(one) => vec![header(one, body)],
        Signatures::Many(many) => many.iter().map(|one| header(one, body)).collect(),
    };
    // Not `TestRequest::header`, which replaces: the case may be about two.
    let headers = headers
        .into_iter()
        .map(|value| ("Stripe-Signature".to_owned(), value));
    signed_request.headers.extend(headers);
    signed_request
}

fn header(parts: &Signature, body: &[u8]) -> String {
    let time = parts.t.as_ref().map(|text| match text.strip_prefix("now") {
        Some("") => NOW.to_string(),
        Some(offset) => (NOW + offset.parse::<i64>().expect("an offset")).to_string(),
        None => text.clone(),
    });
    let sign = |secret: &str| signature(secret, time.as_deref().unwrap_or_default(), body);
    let value = |word: &String| match word.as_str() {
        "valid" => sign(SECRET),
        "valid_old" => sign(OLD_SECRET),
        "valid_removed" => sign(REMOVED_SECRET),
        "VALID_UPPER" => sign(SECRET).to_uppercase(),
        "wrong" => sign("whsec_somebody"),
        other => other.to_owned(),
    };
    let time = time.iter().map(|time| format!("t={time}"));
    let v1 = parts.v1.iter().map(|word| format!("v1={}", value(word)));
    let v0 = parts.v0.iter().map(|word| format!("v0={}", value(word)));
    time.chain(v1).chain(v0).collect::<Vec<_>>().join(",")
}
