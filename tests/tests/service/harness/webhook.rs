//! Webhooks as Stripe sends them: an event, signed over its bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use billing_portal_tests::http_message::TestRequest;

/// The secret of the endpoint.
pub(crate) const SECRET: &str = "whsec_current000000000000000000000";

/// An event in live mode.
pub(crate) fn event(id: &str, kind: &str, created: i64, object: &Value) -> Value {
    json!({
        "id": id,
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": created,
        "data": { "object": object },
        "livemode": true,
        "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null },
        "type": kind,
    })
}

/// A customer whose metadata name its organization.
pub(crate) fn customer(id: &str, org_id: &str) -> Value {
    json!({ "id": id, "object": "customer", "livemode": true, "metadata": { "org_id": org_id } })
}

/// The signature of these bytes at this time, in hexadecimal.
pub(crate) fn signature(secret: &str, time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    let hex = |hex: String, byte: &u8| hex + &format!("{byte:02x}");
    mac.finalize().into_bytes().iter().fold(String::new(), hex)
}

/// A delivery that is not signed.
pub(crate) fn unsigned(body: Vec<u8>) -> TestRequest {
    TestRequest::get("/webhooks/stripe")
        .with_method("POST")
        .with_header("Content-Type", "application/json; charset=utf-8")
        .with_body(body)
}

/// A delivery that was signed at this time with [`SECRET`].
pub(crate) fn signed_at(time: i64, event: &Value) -> TestRequest {
    let (time, body) = (time.to_string(), event.to_string().into_bytes());
    let header = format!("t={time},v1={}", signature(SECRET, &time, &body));
    unsigned(body).with_header("Stripe-Signature", header)
}

/// A delivery that was signed just now.
pub(crate) fn signed(event: &Value) -> TestRequest {
    signed_at(unix_time(), event)
}

/// Seconds since 1970.
pub(crate) fn unix_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}
