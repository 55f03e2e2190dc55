//! Holds what was answered, tried, logged and counted to what the case expects and to the rules at the corpus' head.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::allowance;
use super::case::Case;
use super::scene::{CUSTOMER, RETURN_URL};
use crate::harness::faulty_stripe::SessionCall;
use crate::harness::faulty_stripe::step::Kind;
use crate::harness::log;
use conformance::http_message::TestResponse;

/// The answer to a caller: nothing that Stripe wrote is in it, but the URL on success.
pub(super) fn answer(case: &Case, answer: &TestResponse, elapsed: Duration) {
    let expect = &case.expect;
    if let Some(status) = expect.status() {
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    match expect.code.as_deref() {
        None if answer.status == 200 => {
            let url = &answer.json()["data"]["portal_url"];
            let last = case.upstream.last().and_then(|step| step.json.as_ref());
            let expected = last.map_or(url, |session| &session["url"]);
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

/// Every try is the same request, under one idempotency key. Answers the key.
pub(super) fn tries(calls: &[SessionCall], secret: &str) -> Option<String> {
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

/// The line that the case names, and nothing that may not be logged.
pub(super) fn log(case: &Case, text: &str) {
    let lines = log::lines(text);
    let matches = |line: &&Value| {
        let mut fields = case.log.iter();
        fields.all(|(field, expected)| {
            allowance::NOT_OF_THE_LINE.contains(&field.as_str())
                || allowance::holds(case, field, expected, &line[field])
        })
    };
    let found = lines.iter().filter(matches).count();
    let event = &case.log["event"];
    let of_the_event: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == *event)
        .collect();
    assert!(found > 0, "no line of {:?} in {of_the_event:?}", case.log);
    if case.log.get("once").is_some() {
        assert_eq!(of_the_event.len(), 1, "{event} is told once");
    }
    let is_retried = lines.iter().any(|line| line["event"] == "stripe_retry");
    match case.retried.as_str() {
        "no" => assert!(!is_retried, "nothing is tried again"),
        "yes" => assert!(is_retried, "something is tried again"),
        _ => {}
    }
    nothing_leaks(case, text);
}

fn nothing_leaks(case: &Case, text: &str) {
    let listed = case.log.get("must_not_include").and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_str);
    let secrets = ["sk_live_", "rk_live_", "am_live_", "/p/session/"];
    let mut forbidden: Vec<String> = secrets
        .into_iter()
        .chain(listed)
        .map(str::to_owned)
        .collect();
    forbidden.push(RETURN_URL.to_owned());
    for step in &case.upstream {
        let json = step.json.as_ref();
        let message = json.and_then(|json| json["error"]["message"].as_str());
        let url = json.and_then(|json| json["url"].as_str());
        // What is short may be a part of an honest word: then it may not be a value.
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

/// One line for each try, with what finds it again at Stripe.
pub(super) fn tries_in_the_log(lines: &[Value], attempts: usize, key: Option<&str>) {
    let of_sessions = |line: &&Value| {
        line["event"] == "stripe_call" && line["path"] == "/v1/billing_portal/sessions"
    };
    let tries: Vec<_> = lines.iter().filter(of_sessions).collect();
    assert_eq!(tries.len(), attempts, "a line for each try");
    for (number, line) in tries.iter().enumerate() {
        assert_eq!(line["attempt"], number + 1);
        assert!(line["elapsed_ms"].is_u64());
        assert!(key.is_none_or(|key| line["idempotency_key"] == key));
    }
}

/// A request that ended in 502: its one cause, in the failure's line, in the request's and at /metrics.
pub(super) fn cause(
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
        panic!("the failure is told once: {failures:?}")
    };
    let word = failure["upstream_cause"].as_str().unwrap_or_default();
    let counted = BTreeMap::from([(word.to_owned(), 1)]);
    assert_eq!(*unavailable, counted, "one cause is counted");
    let answered = lines.iter().find(|line| line["event"] == "answered");
    assert_eq!(
        answered.map(|line| &line["upstream_cause"]),
        Some(&failure["upstream_cause"])
    );
    let last = case.upstream.last().map(|step| step.kind);
    if let (Some(Kind::Http | Kind::TruncatedBody | Kind::EndlessBody), Some(call)) =
        (last, calls.last())
    {
        assert_eq!(failure["stripe_request_id"], call.request_id.as_str());
    }
}

/// The same for many requests: as many causes at /metrics as in the log, and as many as answers 502.
pub(super) fn causes(text: &str, answers: usize, unavailable: &BTreeMap<String, u64>) {
    let mut logged = BTreeMap::new();
    for line in log::lines(text) {
        if let ("answered", Some(cause)) = (
            line["event"].as_str().unwrap_or_default(),
            line["upstream_cause"].as_str(),
        ) {
            *logged.entry(cause.to_owned()).or_insert(0) += 1;
        }
    }
    assert_eq!(*unavailable, logged, "each cause is counted as it is told");
    assert_eq!(logged.values().sum::<u64>(), answers as u64);
}
