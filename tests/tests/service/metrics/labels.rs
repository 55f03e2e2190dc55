//! Labels come from closed lists, and gauges follow the states that they show.

use super::Metrics;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, event, signed, unix_time};
use crate::runbook;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::response_assertions;
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn labels_are_from_closed_lists_whatever_callers_and_stripe_send() {
    let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
    let service = builder.start().await;
    let error =
        json!({ "error": { "code": "a_word_of_theirs", "param": "theirs", "type": "theirs" } });
    let theirs = Reply::json(402, &error);
    service.stripe.answer_next(Endpoint::Sessions, [theirs]);
    service.create_portal_session(RETURN_URL).await;
    service.stripe.delete_customer("cus_acme");
    service.create_portal_session(RETURN_URL).await;
    service.send(&TestRequest::get("/theirs?theirs=1")).await;
    send(
        service.api(),
        &signed(&event("evt_theirs", "theirs", unix_time(), &json!({}))),
    )
    .await;

    let causes = runbook::causes();
    let refusals = ["", "customer_missing", "return_url_refused"];
    let webhooks = [
        "applied",
        "invalid_signature",
        "malformed",
        "store_unavailable",
        "customer_conflict",
        "future_event",
        "other_type",
    ];
    for series in Metrics::of(&service).await.0.keys() {
        let labels = series.split_once('{').map_or("", |(_, labels)| labels);
        for label in labels
            .trim_end_matches('}')
            .split(',')
            .filter(|label| !label.is_empty())
        {
            let (name, value) = label.split_once('=').expect("a name and a value");
            let value = value.trim_matches('"');
            let known = match name {
                "status" => value
                    .parse::<u16>()
                    .is_ok_and(|status| (200..600).contains(&status)),
                "code" => {
                    ["OK", "MALFORMED"].contains(&value) || response_assertions::is_code(value)
                }
                "upstream_cause" => causes.contains(value),
                "cause" => causes.contains(value) || refusals.contains(&value),
                "endpoint" => ["sessions", "configurations"].contains(&value),
                "outcome" if series.contains("webhooks") => webhooks.contains(&value),
                "outcome" if series.contains("reloads") => ["applied", "refused"].contains(&value),
                "outcome" => ["done", "refused", "failed"].contains(&value),
                "kind" => ["record", "other"].contains(&value),
                "reason" => ["queue_full", "not_sent", "rejected"].contains(&value),
                "result" => ["hit", "miss"].contains(&value),
                "queue" => ["key_look_up", "stripe"].contains(&value),
                "operation" => {
                    ["find_caller", "apply_event", "mark_stale", "ping"].contains(&value)
                }
                "version" => value == env!("CARGO_PKG_VERSION"),
                "profile" => value == "default",
                "port" => ["api", "operations"].contains(&value),
                "limit" => ["all", "peer"].contains(&value),
                "le" => value == "+Inf" || value.parse::<f64>().is_ok(),
                _ => false,
            };
            assert!(known, "{name} of {series}");
        }
    }
}

const VERIFIED: &str = "configuration_verified{profile=\"default\"}";

#[tokio::test]
async fn the_gauges_of_breaker_and_configuration_follow_their_states() {
    let service = Service::start().await;
    let open = async || {
        let metrics = Metrics::of(&service).await;
        let gauges = ["stripe_breaker_open", VERIFIED];
        gauges.map(|gauge| metrics.value(gauge) > 0.5)
    };
    assert_eq!(open().await, [false, true]);
    // Twenty calls that are refused and not tried again open the breaker.
    let refused = Reply::status(401);
    service.stripe.answer_always(Endpoint::Sessions, refused);
    for _ in 0..20 {
        service.create_portal_session(RETURN_URL).await;
    }
    assert_eq!(open().await, [true, true]);
    service.stripe.recover();
    let began = Instant::now();
    while service.create_portal_session(RETURN_URL).await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(30), "Stripe is back");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(open().await, [false, true]);

    let closed = Service::builder();
    let named = closed.set("STRIPE_PORTAL_CONFIGURATION", "bpc_unknown");
    let closed = named.start_unverified().await;
    assert!(Metrics::of(&closed).await.value(VERIFIED) < 0.5);
}
