//! The spans of a request, from the first byte to the last attempt at Stripe.

use std::collections::BTreeMap;

use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};
use billing_portal_tests::stripe::{Endpoint, Received, Reply};
use serde_json::{Value, json};

use super::{SPAN, TRACE, logged, traced, traceparent};
use crate::harness::collector::{Collector, Manner, ReceivedSpan};
use crate::harness::service::send;
use crate::harness::webhook::{event, signed, unix_time};

/// The tree of spans below a span of the caller's, by indentation.
fn tree(spans: &[ReceivedSpan], parent: &str, depth: usize) -> Vec<String> {
    let children = spans.iter().filter(|span| span.parent == parent);
    let below = children.flat_map(|span| {
        let failed = if span.failed { " failed" } else { "" };
        let own = format!(
            "{}{} ({}{failed})",
            "  ".repeat(depth),
            span.name,
            span.kind
        );
        [vec![own], tree(spans, &span.id, depth + 1)].concat()
    });
    below.collect()
}

fn attributes(value: &Value) -> BTreeMap<String, Value> {
    serde_json::from_value(value.clone()).expect("an object")
}

/// What was left behind by one call that its caller traces, and whose first attempt at Stripe failed.
struct Traced {
    log: Vec<Value>,
    spans: Vec<ReceivedSpan>,
    resource: BTreeMap<String, Value>,
    api_base: String,
    sessions: Vec<Received>,
}

fn traced_call() -> Traced {
    let (log, traced) = logged(async || {
        let collector = Collector::start(&[Manner::Accept]).await;
        let service = traced(&collector).await;
        let failure = Reply::status(500).header("Request-Id", "req_first");
        service.stripe.answer_next(Endpoint::Sessions, [failure]);
        let mut request = TestRequest::portal(service.key(), RETURN_URL)
            .with_header("traceparent", traceparent())
            .with_header("tracestate", "rojo=00f067aa0ba902b7");
        let second = ("tracestate".to_owned(), "congo=t61rcWkgMzE".to_owned());
        request.headers.push(second);
        assert_eq!(service.send(&request).await.status, 200);
        Traced {
            log: Vec::new(),
            spans: collector.wait_for_requests(1).await,
            resource: collector.resource(),
            api_base: service.stripe.api_base(),
            sessions: service.sessions(),
        }
    });
    Traced { log, ..traced }
}

#[test]
fn a_trace_of_one_call_shows_the_callers_span_ours_and_the_attempts_at_stripe_as_one_tree() {
    let Traced {
        log,
        spans,
        sessions,
        ..
    } = traced_call();
    let expected = [
        "POST /v1/billing/portal (server)",
        "  wait for the key look-up (internal)",
        "  key look-up (internal)",
        "  wait for a call to Stripe (internal)",
        "  POST /v1/billing_portal/sessions (client failed)",
        "  POST /v1/billing_portal/sessions (client)",
    ];
    assert_eq!(tree(&spans, SPAN, 0), expected);
    assert_eq!(spans.len(), expected.len(), "nothing else was sent");
    for span in &spans {
        assert_eq!(span.trace, TRACE);
        assert_eq!(span.state, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
        // Recorded, and it is known that only the parent of the request's own is of another process.
        let remote = if span.kind == "server" { 0x200 } else { 0 };
        assert_eq!(span.flags, 0x101 | remote, "{span:?}");
    }
    let (own, steps) = spans.split_first().expect("the request's own");
    for step in steps {
        assert!(own.start <= step.start && step.end <= own.end, "{step:?}");
        assert!(step.start <= step.end, "{step:?}");
    }
    for pair in steps.windows(2) {
        assert!(pair[0].end <= pair[1].start, "one step after the other");
    }

    // Every line of the request names the trace and our span, the audit's too.
    let id = &own.attributes["billing_portal.request_id"];
    let of_request = log
        .iter()
        .filter(|line| line["span"]["request_id"] == *id)
        .collect::<Vec<_>>();
    for event in ["portal_session_created", "stripe_call", "answered"] {
        assert!(of_request.iter().any(|line| line["event"] == event));
    }
    for line in of_request {
        assert_eq!(line["span"]["trace_id"], TRACE, "{line}");
        assert_eq!(line["span"]["span_id"], own.id, "{line}");
    }
    // Stripe gets none of it.
    assert_eq!(sessions.len(), 2);
    for call in sessions {
        let sent = (call.header("traceparent"), call.header("tracestate"));
        assert_eq!(sent, (None, None));
    }
}

#[test]
fn spans_have_the_attributes_of_the_semantic_conventions() {
    let Traced {
        log,
        spans,
        resource,
        api_base,
        ..
    } = traced_call();
    let of_request =
        |line: &&Value| line["event"] == "answered" && line["span"]["method"] == "POST";
    let answered = log.iter().find(of_request);
    let answered = answered.expect("the line of the request");
    let own = json!({
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/v1/billing/portal",
        "url.path": "/v1/billing/portal",
        "url.scheme": "http",
        "billing_portal.request_id": answered["span"]["request_id"],
        "billing_portal.org_id": "acme",
        "billing_portal.key_id": answered["span"]["key_id"],
    });
    assert_eq!(spans[0].attributes, attributes(&own));
    let port = api_base.rsplit(':').next().expect("a port");
    let port: u16 = port.parse().expect("a number");
    let first = json!({
        "error.type": "500",
        "http.request.method": "POST",
        "http.response.status_code": 500,
        "server.address": "127.0.0.1",
        "server.port": port,
        "url.full": format!("{api_base}/v1/billing_portal/sessions"),
        "billing_portal.stripe_request_id": "req_first",
    });
    assert_eq!(spans[4].attributes, attributes(&first));
    let second = json!({
        "http.request.method": "POST",
        "http.request.resend_count": 1,
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": port,
        "url.full": format!("{api_base}/v1/billing_portal/sessions"),
        "billing_portal.stripe_request_id": answered["stripe_request_id"],
    });
    assert_eq!(spans[5].attributes, attributes(&second));
    let instance = resource["service.instance.id"].as_str();
    assert_eq!(instance.map(str::len), Some(26));
    for (name, value) in [
        ("service.name", "billing-portal"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("deployment.environment.name", "production"),
    ] {
        assert_eq!(resource[name], value);
    }
}

#[tokio::test]
async fn each_end_of_a_request_has_its_route_status_and_error() {
    let collector = Collector::start(&[Manner::Accept]).await;
    let service = traced(&collector).await;
    let good = || TestRequest::portal(service.key(), RETURN_URL);
    let lonely = service.organization("lonely", None).await;
    let ignored = event("evt_1", "invoice.paid", unix_time(), &json!({}));
    #[rustfmt::skip]
    let rows = [
        (good().with_bearer("am_live_wrong"), 401, "POST /v1/billing/portal", Some("UNAUTHORIZED"), None),
        (good().with_bearer(&lonely), 409, "POST /v1/billing/portal", Some("NO_STRIPE_CUSTOMER"), None),
        (good().with_body("[]"), 400, "POST /v1/billing/portal", Some("BAD_REQUEST"), None),
        (good().with_path("/v1/billing/portals"), 404, "POST", Some("NOT_FOUND"), None),
        (good().with_method("BREW"), 405, "HTTP /v1/billing/portal", Some("METHOD_NOT_ALLOWED"), None),
        (good().with_header("Expect", "wonders"), 417, "POST /v1/billing/portal", None, None),
        (signed(&ignored), 200, "POST /webhooks/stripe", None, None),
        (TestRequest::get("/v1/billing/return-origins").with_bearer(service.key()), 200, "GET /v1/billing/return-origins", None, None),
        (good(), 502, "POST /v1/billing/portal", Some("BILLING_PORTAL_UNAVAILABLE"), Some("BILLING_PORTAL_UNAVAILABLE")),
    ];
    for (request, ..) in &rows[..8] {
        send(service.api(), request).await;
    }
    service
        .stripe
        .answer_always(Endpoint::Sessions, Reply::status(401));
    send(service.api(), &rows[8].0).await;
    // What operators and readers ask is no use of the API.
    send(service.operations(), &TestRequest::get("/healthz")).await;
    send(service.api(), &TestRequest::get("/docs/")).await;

    let spans = collector.wait_for_requests(rows.len()).await;
    let requests = spans.iter().filter(|span| span.kind == "server");
    for (span, (_, status, name, code, error)) in requests.zip(rows) {
        assert_eq!(span.name, name, "{span:?}");
        assert_eq!(
            span.attributes["http.response.status_code"], status,
            "{span:?}"
        );
        let word = |name: &str| {
            span.attributes
                .get(name)
                .map(|it| it.as_str().expect("text"))
        };
        assert_eq!(word("billing_portal.error_code"), code, "{span:?}");
        assert_eq!(word("error.type"), error, "{span:?}");
        assert_eq!(span.failed, error.is_some(), "{span:?}");
        assert_eq!(word("http.route").is_some(), name.contains('/'), "{span:?}");
        let cause = (status == 502).then_some("credentials_refused");
        assert_eq!(word("billing_portal.upstream_cause"), cause, "{span:?}");
        assert_eq!(span.parent, "", "a trace of its own");
    }
}

#[tokio::test]
async fn a_client_that_leaves_has_a_span_with_the_attempt_that_was_cancelled() {
    let collector = Collector::start(&[Manner::Accept]).await;
    let service = traced(&collector).await;
    service
        .stripe
        .answer_always(Endpoint::Sessions, Reply::hang());
    let mut client = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    let request = TestRequest::portal(service.key(), RETURN_URL);
    client.send(&request.to_bytes()).await.expect("it reads");
    while service.sessions().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(client);
    let spans = collector.wait_for_requests(1).await;
    let own = spans
        .iter()
        .find(|span| span.kind == "server")
        .expect("its own");
    assert_eq!(own.attributes["error.type"], "client_gone");
    assert_eq!(own.attributes.get("http.response.status_code"), None);
    let attempt = spans
        .iter()
        .find(|span| span.kind == "client")
        .expect("the attempt");
    assert_eq!(attempt.attributes["error.type"], "cancelled");
}
