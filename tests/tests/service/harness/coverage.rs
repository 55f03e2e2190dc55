//! Every exchange that a test saw, in one file that outlives the tests, for `cargo xtask coverage` to hold to the
//! contract: what is documented must have been produced, and what was produced must be documented.

use std::fs::{self, OpenOptions};
use std::io::Write;

use billing_portal_tests::http_message::{TestRequest, TestResponse};
use billing_portal_tests::workspace::target;
use serde_json::{Map, Value, json};

use super::contract;

/// An exchange as it is recorded; `client` is `sdk` where the SDK sent it.
pub(crate) fn exchange(
    request: &TestRequest,
    answer: &TestResponse,
    client: Option<&str>,
) -> Value {
    let mut headers = object(&request.headers);
    if let Some(authorization) = headers.get_mut("authorization") {
        *authorization = "Bearer, and a key that is not recorded".into();
    }
    let mut exchange = answer_only(&request.method, answer);
    if exchange["operation"].is_string() {
        exchange["operation"] = contract::operation_of(&request.path).into();
    }
    exchange["request"] = json!({ "method": request.method, "path": request.path, "headers": headers, "body": String::from_utf8_lossy(&request.body) });
    if let Some(client) = client {
        exchange["client"] = client.into();
    }
    exchange
}

/// An exchange whose request is not recorded: the bytes that were sent are no proper request.
pub(crate) fn answer_only(method: &str, answer: &TestResponse) -> Value {
    let names = answer.headers.iter().map(|(name, _)| name.as_str());
    let names: Vec<&str> = names.collect();
    let headers = object(&answer.headers);
    let mut exchange = json!({
        "status": answer.status,
        "code": answer.code(),
        "headers": names,
        "request": { "method": method },
        "response": { "headers": headers, "body": String::from_utf8_lossy(&answer.body) },
    });
    // 404 and 405 are answers to requests that no operation has.
    if !matches!(answer.status, 404 | 405) {
        exchange["operation"] = "create_portal_session".into();
    }
    exchange
}

/// Appends an exchange to `tests/coverage.jsonl` in the target directory. Tests run in many processes at a time,
/// so the line goes out in one write to a file opened for appending, which never interleaves.
pub(crate) fn record(exchange: &Value) {
    let directory = target().join("tests");
    fs::create_dir_all(&directory).expect("the target directory can be written");
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join("coverage.jsonl"))
        .and_then(|mut file| file.write_all(format!("{exchange}\n").as_bytes()))
        .expect("the record can be written");
}

fn object(headers: &[(String, String)]) -> Map<String, Value> {
    let headers = headers.iter();
    headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().into()))
        .collect()
}
