//! What goes on inside an instance: its cache, its queues, its database, its process, and the webhooks' lag.

use super::{Metrics, grown};
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, event, signed, unix_time};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::json;

#[tokio::test]
async fn a_key_is_looked_up_once_and_then_found_in_the_cache() {
    let service = Service::start().await;
    let before = Metrics::of(&service).await;
    for _ in 0..3 {
        service.create_portal_session(RETURN_URL).await;
    }
    let after = Metrics::of(&service).await;
    let looked_up = after.since(&before, "key_cache_lookups_total");
    let (hits, misses) = (r#"{result="hit"}"#, r#"{result="miss"}"#);
    // A change of the database, such as the day of the key's use, empties the cache once more.
    assert_eq!(looked_up.values().sum::<f64>().to_bits(), 3.0_f64.to_bits());
    assert!(
        looked_up
            .get(misses)
            .is_some_and(|misses| (1.0..=2.0).contains(misses))
    );
    assert!(looked_up.get(hits).is_some_and(|hits| *hits >= 1.0));
    let asked = after.since(
        &before,
        r#"database_duration_seconds_count{operation="find_caller"}"#,
    );
    assert_eq!(
        asked.get(""),
        looked_up.get(misses),
        "a miss asks the database"
    );
    let waited = after.since(&before, "wait_duration_seconds_count");
    assert_eq!(waited.get(r#"{queue="stripe"}"#), Some(&3.0));
    assert_eq!(waited.get(r#"{queue="key_look_up"}"#), Some(&1.0));
}

#[tokio::test]
async fn every_attempt_counts_against_the_budget_of_stripe() {
    let service = Service::builder().set("STRIPE_RATE_LIMIT", "20");
    let service = service.start().await;
    let before = Metrics::of(&service).await;
    let broken = Reply::status(500);
    service.stripe.answer_next(Endpoint::Sessions, [broken]);
    service.create_portal_session(RETURN_URL).await;
    let after = Metrics::of(&service).await;
    assert_eq!(
        after.since(&before, "stripe_requests_total"),
        grown([("", 2.0)])
    );
    assert_eq!(
        after.value("stripe_rate_limit").to_bits(),
        20.0_f64.to_bits()
    );
}

#[tokio::test]
async fn documentation_is_not_counted_among_the_requests_of_the_api() {
    let service = Service::start().await;
    let before = Metrics::of(&service).await;
    for path in [
        "/",
        "/docs",
        "/docs/",
        "/docs/reference",
        "/docs/swagger-ui.css",
        "/openapi.json",
        "/openapi.yaml",
    ] {
        let answer = send(service.api(), &TestRequest::get(path)).await;
        assert!(answer.status < 400, "{path}: {}", answer.status);
    }
    send(service.api(), &TestRequest::get("/document")).await;
    let after = Metrics::of(&service).await;
    assert_eq!(
        after.since(&before, "requests_total"),
        grown([(r#"{code="NOT_FOUND",status="404"}"#, 1.0)])
    );
    let timed = after.since(&before, "request_duration_seconds_count");
    assert_eq!(timed, grown([("", 1.0)]));
}

#[tokio::test]
async fn the_lag_of_a_webhook_is_the_time_since_its_event() {
    let builder = Service::builder().set("STRIPE_WEBHOOK_SECRET", SECRET);
    let service = builder.start().await;
    let before = Metrics::of(&service).await;
    let hour = 3600;
    for (id, age) in [("evt_new", 0), ("evt_old", 2 * hour), ("evt_ahead", -60)] {
        let body = event(id, "invoice.paid", unix_time() - age, &json!({}));
        assert_eq!(send(service.api(), &signed(&body)).await.status, 200);
    }
    let after = Metrics::of(&service).await;
    let lags = after.since(&before, "webhook_lag_seconds_bucket");
    assert_eq!(lags.get(r#"{le="300"}"#), Some(&2.0), "{lags:?}");
    assert_eq!(lags.get(r#"{le="3600"}"#), Some(&2.0), "{lags:?}");
    assert_eq!(lags.get(r#"{le="21600"}"#), Some(&3.0), "{lags:?}");
}

#[tokio::test]
async fn the_process_and_the_version_are_shown() {
    let service = Service::start().await;
    let metrics = Metrics::of(&service).await;
    let value = |name: &str| metrics.0.get(name).copied().unwrap_or_default();
    assert!(value("process_cpu_seconds_total") > 0.0);
    assert!(value("process_resident_memory_bytes") > 1_000_000.0);
    assert!(value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"));
    assert!(value("process_threads") >= 1.0);
    assert!(value("process_open_fds") > 3.0);
    assert!(value("process_max_fds") > value("process_open_fds"));
    let version = env!("CARGO_PKG_VERSION");
    let info = format!(r#"billing_portal_build_info{{version="{version}"}}"#);
    assert_eq!(value(&info).to_bits(), 1.0_f64.to_bits());
}
