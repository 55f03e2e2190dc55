//! No secret is sent to a collector, whatever a caller sends.

use billing_portal_tests::http_message::TestRequest;
use serde_json::json;

use super::{traced, traceparent};
use crate::harness::collector::{Collector, Manner};
use crate::harness::service::send;

#[tokio::test]
async fn nothing_that_is_sent_to_a_collector_has_a_secret_or_whose_it_is() {
    const STATE: &str = "rojo=am_live_0123456789abcdefghijABCDEFGHIJ";
    let collector = Collector::start(&[Manner::Accept]).await;
    let service = traced(&collector).await;
    let return_url = "https://app.example.com/settings?token=return-url-token";
    let good = || {
        TestRequest::portal(service.key(), return_url)
            .with_header("Idempotency-Key", "callers-own-key")
            .with_header("traceparent", traceparent())
    };
    let opened = service.send(&good()).await.json();
    let portal = opened["data"]["portal_url"].as_str().expect("a portal");
    let path = portal.rsplit('/').next().expect("a path");
    let in_path = format!("/v1/{}", service.key());
    let in_query = format!("/v1/billing/portal?key={}", service.key());
    for request in [
        good().with_header("tracestate", STATE),
        good().with_path(&in_path),
        good().with_path(&format!("/p/session/{path}")),
        good().with_path(&in_query),
        good().with_path("/v1/whsec%5F0123456789abcdefghijABCDEFGHIJ"),
        good().with_method("AM_LIVE_0123456789ABCDEFGHIJ"),
    ] {
        send(service.api(), &request).await;
    }
    service.stripe.delete_customer("cus_acme");
    send(service.api(), &good()).await;
    let spans = collector.wait_for_requests(8).await;
    assert!(
        spans
            .iter()
            .any(|span| span.attributes.get("url.path") == Some(&json!("/v1/[redacted]")))
    );
    let secret = service.stripe.secret();
    let parts = [
        service.key(),
        &secret,
        path,
        "session/",
        "cus_acme",
        "return-url-token",
        "settings",
        "callers-own-key",
        "0123456789abcdefghij",
        "whsec",
    ];
    for request in collector.requests() {
        let text = String::from_utf8_lossy(&request.body).to_ascii_lowercase();
        let text = text.replace("/v1/billing_portal/sessions", "");
        for part in parts {
            assert!(!text.contains(&part.to_ascii_lowercase()), "{part}: {text}");
        }
    }
}
