//! Holds one answer to what the corpus expects, and to the contract.

use regex::Regex;

use super::case::{Case, Code, Expectation};
use crate::harness::{contract, coverage};
use billing_portal_tests::http_message::TestResponse;

/// Adds what is wrong. No answer counts as status 0.
pub(super) fn check_response(
    answer: Option<&TestResponse>,
    case: &Case,
    expected: &Expectation,
    problems: &mut Vec<String>,
) {
    let status = answer.map_or(0, |answer| answer.status);
    if !expected.status.contains(&status) {
        problems.push(format!("status {status}, expected {:?}", expected.status));
        return;
    }
    let Some(answer) = answer else { return };
    // What is refused before it is routed may have an empty body; all else is in the contract.
    if !answer.body.is_empty() || case.request.method == "HEAD" {
        let exchange = coverage::answer_only(&case.request.method, answer);
        problems.extend(contract::problems(&exchange));
        coverage::record(&exchange);
    }
    check_code(answer, expected, problems);
    check_headers(answer, expected, problems);
    if expected.body_empty && !answer.body.is_empty() {
        problems.push("the body is not empty".to_owned());
    }
    if expected
        .max_body
        .is_some_and(|limit| answer.body.len() > limit)
    {
        problems.push(format!("a body of {} bytes", answer.body.len()));
    }
}

fn check_code(answer: &TestResponse, expected: &Expectation, problems: &mut Vec<String>) {
    let body = answer.json();
    match &expected.code {
        Code::Unchecked => return,
        Code::Success => {
            let url = body["data"]["portal_url"].as_str().unwrap_or_default();
            if body["success"] != true || !url.starts_with("https://") {
                problems.push("not a success envelope".to_owned());
            }
        }
        Code::OneOf(codes) => {
            let code = answer.code().unwrap_or_default();
            if !codes.contains(&code) {
                problems.push(format!("code {code:?}, expected {codes:?}"));
            }
        }
    }
    let details = &body["error"]["details"];
    for field in &expected.details {
        if details[field].as_str().is_none_or(str::is_empty) {
            problems.push(format!("details.{field} is missing"));
        }
    }
    if expected.not_request_id.as_deref() == Some(answer.request_id()) {
        problems.push("the request id was taken from the caller".to_owned());
    }
}

fn check_headers(answer: &TestResponse, expected: &Expectation, problems: &mut Vec<String>) {
    for (name, pattern) in &expected.headers {
        let pattern = Regex::new(pattern).expect("a regular expression");
        if !pattern.is_match(answer.header(name).unwrap_or_default()) {
            problems.push(format!("header {name}: {:?}", answer.header(name)));
        }
    }
    for name in &expected.no_headers {
        if answer.headers.iter().any(|(header, _)| header == name) {
            problems.push(format!("header {name} is there"));
        }
    }
    for (name, value) in &expected.not_equal_header {
        if answer.header(name) == Some(value) {
            problems.push(format!("header {name} echoes the caller"));
        }
    }
}
