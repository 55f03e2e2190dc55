//! `billing-portal why` on a log of 100 MB, for `tests/scripts/why`: the time counts with the optimized binary only.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

use billing_portal_tests::service_process;
use serde_json::{Value, json};
use tempfile::TempDir;

const BYTES: usize = 100 * 1024 * 1024;
/// How long an explanation may take.
const LIMIT: Duration = Duration::from_secs(1);

/// The line of a request, as the service writes it.
fn line(number: usize) -> String {
    let line = json!({
        "timestamp": "2026-11-28T12:00:00.000000Z",
        "level": "INFO",
        "event": "answered",
        "status": 401,
        "code": "UNAUTHORIZED",
        "elapsed_us": 180,
        "target": "billing_portal_server::request_layer",
        "span": {
            "request_id": id(number),
            "client": "192.0.2.7",
            "method": "POST",
            "path": "/v1/billing/portal",
            "name": "request",
        },
    });
    format!("{line}\n")
}

fn id(number: usize) -> String {
    format!("01JTBQH2FZ{number:016}")
}

#[tokio::test]
#[ignore = "needs the optimized binary and 100 MB; `tests/scripts/why` runs it"]
async fn a_request_in_a_log_of_100_mb_is_explained_within_a_second() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("log");
    let mut log = BufWriter::new(File::create(&path).expect("our folder"));
    let (mut written, mut lines) = (0, 0);
    while written < BYTES {
        let line = line(lines);
        log.write_all(line.as_bytes()).expect("there is room");
        (written, lines) = (written + line.len(), lines + 1);
    }
    log.flush().expect("there is room");
    let path = path.display().to_string();
    for (place, number) in [("first", 0), ("middle", lines / 2), ("last", lines - 1)] {
        let arguments = ["why", &id(number), "--log", &path, "--json"];
        let began = Instant::now();
        let output = service_process::command(&arguments, &[])
            .expect("the binary")
            .output();
        let output = output.await.expect("it runs");
        let took = began.elapsed();
        let explained: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(explained["code"], "UNAUTHORIZED");
        println!("the {place} of {lines} requests: {} ms", took.as_millis());
        assert!(took < LIMIT, "the {place} took {took:?}");
    }
    let arguments = ["why", &id(lines), "--log", &path];
    let output = service_process::command(&arguments, &[])
        .expect("the binary")
        .output();
    let output = output.await.expect("it runs");
    assert_eq!(output.status.code(), Some(1), "it is not there");
}
