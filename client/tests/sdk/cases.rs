//! The table of cases that this SDK and the TypeScript client treat alike: both run it.

use std::collections::BTreeMap;
use std::time::Duration;

use billing_portal_client::{Client, Error};
use billing_portal_tests::corpus::selected;
use billing_portal_tests::http_server::{ScriptedReply, reply};
use serde::Deserialize;

use super::replies::{json, opened, refusal, serve, session};
use super::{KEY, RETURN_URL, client_of};

#[derive(Deserialize)]
struct Cases {
    answers: Vec<Answer>,
    retry_after: Vec<RetryAfter>,
    base_urls: Vec<Url>,
    portal_urls: Vec<Url>,
    traces: Vec<Trace>,
}

/// One answer, and the error that it becomes.
#[derive(Deserialize)]
struct Answer {
    name: String,
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    error: Expected,
    /// How many requests a client with one retry makes.
    requests: usize,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Expected {
    kind: String,
    code: Option<String>,
    status: u16,
    request_id: Option<String>,
    /// The path of its explanation.
    help: Option<String>,
    is_retryable: bool,
    retry_after: Option<u64>,
    message: String,
}

/// `seconds` is absent if the value counts as absent.
#[derive(Deserialize)]
struct RetryAfter {
    date: Option<String>,
    value: String,
    seconds: Option<u64>,
}

#[derive(Deserialize)]
struct Url {
    url: String,
    accepted: bool,
}

/// What a program has of its caller's trace, and what is sent of it.
#[derive(Deserialize)]
struct Trace {
    #[serde(flatten)]
    given: TraceHeaders,
    sent: TraceHeaders,
}

#[derive(Debug, Deserialize, PartialEq)]
struct TraceHeaders {
    traceparent: Option<String>,
    tracestate: Option<String>,
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("../cases.json")).expect("the table is valid")
}

fn observed(error: &Error, base_url: &str) -> Expected {
    Expected {
        kind: match error {
            Error::Api(_) => "Api",
            Error::UnexpectedAnswer(_) => "UnexpectedAnswer",
            _ => "another",
        }
        .to_owned(),
        code: error.code().map(|code| code.as_str().to_owned()),
        status: error.status().map_or(0, |status| status.as_u16()),
        request_id: error.request_id().map(str::to_owned),
        help: error.help_url().map(|url| url.replace(base_url, "")),
        is_retryable: error.is_retryable(),
        retry_after: error.retry_after().map(|wait| wait.as_secs()),
        message: error.to_string(),
    }
}

#[tokio::test]
async fn each_answer_becomes_its_error() {
    for case in selected(cases().answers, |case| &case.name) {
        let headers: String = case
            .headers
            .iter()
            .flat_map(|(name, value)| [name, ": ", value, "\r\n"])
            .collect();
        let server = serve([ScriptedReply::Whole(reply(
            case.status,
            &headers,
            &case.body,
        ))])
        .await;
        let client = client_of(&server).max_retries(1).build();
        let client = client.expect("valid settings");
        let call = client.create_portal_session(RETURN_URL);
        let error = call.await.expect_err(&case.name);
        assert_eq!(
            observed(&error, &server.base_url()),
            case.error,
            "{}",
            case.name
        );
        assert_eq!(server.requests().len(), case.requests, "{}", case.name);
    }
}

#[tokio::test]
async fn each_retry_after_is_read() {
    for RetryAfter {
        date,
        value,
        seconds,
    } in cases().retry_after
    {
        let date = date.map_or_else(String::new, |date| format!("Date: {date}\r\n"));
        let headers = format!("{date}Retry-After: {value}\r\n");
        let server = serve([refusal(429, "RATE_LIMITED", &headers)]).await;
        let client = client_of(&server).max_retries(0).build();
        let client = client.expect("valid settings");
        let call = client.create_portal_session(RETURN_URL);
        let error = call.await.expect_err("refused");
        let expected = seconds.map(Duration::from_secs);
        assert_eq!(error.retry_after(), expected, "{value}");
    }
}

#[tokio::test]
async fn each_portal_url_is_accepted_or_not() {
    for Url { url, accepted } in cases().portal_urls {
        let body = session(&url.replace('\\', r"\\"));
        let server = serve([json(200, "", &body)]).await;
        let client = client_of(&server).max_retries(0).build();
        let client = client.expect("valid settings");
        let opened = client.create_portal_session(RETURN_URL).await;
        match opened {
            Ok(session) => assert!(accepted && session.portal_url.expose() == url, "{url}"),
            Err(error) => assert!(
                !accepted && error.to_string().contains("portal URL is not valid"),
                "{url}: {error}"
            ),
        }
    }
}

#[tokio::test]
async fn each_trace_is_sent_or_not() {
    for Trace { given, sent } in cases().traces {
        let server = serve([refusal(503, "SERVICE_UNAVAILABLE", ""), opened()]).await;
        let client = client_of(&server).build().expect("valid settings");
        let mut call = client.create_portal_session(RETURN_URL);
        if let Some(value) = &given.traceparent {
            call = call.traceparent(value);
        }
        if let Some(value) = &given.tracestate {
            call = call.tracestate(value);
        }
        call.await.expect("the second try succeeds");
        let requests = server.requests();
        assert_eq!(requests.len(), 2, "{given:?}");
        for request in requests {
            let header = |name| request.header(name).map(str::to_owned);
            let seen = TraceHeaders {
                traceparent: header("traceparent"),
                tracestate: header("tracestate"),
            };
            assert_eq!(seen, sent, "{given:?}");
            assert_eq!(header("x-evil"), None, "{given:?}");
        }
    }
}

#[test]
fn each_base_url_is_accepted_or_not() {
    for Url { url, accepted } in cases().base_urls {
        let built = Client::builder().api_key(KEY).base_url(&*url).build();
        assert_eq!(built.is_ok(), accepted, "{url}: {built:?}");
    }
}
