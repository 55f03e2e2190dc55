//! The table of cases that this SDK and the TypeScript client treat alike: both run it.

use std::collections::BTreeMap;
use std::time::Duration;

use billing_portal_client::{Client, Error};
use billing_portal_tests::corpus::selected;
use billing_portal_tests::http_server::{ScriptedReply, reply};
use serde::Deserialize;

use super::replies::{refusal, serve};
use super::{KEY, RETURN_URL, client_of};

#[derive(Deserialize)]
struct Cases {
    answers: Vec<Answer>,
    retry_after: Vec<RetryAfter>,
    base_urls: Vec<BaseUrl>,
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
struct BaseUrl {
    url: String,
    accepted: bool,
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("../cases.json")).expect("the table is valid")
}

fn observed(error: &Error) -> Expected {
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
        assert_eq!(observed(&error), case.error, "{}", case.name);
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

#[test]
fn each_base_url_is_accepted_or_not() {
    for BaseUrl { url, accepted } in cases().base_urls {
        let built = Client::builder().api_key(KEY).base_url(&*url).build();
        assert_eq!(built.is_ok(), accepted, "{url}: {built:?}");
    }
}
