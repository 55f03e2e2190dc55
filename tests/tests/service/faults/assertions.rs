//! Asserts that the response, the attempts, the log and the metrics are what the case expects, and what the head of the
//! corpus says of all cases.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::case::{CUSTOMER, Case};
use crate::harness::faulty_stripe::SessionCall;
use crate::harness::faulty_stripe::step::Kind;
use crate::harness::log;
use billing_portal_tests::http_message::{RETURN_URL, TestResponse};

/// The response to a caller contains nothing that Stripe wrote, except the URL on success.
pub(super) fn assert_response(case: &Case, answer: &TestResponse, elapsed: Duration) {
    let expect = &case.expect;
    if let Some(status) = expect.status() {
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    match expect.code.as_deref() {
        None if answer.status == 200 => {
            let url = &answer.json()["data"]["portal_url"];
            let last = case.steps().pop().and_then(|step| step.json);
            let expected = last.as_ref().map_or(url, |session| &session["url"]);
            assert_eq!(url, expected, "the URL, unchanged");
        }
        Some("VALIDATION_FAILED") => {
            let [field] = expect.details.as_slice() else {
                panic!("one field in {:?}", expect.details)
            };
            _ = answer.assert_invalid(field, "was refused by the payment provider");
        }
        code => _ = answer.assert_error(code.unwrap_or("BILLING_PORTAL_UNAVAILABLE")),
    }
    if expect.retry_after_header && answer.status == 502 {
        answer.assert_retry_after(1..=30);
    }
    if let Some(within) = expect.answered_within_ms {
        assert!(elapsed < Duration::from_millis(within), "took {elapsed:?}");
    }
}

/// Every attempt sends the same request, under one idempotency key. Returns the key.
pub(super) fn assert_same_request(calls: &[SessionCall], secret: &str) -> Option<String> {
    let key = calls.first()?.header("idempotency-key")?.to_owned();
    for call in calls {
        assert_eq!(call.header("idempotency-key"), Some(key.as_str()));
        let bearer = format!("Bearer {secret}");
        let expected = [
            ("authorization", bearer.as_str()),
            ("accept-encoding", "identity"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        for (name, value) in expected {
            assert_eq!(call.header(name), Some(value), "{name}");
        }
        assert!(call.header("stripe-version").is_some());
        assert_eq!(call.field("customer"), Some(CUSTOMER));
        assert_eq!(call.field("return_url"), Some(RETURN_URL));
        assert!(call.field("configuration").is_some());
    }
    Some(key)
}

/// Fields of a case's `log` that are about the log as a whole, not about one line.
const FIELDS_OF_THE_LOG: [&str; 2] = ["must_not_include", "once"];

/// The log has the line that the case names, and nothing that must not be logged.
pub(super) fn assert_log(case: &Case, text: &str) {
    let lines = log::lines(text);
    let matches = |line: &&Value| {
        let mut fields = case.log.iter();
        fields.all(|(field, expected)| is_logged(case, field, expected, &line[field]))
    };
    let found = lines.iter().filter(matches).count();
    let event = &case.log["event"];
    let of_the_event: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == *event)
        .collect();
    assert!(found > 0, "no line of {:?} in {of_the_event:?}", case.log);
    if case.log.get("once").is_some() {
        assert_eq!(of_the_event.len(), 1, "{event} is logged once");
    }
    let is_retried = lines.iter().any(|line| line["event"] == "stripe_retry");
    match case.retried.as_str() {
        "no" => assert!(!is_retried, "nothing is retried"),
        "yes" => assert!(is_retried, "something is retried"),
        _ => {}
    }
    assert_nothing_leaks(case, text);
}

fn is_logged(case: &Case, field: &str, expected: &Value, logged: &Value) -> bool {
    if let Some(deviating) = case.deviation(field) {
        return logged == deviating;
    }
    match (field, expected.as_str().unwrap_or_default()) {
        (field, _) if FIELDS_OF_THE_LOG.contains(&field) => true,
        // The corpus' name for every 2xx that cannot be used; the log says what is wrong with it.
        ("reason", "invalid_response") => logged.is_string(),
        ("level", level) => *logged == level.to_uppercase(),
        _ => logged == expected,
    }
}

fn assert_nothing_leaks(case: &Case, text: &str) {
    let listed = case.log.get("must_not_include").and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_str);
    let secrets = ["sk_live_", "rk_live_", "am_live_", "/p/session/"];
    let mut forbidden: Vec<String> = secrets
        .into_iter()
        .chain(listed)
        .map(str::to_owned)
        .collect();
    forbidden.push(RETURN_URL.to_owned());
    for step in case.steps() {
        let json = step.json.as_ref();
        let message = json.and_then(|json| json["error"]["message"].as_str());
        let url = json.and_then(|json| json["url"].as_str());
        // A short text may be part of a harmless word; it must not be a value.
        let texts = [message, url, step.text.as_deref()].into_iter().flatten();
        forbidden.extend(texts.map(|text| match text.len() {
            0..10 => format!("\"{text}\""),
            _ => text.to_owned(),
        }));
    }
    for text_of_others in forbidden.iter().filter(|text| text.len() > 2) {
        let mut lines = text.lines();
        let leak = lines.find(|line| line.contains(text_of_others));
        assert_eq!(leak, None, "{text_of_others} is in the log");
    }
}

/// The log has one line for each attempt, with what finds the attempt at Stripe. An attempt that opened the portal has
/// it in the line of the request.
pub(super) fn assert_logged_attempts(lines: &[Value], attempts: usize, key: Option<&str>) {
    let is_opened = |line: &&Value| {
        let of_a_portal = line["span"]["path"] == "/v1/billing/portal";
        of_a_portal && line["event"] == "answered" && line["status"] == 200
    };
    let opened = lines.iter().find(is_opened);
    if let Some(line) = opened {
        assert_eq!(line["attempts"], attempts);
        assert!(line["stripe_elapsed_ms"].is_u64());
        assert!(line["stripe_request_id"].is_string());
        assert!(key.is_none_or(|key| line["idempotency_key"] == key));
    }
    let attempts = attempts - usize::from(opened.is_some());
    let of_sessions = |line: &&Value| {
        line["event"] == "stripe_call" && line["path"] == "/v1/billing_portal/sessions"
    };
    let tries: Vec<_> = lines.iter().filter(of_sessions).collect();
    assert_eq!(tries.len(), attempts, "a line for each attempt");
    for (number, line) in tries.iter().enumerate() {
        assert_eq!(line["attempt"], number + 1);
        assert!(line["elapsed_ms"].is_u64());
        assert!(key.is_none_or(|key| line["idempotency_key"] == key));
    }
}

/// A request that ended in 502 has one cause: in the line of the failure, in the line of the request and at /metrics.
pub(super) fn assert_cause(
    case: &Case,
    lines: &[Value],
    calls: &[SessionCall],
    unavailable: &BTreeMap<String, u64>,
) {
    let is_failure = |line: &&Value| {
        line["upstream_cause"].is_string()
            && line["event"] != "stripe_call"
            && line["event"] != "answered"
    };
    let failures: Vec<_> = lines.iter().filter(is_failure).collect();
    let [failure] = failures.as_slice() else {
        panic!("the failure is logged once: {failures:?}")
    };
    let name = failure["upstream_cause"].as_str().unwrap_or_default();
    let counted = BTreeMap::from([(name.to_owned(), 1)]);
    assert_eq!(*unavailable, counted, "one cause is counted");
    let answered = lines.iter().find(|line| line["event"] == "answered");
    assert_eq!(
        answered.map(|line| &line["upstream_cause"]),
        Some(&failure["upstream_cause"])
    );
    let last = case.steps().pop().map(|step| step.kind);
    if let (Some(Kind::Http | Kind::TruncatedBody | Kind::EndlessBody), Some(call)) =
        (last, calls.last())
    {
        assert_eq!(failure["stripe_request_id"], call.request_id.as_str());
    }
}

/// The same for many requests: /metrics counts as many causes as the log has, and as many as there are responses 502.
pub(super) fn assert_causes(text: &str, answers: usize, unavailable: &BTreeMap<String, u64>) {
    let mut logged = BTreeMap::new();
    for line in log::lines(text) {
        if let ("answered", Some(cause)) = (
            line["event"].as_str().unwrap_or_default(),
            line["upstream_cause"].as_str(),
        ) {
            *logged.entry(cause.to_owned()).or_insert(0) += 1;
        }
    }
    assert_eq!(
        *unavailable, logged,
        "each cause is counted as often as it is logged"
    );
    assert_eq!(logged.values().sum::<u64>(), answers as u64);
}
