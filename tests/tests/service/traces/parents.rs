//! Which trace a request belongs to, by the caller's headers, with and without a collector.

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use serde_json::Value;

use super::{SPAN, TRACE, logged, spans, traceparent};
use crate::harness::collector::{Collector, Manner};
use crate::harness::command;
use crate::harness::service::{Service, send};

/// The ids in the lines of the requests, one pair for each request.
fn ids(log: &[Value]) -> Vec<(Option<&str>, Option<&str>)> {
    let answered = log.iter().filter(|line| line["event"] == "answered");
    let of_api = answered.filter(|line| line["span"]["method"] == "POST");
    let ids = of_api.map(|line| {
        (
            line["span"]["trace_id"].as_str(),
            line["span"]["span_id"].as_str(),
        )
    });
    ids.collect()
}

#[test]
fn traces_are_off_by_default_and_the_log_still_names_the_callers() {
    let (log, id) = logged(async || {
        let service = Service::start().await;
        let request = TestRequest::portal(service.key(), RETURN_URL);
        let malformed = request.clone().with_header("traceparent", "00-1-2-01");
        let traced = request.clone().with_header("traceparent", traceparent());
        let mut id = String::new();
        for request in [request, malformed, traced] {
            let answer = service.send(&request).await;
            answer
                .header("x-request-id")
                .expect("an id")
                .clone_into(&mut id);
        }
        assert_eq!(spans(&service, "exported_total").await, 0);
        assert_eq!(
            spans(&service, "dropped_total{reason=\"queue_full\"}").await,
            0
        );
        id
    });
    // Nothing of ours is exported, so the span is the caller's own.
    assert_eq!(
        ids(&log),
        [(None, None), (None, None), (Some(TRACE), Some(SPAN))]
    );
    let audited = log
        .iter()
        .filter(|line| line["event"] == "portal_session_created");
    let audited: Vec<&Value> = audited.map(|line| &line["span"]["trace_id"]).collect();
    assert_eq!(audited, [&Value::Null, &Value::Null, &Value::from(TRACE)]);

    let log: Vec<String> = log.iter().map(Value::to_string).collect();
    let log = log.join("\n");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let why = |arguments: &[&str]| {
        let arguments = [&["why", &id], arguments].concat();
        runtime
            .block_on(command::run_with_input(&arguments, &[], &log))
            .stdout
    };
    assert!(
        why(&[]).contains(&format!("\ntrace:    {TRACE}")),
        "{}",
        why(&[])
    );
    let json: Value = serde_json::from_str(&why(&["--json"])).expect("JSON");
    assert_eq!(json["trace_id"], TRACE);
}

#[test]
fn a_malformed_traceparent_begins_another_trace() {
    let zeros = "0".repeat(32);
    let good = traceparent();
    let malformed = [
        String::new(),
        "00".to_owned(),
        format!("00-{TRACE}-{SPAN}"),
        format!("00-{TRACE}-{SPAN}-1"),
        format!("00-{TRACE}-{SPAN}-01-more"),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("00-{zeros}-{SPAN}-01"),
        format!("00-{TRACE}-{}-01", &zeros[16..]),
        good.to_uppercase(),
        format!("00-{SPAN}-{TRACE}-01"),
        format!("{good},{good}"),
        "0".repeat(8000),
    ];
    let count = malformed.len() + 1;
    let (log, spans) = logged(async || {
        let collector = Collector::start(&[Manner::Accept]).await;
        let service = Service::builder().set("OTLP_ENDPOINT", &collector.endpoint());
        let service = service.start().await;
        let request =
            TestRequest::portal(service.key(), RETURN_URL).with_header("tracestate", "rojo=1");
        for value in malformed {
            let request = request.clone().with_header("traceparent", value);
            assert_eq!(send(service.api(), &request).await.status, 200);
        }
        let mut twice = request;
        for _ in 0..2 {
            twice.headers.push(("traceparent".to_owned(), good.clone()));
        }
        assert_eq!(send(service.api(), &twice).await.status, 200);
        collector.wait_for_requests(count).await
    });
    let roots: Vec<_> = spans.iter().filter(|span| span.kind == "server").collect();
    let mut traces: Vec<&str> = roots.iter().map(|span| span.trace.as_str()).collect();
    traces.sort_unstable();
    traces.dedup();
    assert_eq!(traces.len(), count, "each begins a trace");
    for (root, (trace, span)) in roots.iter().zip(ids(&log)) {
        assert_ne!(root.trace, TRACE);
        assert_eq!((root.parent.as_str(), root.state.as_str()), ("", ""));
        assert_eq!(root.flags, 0x101);
        assert_eq!(
            (trace, span),
            (Some(root.trace.as_str()), Some(root.id.as_str()))
        );
    }
}

#[test]
fn a_trace_that_its_caller_does_not_record_is_not_exported() {
    let (log, spans) = logged(async || {
        let collector = Collector::start(&[Manner::Accept]).await;
        let service = Service::builder().set("OTLP_ENDPOINT", &collector.endpoint());
        let service = service.start().await;
        let request = TestRequest::portal(service.key(), RETURN_URL);
        for flags in ["00", "02", "01"] {
            let parent = format!("00-{TRACE}-{SPAN}-{flags}");
            let request = request.clone().with_header("traceparent", parent);
            assert_eq!(service.send(&request).await.status, 200);
        }
        collector.wait_for_requests(1).await
    });
    let ids = ids(&log);
    assert_eq!(ids.len(), 3);
    for (trace, span) in &ids {
        assert_eq!(*trace, Some(TRACE));
        assert_ne!(*span, Some(SPAN), "it is ours");
    }
    let root = spans
        .iter()
        .find(|span| span.kind == "server")
        .expect("the third");
    assert_eq!(ids[2].1, Some(root.id.as_str()));
}
