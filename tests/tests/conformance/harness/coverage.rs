//! Every exchange that a test saw, in one file that outlives the tests, for `cargo xtask coverage` to hold to the
//! contract: what is documented must have been produced, and what was produced must be documented.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use conformance::http_message::TestRequest;
use conformance::http_message::TestResponse;

/// Records an exchange whose request is worth recording too; `client` is `sdk` where the SDK sent it.
pub(crate) fn record_exchange(ask: &TestRequest, answer: &TestResponse, client: Option<&str>) {
    let mut headers = object(&ask.headers);
    if let Some(authorization) = headers.get_mut("authorization") {
        *authorization = "Bearer, and a key that is not recorded".into();
    }
    let request = json!({ "method": ask.method, "path": ask.path, "headers": headers, "body": String::from_utf8_lossy(&ask.body) });
    let headers = object(&answer.headers);
    let response = json!({ "headers": headers, "body": String::from_utf8_lossy(&answer.body) });
    append(
        answer,
        &[
            ("request", request),
            ("response", response),
            ("client", client.into()),
        ],
    );
}

/// Records only what was answered: the bytes that were sent are no proper request.
pub(crate) fn record_answer(answer: &TestResponse) {
    append(answer, &[]);
}

/// Appends one line to `conformance/coverage.jsonl` in the target directory. Tests run in many processes at a time,
/// so the line goes out in one write to a file opened for appending, which never interleaves.
fn append(answer: &TestResponse, more: &[(&str, Value)]) {
    let names: Vec<&str> = answer
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let mut line = json!({
        "status": answer.status,
        "code": answer.code(),
        "headers": names,
    });
    // 404 and 405 are answers to what is routed to no operation.
    if !matches!(answer.status, 404 | 405) {
        line["operation"] = "create_portal_session".into();
    }
    for (name, value) in more.iter().filter(|(_, value)| !value.is_null()) {
        line[*name] = value.clone();
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target directory");
    let directory = target.join("conformance");
    fs::create_dir_all(&directory).expect("the target directory can be written");
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.join("coverage.jsonl"))
        .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .expect("the record can be written");
}

fn object(headers: &[(String, String)]) -> Map<String, Value> {
    let headers = headers.iter();
    headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().into()))
        .collect()
}
