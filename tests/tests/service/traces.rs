//! Traces: which spans a collector gets, what the log says of them, and that a collector that fails harms nothing.

mod collector_failures;
mod exported;
mod parents;
mod secrets;
mod setting;
mod switched;

use std::time::Duration;

use billing_portal_tests::http_message::TestRequest;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::harness::collector::Collector;
use crate::harness::log;
use crate::harness::service::{Service, send};
use crate::harness::webhook::SECRET;

/// The trace and the span of a caller.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// The `traceparent` of that span, of a trace that is recorded.
fn traceparent() -> String {
    format!("00-{TRACE}-{SPAN}-01")
}

/// A service that sends its traces to the collector, and receives webhooks.
async fn traced(collector: &Collector) -> Service {
    let service = Service::builder().set("OTLP_ENDPOINT", &collector.endpoint());
    service.set("STRIPE_WEBHOOK_SECRET", SECRET).start().await
}

/// The lines of a service's log while this was done, on one thread, and what doing it answered.
fn logged<T>(doing: impl AsyncFnOnce() -> T) -> (Vec<Value>, T) {
    let (text, answer) = log::logged(doing);
    (log::lines(&text), answer)
}

/// The value of a series of spans.
async fn spans(service: &Service, series: &str) -> u64 {
    let metrics = send(service.operations(), &TestRequest::get("/metrics")).await;
    let name = format!("billing_portal_trace_spans_{series} ");
    let mut lines = metrics.text().lines();
    let value = lines.find_map(|line| line.strip_prefix(&name));
    value
        .expect("the series is there")
        .parse()
        .expect("a number")
}

/// Waits until the series has this value.
async fn wait_for_spans(service: &Service, series: &str, value: u64) {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let now = spans(service, series).await;
        if now == value {
            return;
        }
        assert!(Instant::now() < deadline, "{series} is {now}, not {value}");
        sleep(Duration::from_millis(20)).await;
    }
}
