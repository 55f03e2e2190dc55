//! L6, M13 and S17: what the process itself keeps and does.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

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

/// Everything in the memory of the process that matches. The test is its parent, so it may read it.
fn in_memory(process: &Process, pattern: &str) -> BTreeSet<String> {
    let pattern = regex::bytes::Regex::new(pattern).expect("a pattern");
    let memory = fs::File::open(format!("/proc/{}/mem", process.id())).expect("its own child");
    let maps = process.proc("maps");
    let mut found = BTreeSet::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ').expect("a range");
        let (from, to) = range.split_once('-').expect("a range");
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let (from, to) = (address(from), address(to));
        let mut bytes = vec![0; usize::try_from(to - from).expect("a length")];
        // Some parts, such as the system's own, cannot be read.
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            let texts = pattern.find_iter(&bytes);
            found.extend(texts.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned()));
        }
    }
    found
}

const CALLS: usize = 50;
/// The buffers of the HTTP libraries are not wiped, but used again: one text or two are left there. Whatever keeps texts
/// leaves more.
const MAX_LEFT: usize = 3;

#[tokio::test]
async fn l6_portal_urls_and_keys_are_wiped_from_memory_after_use() {
    let service = Service::start().await;
    // With more threads each has buffers of its own, and how many texts are left depends on which of them were used.
    let one_thread = [("TOKIO_WORKER_THREADS", "1")];
    let unlimited = [("STRIPE_RATE_LIMIT", "0")];
    let process = Process::in_environment(&service, &unlimited, &one_thread).await;
    let mut urls = Vec::new();
    let mut keys = Vec::new();
    for number in 0..CALLS {
        let key = service
            .organization(&format!("o{number}"), Some(&format!("cus_{number}")))
            .await;
        let opened = send(process.api, &TestRequest::portal(&key, RETURN_URL)).await;
        let url = opened.json()["data"]["portal_url"]
            .as_str()
            .expect("a URL")
            .to_owned();
        urls.push(url);
        keys.push(key);
    }
    let keys: BTreeSet<String> = keys.into_iter().collect();
    let found = in_memory(&process, "am_live_[0-9A-Za-z]{36}");
    let left = found.intersection(&keys).count();
    assert!(left <= MAX_LEFT, "{left} of {CALLS} keys");
    let urls: BTreeSet<String> = urls.into_iter().collect();
    let found = in_memory(
        &process,
        "https://billing\\.stripe\\.com/p/session/live_[0-9a-f]{16}",
    );
    let left = found.intersection(&urls).count();
    assert!(left <= MAX_LEFT, "{left} of {CALLS} URLs");
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
