//! Any bytes as a webhook: the signature header up to the first line break, then the body.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use poem::http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::{
    event::{Action, Event},
    signature::Signature,
};
use crate::{
    config::{EventRules, Secret},
    ids::{MAX_STRIPE_ID_BYTES, Mode},
    store::CustomerChange,
};

const SECRET: &str = "whsec_of_the_fuzzer";

/// The time of the seeds.
static NOW: LazyLock<DateTime<Utc>> =
    LazyLock::new(|| DateTime::from_timestamp(1_800_000_000, 0).expect("a time"));

static RULES: LazyLock<EventRules> = LazyLock::new(|| EventRules {
    mode: Mode::Live,
    account: Some("acct_1".to_owned()),
    metadata_key: "org_id".to_owned(),
});

/// A signature is valid only if it is the one that the secret makes; what an event means has valid ids.
///
/// # Panics
/// If that does not hold.
pub fn target(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (header, body) = data.split_at(end.unwrap_or(data.len()));
    let body = body.get(1..).unwrap_or_default();
    check_signature(header, body);
    if let Some(event) = Event::parse(body) {
        check_meaning(&event);
    }
}

fn check_signature(header: &[u8], body: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(header) else {
        return;
    };
    let headers = HeaderMap::from_iter([("stripe-signature".parse().expect("a name"), value)]);
    let Ok(signature) = Signature::of(&headers, *NOW) else {
        return;
    };
    let secrets: [Secret; 1] = serde_json::from_value(json!([SECRET])).expect("a text");
    if signature.require_valid(&secrets, body).is_ok() {
        let expected = signature.expected(&secrets[0], body);
        let written = headers["stripe-signature"].to_str().expect("text");
        assert!(written.contains(&format!("v1={expected}")), "{written}");
        let other = [body, b" "].concat();
        assert!(signature.require_valid(&secrets, &other).is_err());
    }
}

fn check_meaning(event: &Event) {
    assert!((1..=MAX_STRIPE_ID_BYTES).contains(&event.id.len()));
    let (Action::ChangeCustomer(change) | Action::Withdraw(change, _)) = event.action(&RULES, *NOW)
    else {
        return;
    };
    assert!(event.created().0 <= NOW.timestamp() + 300);
    let customer = match change {
        CustomerChange::Deleted(customer) | CustomerChange::Withdrawn { customer, .. } => customer,
        CustomerChange::Claimed { claim, .. } => {
            assert!((1..=64).contains(&claim.org.as_str().len()));
            claim.customer
        }
    };
    let id = customer.as_str();
    assert!(id.chars().count() <= MAX_STRIPE_ID_BYTES);
    assert!(!id.contains(['/', '?', '#', ' ', '\n']), "{id}");
}
