//! L6, M13 and S17: what the process itself keeps and does.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

use crate::harness::process::{self, Process};
use crate::harness::service::{Service, send};

#[tokio::test]
async fn l6_the_service_writes_no_core_dump() {
    let service = Service::start().await;
    let process = Process::beside(&service, &[]).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", process.id())).expect("limits");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let figures: Vec<&str> = line
        .expect("the limit")
        .split_whitespace()
        .skip(4)
        .collect();
    assert_eq!(figures[..2], ["0", "0"], "soft and hard");
    process.kill().await;
}

#[tokio::test]
async fn m13_a_variable_that_is_not_utf_8_is_an_error_that_names_it() {
    let unreadable = OsStr::from_bytes(b"https://\xff.example.com");
    let rows = [
        ("BILLING_PORTAL_RETURN_URL_ALLOW_LIST", 1),
        ("BILLING_PORTAL_STRIPE_SECRET_KEY", 1),
        ("BILLING_PORTAL_NO_SUCH_SETTING", 1),
        ("OF_ANOTHER_PROGRAM", 0),
    ];
    for (name, code) in rows {
        let mut command = process::command(&["config", "schema"], &[]);
        let output = command
            .env(name, unreadable)
            .output()
            .await
            .expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{name}");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        let expected = format!("error: the variable {name} is not UTF-8\n");
        assert_eq!(stderr, if code == 1 { expected } else { String::new() });
    }
}

#[tokio::test]
async fn s17_no_signal_of_a_service_manager_loses_a_request() {
    let service = Service::start().await;
    let process = Process::beside(&service, &[("STRIPE_RATE_LIMIT", "0")]).await;
    let portal = TestRequest::portal(service.key(), RETURN_URL);
    for _ in 0..20 {
        let id = process.id().to_string();
        let calling = send(process.api, &portal);
        let sent = tokio::process::Command::new("kill")
            .args(["-HUP", &id])
            .status();
        let (answer, sent) = tokio::join!(calling, sent);
        assert!(sent.is_ok_and(|status| status.success()));
        assert_eq!(answer.status, 200);
    }
    process.terminate().await;
    assert_eq!(process.end().await.0, Some(0));
}
