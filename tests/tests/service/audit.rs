//! The audit: one event for each portal session that was opened or refused to a known caller, and never its URL.

use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::harness::log::{self, Log};
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::TestRequest;

const SECRET_RETURN_URL: &str = "https://app.example.com/settings?token=callers-own-secret#top";

/// What the service logged while this was done, on one thread.
fn logged<F: Future<Output = ()>>(doing: impl FnOnce() -> F) -> Vec<Value> {
    let log = Log::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    log.record(|| runtime.block_on(doing()));
    for secret in ["callers-own-secret", "/p/session/", "am_live_", "sk_live_"] {
        assert!(!log.text().contains(secret), "{secret} is in the log");
    }
    log::lines(&log.text())
}

/// The audit's events, without what every line has.
fn audit(lines: Vec<Value>) -> Vec<Value> {
    let is_audit = |line: &Value| {
        let event = line["event"].as_str().unwrap_or_default();
        event.starts_with("portal_session_")
    };
    let mut events: Vec<Value> = lines.into_iter().filter(is_audit).collect();
    for event in &mut events {
        let fields = event.as_object_mut().expect("an object");
        assert!(fields.remove("timestamp").is_some());
        fields.retain(|name, _| !matches!(name.as_str(), "level" | "target" | "span"));
    }
    events
}

#[test]
fn an_opened_session_is_audited_once_with_its_owner() {
    let expected = std::cell::RefCell::new(Value::Null);
    let lines = logged(|| async {
        let service = Service::start().await;
        let answer = service.create_portal_session(SECRET_RETURN_URL).await;
        let session = service.stripe.last_session().expect("a session");
        let keys = service.run(&["key", "list", "--org", "acme"]).await;
        *expected.borrow_mut() = json!({
            "event": "portal_session_created",
            "outcome": "opened",
            "request_id": answer.request_id(),
            "org_id": "acme",
            "key_id": keys[0]["id"],
            "return_url_origin": "https://app.example.com",
            "session": session["id"],
            "configuration": session["configuration"],
            "replayed": false,
            "slow": false,
        });
    });
    assert_eq!(audit(lines), [expected.into_inner()]);
}

#[test]
fn a_refusal_of_a_known_caller_is_audited_with_its_cause() {
    let lines = logged(|| async {
        let service = Service::start().await;
        let lonely = service.organization("lonely", None).await;
        let reader = service.new_key("acme", &["billing:read"]).await;
        let good = TestRequest::portal(service.key(), SECRET_RETURN_URL);
        let failed = Reply::status(503).header("Request-Id", "req_of_the_failure");
        let failed = failed.header("Stripe-Should-Retry", "false");
        service.stripe.answer_next(Endpoint::Sessions, [failed]);
        send(service.api(), &good).await;
        for refused in [
            good.clone().with_bearer("am_live_nobody"),
            good.clone().with_bearer(&reader),
            good.clone().with_bearer(&lonely),
            good.clone()
                .with_body(r#"{"return_url": "https://evil.test/"}"#),
        ] {
            send(service.api(), &refused).await;
        }
    });
    let audited: Vec<Value> = audit(lines)
        .iter()
        .map(|event| {
            [
                "org_id",
                "outcome",
                "code",
                "cause",
                "return_url_origin",
                "stripe_request_id",
            ]
            .map(|field| event[field].clone())
            .into()
        })
        .collect();
    let origin = "https://app.example.com";
    #[rustfmt::skip]
    let expected = [
        json!(["acme", "refused", "BILLING_PORTAL_UNAVAILABLE", "server_error", origin, "req_of_the_failure"]),
        json!(["acme", "refused", "FORBIDDEN", null, null, null]),
        json!(["lonely", "refused", "NO_STRIPE_CUSTOMER", null, origin, null]),
        json!(["acme", "refused", "VALIDATION_FAILED", null, null, null]),
    ];
    assert_eq!(audited, expected);
}

#[test]
fn abandoned_request_is_audited() {
    let lines = logged(|| async {
        let service = Service::start().await;
        let slow = Reply::hang();
        service.stripe.answer_next(Endpoint::Sessions, [slow]);
        let request = TestRequest::portal(service.key(), SECRET_RETURN_URL);
        let mut connection = ClientConnection::open(service.api())
            .await
            .expect("it listens");
        for bytes in [request.head(), request.body] {
            connection.send(&bytes).await.expect("it reads");
        }
        while service.sessions().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
        drop(connection);
        let none = "billing_portal_requests_in_flight 0\n";
        let metrics = TestRequest::get("/metrics");
        while !send(service.operations(), &metrics)
            .await
            .text()
            .contains(none)
        {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let events = audit(lines);
    let audited: Vec<_> = events
        .iter()
        .map(|event| (&event["event"], &event["outcome"], &event["org_id"]))
        .collect();
    let expected = ["portal_session_abandoned", "unknown", "acme"].map(Value::from);
    assert_eq!(audited, [(&expected[0], &expected[1], &expected[2])]);
}

#[tokio::test]
async fn audit_is_written_at_every_log_level() {
    let service = Service::start().await;
    let quiet = [("LOG", "error,billing_portal_server::service=info")];
    let process = Process::beside(&service, &quiet).await;
    send(
        process.api,
        &TestRequest::portal(service.key(), SECRET_RETURN_URL),
    )
    .await;
    process.terminate().await;
    let (_, log) = process.end().await;
    let events = log::lines(&log)
        .into_iter()
        .map(|line| line["event"].clone());
    // The level is not the same for the module that reports the ports, which warns of the tests' own settings, too.
    let events: Vec<Value> = events
        .filter(|event| !event.is_null() && event != "unusual_setting")
        .collect();
    assert_eq!(events, ["portal_session_created"]);
}
