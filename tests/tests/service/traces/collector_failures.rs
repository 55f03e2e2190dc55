//! A collector that is away, slow or refuses: callers do not notice, and what is lost is counted.

use std::time::Duration;

use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use tokio::net::TcpListener;

use super::{logged, spans, wait_for_spans};
use crate::harness::collector::{Collector, Manner};
use crate::harness::process::Process;
use crate::harness::service::{Service, send};

const NOT_SENT: &str = "dropped_total{reason=\"not_sent\"}";
const QUEUE_FULL: &str = "dropped_total{reason=\"queue_full\"}";

/// A request that is refused at once has one span.
fn unknown() -> TestRequest {
    TestRequest::get("/v1/unknown")
}

#[test]
fn a_collector_that_is_away_harms_no_request_and_is_logged() {
    let (log, address) = logged(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens").to_string();
        drop(listener);
        let endpoint = format!("http://user:collectors-password@{address}");
        let service = Service::builder()
            .set("OTLP_ENDPOINT", &endpoint)
            .start()
            .await;
        assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
        send(service.api(), &unknown()).await;
        // Five spans of the portal, one of the other, after three tries.
        wait_for_spans(&service, NOT_SENT, 6).await;
        assert_eq!(spans(&service, "exported_total").await, 0);
        address
    });
    let failed: Vec<_> = log
        .iter()
        .filter(|line| line["event"] == "traces_not_sent")
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(
        (&failed[0]["level"], &failed[0]["reason"]),
        (&"WARN".into(), &"connect".into())
    );
    let log = format!("{log:?}");
    assert!(
        !log.contains("collectors-password") && !log.contains(&address),
        "{log}"
    );
}

#[tokio::test]
async fn a_batch_is_sent_again_if_that_may_help() {
    let rows = [
        (429, true),
        (502, true),
        (503, true),
        (504, true),
        (400, false),
        (401, false),
        (500, false),
    ];
    for (status, again) in rows {
        let collector = Collector::start(&[Manner::Status(status), Manner::Accept]).await;
        let service = Service::builder().set("OTLP_ENDPOINT", &collector.endpoint());
        let service = service.start().await;
        send(service.api(), &unknown()).await;
        let (series, other) = if again {
            ("exported_total", NOT_SENT)
        } else {
            (NOT_SENT, "exported_total")
        };
        wait_for_spans(&service, series, 1).await;
        assert_eq!(spans(&service, other).await, 0, "{status}");
        assert_eq!(collector.spans().len(), usize::from(again), "{status}");
    }
}

#[tokio::test]
async fn spans_that_a_collector_does_not_want_are_counted() {
    let collector = Collector::start(&[Manner::Reject(2)]).await;
    let service = Service::builder().set("OTLP_ENDPOINT", &collector.endpoint());
    let service = service.start().await;
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    wait_for_spans(&service, "dropped_total{reason=\"rejected\"}", 2).await;
    wait_for_spans(&service, "exported_total", 3).await;
}

#[tokio::test]
async fn a_collector_that_hangs_fills_a_queue_that_is_bounded_and_counted() {
    const REQUESTS: u64 = 1500;
    // The batch that hangs, and the queue.
    const KEPT: u64 = 128 + 1024;
    let collector = Collector::start(&[Manner::Hang]).await;
    let service = Service::builder().set("OTLP_ENDPOINT", &collector.endpoint());
    let service = service.start().await;
    let mut client = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    let ask = async |client: &mut ClientConnection| {
        client.send(&unknown().to_bytes()).await.expect("it reads");
        let answer = client.response("GET", Duration::from_secs(20)).await;
        assert_eq!(answer.expect("it answers").status, 404);
    };
    ask(&mut client).await;
    collector.wait_for_batches(1).await;
    for _ in 1..REQUESTS {
        ask(&mut client).await;
    }
    let dropped = spans(&service, QUEUE_FULL).await;
    assert!(
        (REQUESTS - KEPT..=REQUESTS - 1024).contains(&dropped),
        "{dropped}"
    );
    assert_eq!(service.create_portal_session(RETURN_URL).await.status, 200);
    assert_eq!(
        spans(&service, QUEUE_FULL).await,
        dropped + 5,
        "whole requests are dropped"
    );
}

#[tokio::test]
async fn what_waits_is_sent_at_sigterm_and_a_collector_that_hangs_does_not_stop_it() {
    let service = Service::start().await;
    for manner in [Manner::Accept, Manner::Hang] {
        let collector = Collector::start(&[manner]).await;
        let settings = [("OTLP_ENDPOINT", collector.endpoint())];
        let settings = settings
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let process = Process::beside(&service, &settings).await;
        for _ in 0..3 {
            let request = TestRequest::portal(service.key(), RETURN_URL);
            assert_eq!(send(process.api, &request).await.status, 200);
        }
        process.terminate().await;
        let (code, log) = process.end().await;
        assert_eq!(code, Some(0), "{log}");
        if let Manner::Accept = manner {
            // It has ended: what did not arrive never will.
            let spans = collector.spans();
            let requests = spans.iter().filter(|span| span.kind == "server").count();
            assert_eq!(requests, 3, "{log}");
            assert!(!log.contains("traces_lost"), "{log}");
        } else {
            assert!(log.contains("traces_lost"), "{log}");
        }
    }
}
