//! Whatever is sent, each line of the log is one JSON object of bounded length, without a secret.

use billing_portal_tests::stripe::{Endpoint, Reply};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

/// Ten fields of 256 bytes, each byte escaped as `\u0000`, and the fields that the service writes itself.
const MAX_LINE_BYTES: usize = 16 * 1024;
const GENERATED_REQUESTS: usize = 200;
const SECRET: &str = "Zk3v9TqLmX7RbY2NcW5d";

/// Sends each request to a service that logs everything; answers the lines, and checks that each request that was
/// routed has one. What the HTTP engine refuses, such as an invalid path, has no id and no line.
async fn log_of(service: &Service, requests: &[TestRequest]) -> Vec<String> {
    let process = Process::beside(service, &[("LOG", "trace,hyper=off")]).await;
    let mut ids = Vec::new();
    for request in requests {
        let answer = send(process.api, request).await;
        ids.extend(answer.header("x-request-id").map(str::to_owned));
    }
    assert!(ids.len() > requests.len() / 2, "most requests are routed");
    process.terminate().await;
    let (code, log) = process.end().await;
    assert_eq!(code, Some(0));
    let lines: Vec<String> = log.lines().map(str::to_owned).collect();
    for id in ids {
        let has_id = |line: &String| line.contains("\"answered\"") && line.contains(&id);
        assert_eq!(lines.iter().filter(|line| has_id(line)).count(), 1, "{id}");
    }
    lines
}

/// Each line is one JSON object, within its bounds, and without this secret.
fn assert_well_formed(lines: &[String]) -> Vec<Value> {
    let read = |line: &String| {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(value.is_object(), "{line}");
        assert!(line.len() <= MAX_LINE_BYTES, "{} bytes: {line}", line.len());
        assert!(!line.contains(SECRET), "{line}");
        assert_no_field_is_long(&value);
        value
    };
    lines.iter().map(read).collect()
}

fn assert_no_field_is_long(value: &Value) {
    match value {
        Value::Object(fields) => fields.values().for_each(assert_no_field_is_long),
        Value::String(text) => assert!(text.len() <= 256, "{text}"),
        _ => {}
    }
}

#[tokio::test]
async fn c1_long_and_hostile_paths_and_methods_are_cut_in_the_log() {
    let service = Service::start().await;
    let repeated = |text: &str, bytes: usize| text.repeat(bytes / text.len());
    let requests = [
        TestRequest::get(&format!("/{}", repeated("am_live_-", 8_000))),
        TestRequest::get(&format!("/{}", repeated("whsec_", 8_000))),
        TestRequest::get(&format!("/{}", repeated("/p/session/", 8_000))),
        TestRequest::get(&format!("/am%5Flive%5F{SECRET}")),
        TestRequest::get("/").with_method(&repeated("A", 30_000)),
        TestRequest::get("/").with_method(&"B".repeat(33)),
        TestRequest::get("/").with_method(&"C".repeat(32)),
    ];
    let lines = log_of(&service, &requests).await;
    let answered: Vec<Value> = assert_well_formed(&lines)
        .into_iter()
        .filter(|line| {
            line["event"] == "answered" && line["span"]["method"] != "GET" || line["status"] == 404
        })
        .map(|line| {
            json!([
                line["status"],
                line["span"]["method"],
                line["span"]["path"].as_str().map(str::len)
            ])
        })
        .collect();
    let expected = [
        json!([404, "GET", 256]),
        json!([404, "GET", 19]),
        json!([404, "GET", 18]),
        json!([404, "GET", 11]),
        json!([400, null, 1]),
        json!([400, null, 1]),
        json!([404, "C".repeat(32), 1]),
    ];
    assert_eq!(answered, expected);
}

#[tokio::test]
async fn c1_a_secret_in_a_path_is_not_logged_whatever_its_kind_and_spelling() {
    let service = Service::start().await;
    let paths = [
        format!("/sk_org_live_{SECRET}"),
        format!("/sk_org_{SECRET}/x"),
        format!("/rk_org_test_{SECRET}"),
        format!("/x/ek_test_{SECRET}"),
        format!("/am%25%35%46test%25%35%46{SECRET}"),
        format!("/%25%36%31m%255Flive_{SECRET}"),
        format!("/sk%25%32%35%35%46live%%35F{SECRET}"),
    ];
    let lines = log_of(&service, &paths.map(|path| TestRequest::get(&path))).await;
    assert_well_formed(&lines);
    let logged = lines.iter().filter(|line| line.contains("[redacted]"));
    assert!(logged.count() >= 7, "{lines:?}");
}

#[tokio::test]
async fn c1_a_secret_in_a_path_is_not_logged_where_the_path_is_cut() {
    let service = Service::start().await;
    let key = format!("am_test_{SECRET}{}", &SECRET[..16]);
    let path = |padding| format!("/{key}/{}{key}", "x".repeat(padding));
    let paths: Vec<String> = (160..256).step_by(3).map(path).collect();
    let requests: Vec<TestRequest> = paths.iter().map(|path| TestRequest::get(path)).collect();
    let lines = log_of(&service, &requests).await;
    assert_well_formed(&lines);
    for line in lines {
        assert!(!line.contains(&SECRET[..6]), "{line}");
    }
}

#[tokio::test]
async fn m9_characters_of_a_path_that_nobody_sees_are_escaped() {
    let service = Service::start().await;
    #[rustfmt::skip]
    let paths = [
        ("/a\u{ad}b", "/a\\u00adb"),
        ("/c\u{e0041}\u{e007f}d", "/c\\udb40\\udc41\\udb40\\udc7fd"),
        ("/e\u{180e}\u{2065}\u{fff9}f", "/e\\u180e\\u2065\\ufff9f"),
        ("/g\u{3164}\u{e0100}h", "/g\\u3164\\udb40\\udd00h"),
        ("/ü❤\u{fe0f}😀", "/ü❤\u{fe0f}😀"),
    ];
    let requests = paths.map(|(path, _)| TestRequest::get(path));
    let log = log_of(&service, &requests).await.join("\n");
    for (path, logged) in paths {
        assert!(log.contains(logged), "{logged}: {log}");
        assert!(path == logged || !log.contains(path), "{logged}: {log}");
    }
}

#[tokio::test]
async fn c1_a_method_that_is_too_long_is_refused_and_the_connection_closed() {
    let service = Service::start().await;
    for bytes in [33, 1_000, 30_000] {
        // Malformed HTTP, as the contract has it, is answered without a body.
        let answer = send(
            service.api(),
            &TestRequest::get("/").with_method(&"A".repeat(bytes)),
        )
        .await;
        assert_eq!(answer.status, 400, "{bytes}");
        assert_eq!(answer.header("connection"), Some("close"), "{bytes}");
        assert_eq!(answer.text(), "", "{bytes}");
    }
    let longest = service
        .send(&TestRequest::get("/").with_method(&"A".repeat(32)))
        .await;
    longest.assert_error("NOT_FOUND");
}

#[tokio::test]
async fn h1_whatever_a_caller_sends_each_line_of_the_log_is_one_json_object() {
    let service = Service::start().await;
    let portal = || TestRequest::portal(service.key(), RETURN_URL);
    let mut requests = vec![
        TestRequest::get("/whsec_\""),
        TestRequest::get("/am_live_\\\""),
        TestRequest::get("/p/session/\"x"),
        portal().with_header("X-Forwarded-For", "\"},{\"a\":\"whsec_"),
        portal().with_bearer("am_live_\"\\"),
        portal().with_body("{\"return_url\":\"https://x.test/\\u0000whsec_\\\"\"}"),
        portal().with_header("Content-Type", "text/\"whsec_"),
    ];
    requests.extend(generated(service.key()));
    assert_well_formed(&log_of(&service, &requests).await);
}

/// Requests whose method, path, headers and body hold quotes, escapes, control characters and secrets.
fn generated(key: &str) -> Vec<TestRequest> {
    let secret = "(am_live_|sk_test_|whsec_|rk%5Flive%5F|https://billing.stripe.com/p/session/)";
    let text = format!("[!-~]{{0,60}}({secret}{SECRET})?[!-~]{{0,60}}");
    let strategy = (
        "(POST|GET|PUT|[A-Z!#$%&'*+.^_`|~-]{1,40})",
        prop_oneof![
            Just("/v1/billing/portal".to_owned()),
            text.as_str()
                .prop_map(|path| format!("/{}", path.replace('#', "")))
        ],
        prop_oneof![Just(format!("Bearer {key}")), text.as_str()],
        text.as_str(),
        prop_oneof![
            "\\PC{0,80}",
            text.as_str()
                .prop_map(|text| json!({ "return_url": text }).to_string())
        ],
    );
    let mut runner = TestRunner::deterministic();
    let request = |_| {
        let tree = strategy.new_tree(&mut runner).expect("a request");
        let (method, path, authorization, other, body) = tree.current();
        TestRequest::portal(key, RETURN_URL)
            .with_method(&method)
            .with_path(&path)
            .with_header("Authorization", authorization)
            .with_header("X-Forwarded-For", other)
            .with_body(body)
    };
    (0..GENERATED_REQUESTS).map(request).collect()
}

#[tokio::test]
async fn h1_whatever_stripe_answers_each_line_of_the_log_is_one_json_object() {
    let service = Service::start().await;
    let hostile = format!(
        "\"\\\n\u{2028}\u{202e}\u{7f}whsec_\" sk_live_{SECRET} {}",
        "x".repeat(5_000)
    );
    let error =
        json!({"error": {"type": hostile, "code": hostile, "param": hostile, "message": hostile}});
    let session = json!({"id": hostile, "object": hostile, "url": hostile, "customer": hostile});
    for reply in [
        Reply::json(400, &error),
        Reply::json(402, &error),
        Reply::json(500, &error),
        Reply::json(200, &session),
        Reply::status(200).body(hostile.clone()),
        Reply::json(400, &error).header("Request-Id", "req_\"whsec_\\"),
    ] {
        service.stripe.answer_always(Endpoint::Sessions, reply);
        let lines = log_of(&service, &[TestRequest::portal(service.key(), RETURN_URL)]).await;
        let lines = assert_well_formed(&lines);
        assert!(lines.iter().any(|line| line["status"] == 502), "{lines:?}");
        service.stripe.recover();
    }
}
