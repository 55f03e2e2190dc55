//! `billing-portal why`: every error code and every cause of a 502 is explained from the log alone, without secrets.

mod encodings;
mod large_log;
mod other_programs;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use billing_portal_server::clock::Clock;
use billing_portal_server::{CauseDescription, causes_of_502, error_codes};
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest, TestResponse};
use billing_portal_tests::stripe::{Endpoint, Reply};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::harness::command::{self, Outcome};
use crate::harness::database::Database;
use crate::harness::log::logged;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, event, signed, unix_time};

const RUNBOOK: &str = include_str!("../../../server/RUNBOOK.md");

/// What the command prints about a request of this log.
fn explain(log: &str, arguments: &[&str]) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let arguments = [&["why"], arguments].concat();
    runtime.block_on(command::run_with_input(&arguments, &[], log))
}

fn explanation(log: &str, id: &str) -> Value {
    let outcome = explain(log, &[id, "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).expect("one JSON value")
}

/// Fails if the runbook does not have the section that an explanation names.
fn assert_section(explanation: &Value) {
    if let Some(section) = explanation["runbook"].as_str() {
        let headings = [format!("\n## {section}\n"), format!("\n### `{section}`\n")];
        let is_there = headings.iter().any(|heading| RUNBOOK.contains(heading));
        assert!(is_there, "the runbook has no section {section}");
    }
}

/// An answer, and the turn and a part of the remedy that are right for it.
type Row = (TestResponse, &'static str, &'static str);

async fn refusals_of_a_request() -> Vec<Row> {
    let service = Service::builder()
        .set("STRIPE_WEBHOOK_SECRET", SECRET)
        .set("BODY_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let reader = service.new_key("acme", &["billing:read"]).await;
    let lonely = service.organization("lonely", None).await;
    let deleted = service.organization("deleted", Some("cus_deleted")).await;
    service.stripe.delete_customer("cus_deleted");
    let good = || TestRequest::portal(service.key(), RETURN_URL);
    let unsigned = event("evt_1", "customer.updated", unix_time(), &json!({}));
    let unsigned = signed(&unsigned).with_header("Stripe-Signature", "t=1,v1=00");
    #[rustfmt::skip]
    let requests = [
        (good().with_path("/v1/billing/portals"), "caller", "POST /v1/billing/portal"),
        (good().with_method("DELETE"), "caller", "Allow"),
        (good().without_header("Authorization"), "caller", "Bearer"),
        (good().with_bearer(&reader), "caller", "--scope billing:write"),
        (good().with_bearer(&lonely), "caller", "subscribe"),
        (good().with_bearer(&deleted), "operator", "customer link --org ID cus_… --verify"),
        (good().with_header("Content-Type", "text/plain"), "caller", "application/json"),
        (good().with_body("x".repeat(16 * 1024 + 1)), "caller", "16 KiB"),
        (good().with_body("[]"), "caller", "one JSON object"),
        (good().with_body(r#"{"return_url":"https://evil.test/"}"#), "caller", "error.details"),
        (good(), "nobody", "nothing"),
        (unsigned, "operator", "stripe_webhook_secret"),
    ];
    let mut rows = Vec::new();
    for (request, turn, remedy) in requests {
        rows.push((send(service.api(), &request).await, turn, remedy));
    }
    let slow = slow_body(&service, &good()).await;
    rows.push((slow, "caller", "send the body at once"));
    service
        .stripe
        .answer_always(Endpoint::Sessions, Reply::status(401));
    let refused = send(service.api(), &good()).await;
    rows.push((refused, "operator", "restricted key"));
    rows
}

async fn slow_body(service: &Service, request: &TestRequest) -> TestResponse {
    let connection = ClientConnection::open(service.api()).await;
    let mut connection = connection.expect("it listens");
    connection.send(&request.head()).await.expect("it reads");
    let answer = connection.response("POST", Duration::from_secs(30)).await;
    answer.expect("it answers")
}

async fn refusals_of_a_service() -> Vec<Row> {
    let limited = Service::builder().set("RATE_LIMIT_PER_KEY", "1");
    let limited = limited.start().await;
    limited.create_portal_session(RETURN_URL).await;
    let too_many = limited.create_portal_session(RETURN_URL).await;

    let at_the_end = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&at_the_end);
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let clock = Clock::from_fn(move || {
        if flag.load(Ordering::Relaxed) {
            DateTime::<Utc>::MAX_UTC
        } else {
            now
        }
    });
    let broken = Service::builder().clock(clock).start().await;
    at_the_end.store(true, Ordering::Relaxed);
    let bug = broken.create_portal_session(RETURN_URL).await;

    let away = Service::start().await;
    let mut database = Database::open(&away).await;
    database
        .execute("ALTER TABLE api_keys RENAME TO away")
        .await;
    let unavailable = away.create_portal_session(RETURN_URL).await;
    vec![
        (too_many, "caller", "Retry-After"),
        (bug, "operator", "report the cause"),
        (unavailable, "operator", "doctor"),
    ]
}

#[test]
fn every_error_code_is_explained_from_the_lines_of_a_real_request() {
    let (log, rows) = logged(async || {
        let mut rows = refusals_of_a_request().await;
        rows.extend(refusals_of_a_service().await);
        rows
    });
    let mut explained = BTreeSet::new();
    for (answer, turn, remedy) in rows {
        let explanation = explanation(&log, answer.request_id());
        let code = answer.code();
        assert_eq!(explanation["status"], answer.status, "{explanation}");
        assert_eq!(explanation["code"].as_str(), code.as_deref());
        assert_eq!(explanation["turn"], turn, "{explanation}");
        let does = explanation["do"].as_str().unwrap_or_default();
        assert!(does.contains(remedy), "{explanation}");
        assert!(!explanation["why"].as_str().unwrap_or_default().is_empty());
        assert!(explanation["time"].is_string() && explanation["method"].is_string());
        assert_section(&explanation);
        explained.extend(code);
    }
    let all: BTreeSet<String> = error_codes().map(str::to_owned).collect();
    assert_eq!(explained, all, "no code is left out");
}

/// Whose turn it is after each cause: Stripe's where only waiting helps, the operator's for all others.
const STRIPE: [&str; 7] = [
    "reset",
    "closed",
    "timeout",
    "truncated",
    "server_error",
    "conflict",
    "dependency_failed",
];

#[test]
fn every_cause_of_a_502_is_explained_with_the_section_of_the_runbook() {
    let (log, id) = logged(async || {
        let service = Service::start().await;
        let failed = Reply::status(404).header("Request-Id", "req_of_the_failure");
        service.stripe.answer_always(Endpoint::Sessions, failed);
        let answer = service.create_portal_session(RETURN_URL).await;
        answer.request_id().to_owned()
    });
    let real = explanation(&log, &id);
    assert_eq!(real["cause"], "unexpected_status", "{real}");
    assert_eq!(real["stripe_request_id"], "req_of_the_failure");
    for CauseDescription {
        word,
        passes_by_itself,
        ..
    } in causes_of_502()
    {
        let log = log.replace("unexpected_status", word);
        let explanation = explanation(&log, &id);
        let turn = if STRIPE.contains(&word) {
            "stripe"
        } else {
            "operator"
        };
        assert_eq!(explanation["turn"], turn, "{word}");
        assert_eq!(explanation["cause"], word);
        assert_eq!(explanation["runbook"], word);
        assert_section(&explanation);
        let decision = explanation["decision"].as_str().unwrap_or_default();
        let retry = if passes_by_itself {
            "may help"
        } else {
            "does not help"
        };
        assert!(
            decision.ends_with(&format!("a retry {retry}")),
            "{decision}"
        );
        let text = explain(&log, &[&id]).stdout;
        for part in [
            "decided: ",
            "why: ",
            "turn: ",
            "do: ",
            "runbook: ",
            "Stripe: ",
        ] {
            assert!(text.contains(&format!("\n{part}")), "{part}: {text}");
        }
        assert!(text.lines().count() <= 7, "{text}");
    }
}

#[test]
fn an_audit_event_alone_is_enough() {
    let (log, (opened, refused)) = logged(async || {
        let service = Service::start().await;
        let opened = service.create_portal_session(RETURN_URL).await;
        let refused = Reply::status(401);
        service.stripe.answer_always(Endpoint::Sessions, refused);
        let refused = service.create_portal_session(RETURN_URL).await;
        (
            opened.request_id().to_owned(),
            refused.request_id().to_owned(),
        )
    });
    let audit = log.lines().filter(|line| line.contains("portal_session_"));
    let audit = audit.collect::<Vec<_>>().join("\n");
    let opened = explanation(&audit, &opened);
    assert_eq!(
        (&opened["status"], &opened["turn"]),
        (&json!(200), &json!("nobody"))
    );
    assert!(opened["session"].is_string() && opened["org"] == "acme");
    let refused = explanation(&audit, &refused);
    assert_eq!(refused["status"], 502);
    assert_eq!(refused["cause"], "credentials_refused");
}

#[test]
fn what_cannot_be_explained_is_said_and_no_secret_is_printed() {
    const ID: &str = "01JTBQH2FZ8K1RXC0WJ4Z9P3VM";
    let key = format!("am_live_{}", "a1".repeat(18));
    let small = ID.to_lowercase();
    let line = json!({
        "timestamp": "2026-11-28T12:00:00.000000Z", "level": "ERROR", "target": "billing_portal_server::request_layer",
        "event": "answered", "status": 500, "code": "INTERNAL", "cause": format!("{key}\u{1b}[31m"),
        "span": {"request_id": ID, "method": "POST", "path": "/v1/billing/portal"},
    });
    #[rustfmt::skip]
    let rows = [
        (vec![ID], "", 1, "no line with", "an empty log"),
        (vec![ID], "INFO request request_id=01JTBQH2FZ8K1RXC0WJ4Z9P3VM: answered", 1, "log_format", "a log of text"),
        (vec![ID, "--log", "/nowhere/log"], "", 1, "/nowhere/log", "no such file"),
        (vec!["req_123"], "", 1, "X-Request-Id", "Stripe's id"),
        (vec![&key], "", 1, "X-Request-Id", "a key in place of an id"),
        (vec![ID], &line.to_string(), 0, "a bug in the service", "a secret and a control character in the log"),
        (vec!["--json", ID], &line.to_string(), 0, "a bug in the service", "the same as JSON"),
        (vec![&small], &line.to_string(), 0, "a bug in the service", "an id in small letters"),
    ];
    for (arguments, log, code, said, why) in rows {
        let Outcome {
            code: exit,
            stdout,
            stderr,
        } = explain(log, &arguments);
        assert_eq!(exit, code, "{why}: {stderr}");
        let printed = format!("{stdout}{stderr}");
        assert!(printed.contains(said), "{why}: {printed}");
        assert!(!printed.contains("a1a1"), "{why}: {printed}");
        assert!(!printed.contains('\u{1b}'), "{why}: {printed}");
    }
}
