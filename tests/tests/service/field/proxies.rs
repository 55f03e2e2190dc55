//! What a load balancer before the service expects: an idle time that is longer than its own, and a sign in the log
//! when it speaks HTTP/2.

use std::time::Duration;

use crate::harness::command;
use crate::harness::log;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

/// What happens at once may take so long on a busy machine.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame, as a client sends it after the preface.
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn s11_the_default_idle_time_is_longer_than_that_of_balancers() {
    let schema = command::run(&["config", "schema"], &[]).await;
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).expect("a schema");
    let setting = &schema["properties"]["idle_timeout_seconds"];
    assert_eq!(setting["default"], 75);
    let reason = setting["description"].as_str().expect("a description");
    assert!(reason.contains("60 s"), "{reason}");
}

#[tokio::test]
async fn s11_a_connection_stays_open_for_the_idle_time() {
    let service = Service::builder()
        .set("IDLE_TIMEOUT_SECONDS", "4")
        .start()
        .await;
    let request = TestRequest::portal(service.key(), RETURN_URL);
    let mut connection = ClientConnection::open(service.api())
        .await
        .expect("it listens");
    for pause in [0, 700, 1_500] {
        assert!(!connection.is_closed(Duration::from_millis(pause)).await);
        connection
            .send(&request.to_bytes())
            .await
            .expect("it is open");
        let answer = connection
            .response("POST", RESPONSE_LIMIT)
            .await
            .expect("an answer");
        assert_eq!(answer.status, 200);
    }
    assert!(connection.is_closed(RESPONSE_LIMIT).await);
}

#[tokio::test]
async fn s21_each_client_that_begins_with_http2_is_one_debug_line() {
    let service = Service::start().await;
    let process = Process::beside(&service, &[("LOG", "info,billing_portal_server=debug")]).await;
    let request = TestRequest::get("/openapi.json").head();
    let attempts: [&[&[u8]]; 5] = [
        &[PREFACE],
        &[PREFACE, SETTINGS],
        &[&PREFACE[..10], &PREFACE[10..]],
        &[&PREFACE[..16], &PREFACE[16..], SETTINGS],
        &[&request, PREFACE],
    ];
    for parts in attempts {
        let mut connection = ClientConnection::open(process.api)
            .await
            .expect("it listens");
        for part in parts {
            connection.send(part).await.expect("it is open");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(connection.is_closed(RESPONSE_LIMIT).await);
    }
    // A client that only offers HTTP/2 is answered in HTTP/1.1.
    let offering = TestRequest::get("/openapi.json")
        .with_header("Upgrade", "h2c")
        .with_header("Connection", "Upgrade, HTTP2-Settings")
        .with_header("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA");
    assert_eq!(send(process.api, &offering).await.status, 200);
    process.terminate().await;
    let (_, text) = process.end().await;
    let lines = log::lines(&text);
    let about_http2 = |line: &&serde_json::Value| line.to_string().contains("HTTP/2");
    let found: Vec<_> = lines.iter().filter(about_http2).collect();
    assert_eq!(found.len(), attempts.len(), "{found:?}");
    assert!(
        found.iter().all(|line| line["level"] == "DEBUG"),
        "{found:?}"
    );
}
