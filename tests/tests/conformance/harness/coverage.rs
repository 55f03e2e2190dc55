//! Every exchange that a test saw, in one file that outlives the tests: which documented answers were produced.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::answer::Answer;

/// Appends one line to `conformance/coverage.jsonl` in the target directory. Tests run in many processes at a time,
/// so the line goes out in one write to a file opened for appending, which never interleaves.
pub(crate) fn record(answer: &Answer) {
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
