//! A reload turns traces on and off, and sends what waits to the collector before.

use billing_portal_tests::http_message::TestRequest;
use serde_json::{Value, json};

use crate::harness::collector::{Collector, Manner};
use crate::harness::configured::ConfiguredProcess;
use crate::harness::service::send;

#[tokio::test]
async fn traces_are_switched_on_moved_and_off_by_a_reload() {
    let first = Collector::start(&[Manner::Accept]).await;
    let second = Collector::start(&[Manner::Accept]).await;
    let mut service = ConfiguredProcess::start(&[]).await;
    let api = service.api();
    let ask = async |path: &str| assert_eq!(send(api, &TestRequest::get(path)).await.status, 404);

    ask("/v1/before").await;
    service.set("otlp_endpoint", &json!(first.endpoint()));
    assert!(service.hang_up().await);
    ask("/v1/first").await;
    service.set("otlp_endpoint", &json!(second.endpoint()));
    assert!(service.hang_up().await);
    ask("/v1/second").await;
    service.set("otlp_endpoint", &json!("ftp://collectors-password@x"));
    assert!(!service.hang_up().await, "the URL is refused");
    ask("/v1/still").await;
    second.wait_for_requests(2).await;
    service.set("otlp_endpoint", &Value::Null);
    assert!(service.hang_up().await);
    ask("/v1/after").await;
    let (code, log) = service.stop().await;
    assert_eq!(code, Some(0));

    let paths = |collector: &Collector| {
        let spans = collector.spans();
        let paths = spans.iter().map(|span| span.attributes["url.path"].clone());
        paths.collect::<Vec<Value>>()
    };
    assert_eq!(paths(&first), ["/v1/first"]);
    assert_eq!(paths(&second), ["/v1/second", "/v1/still"]);
    assert!(!format!("{log:?}").contains("collectors-password"));
}
