//! Every exchange that a test saw, in one file that outlives the tests: which documented answers were produced.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::ask::Ask;

/// Appends one line to `conformance/coverage.jsonl` in the target directory. Tests run in many processes at a time,
/// so the line goes out in one write to a file opened for appending, which never interleaves.
///
/// `cargo xtask coverage` holds the lines to the contract. What was asked is told where the test wrote it as an
/// [`Ask`], with the key left out.
pub(crate) fn record(method: &str, ask: Option<&Ask>, answer: &Answer) {
    let operation = match answer.status {
        404 | 405 => None,
        _ => Some("create_portal_session"),
    };
    let headers: Vec<&str> = answer
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let line = json!({
        "operation": operation,
        "status": answer.status,
        "code": answer.code(),
        "headers": headers,
        "request": ask.map(request),
        "response": { "headers": named(&answer.headers), "body": (method != "HEAD").then(|| answer.text()) },
    });
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
        .expect("the coverage file can be written");
}

fn request(ask: &Ask) -> Value {
    let redacted = |(name, value): &(&str, String)| {
        let name = name.to_ascii_lowercase();
        let value = if name == "authorization" { "…" } else { value };
        (name, Value::from(value))
    };
    let headers: Map<_, _> = ask.headers.iter().map(redacted).collect();
    json!({ "headers": headers, "body": String::from_utf8_lossy(&ask.body) })
}

fn named(headers: &[(String, String)]) -> Value {
    headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}
