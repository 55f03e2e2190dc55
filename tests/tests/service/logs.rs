//! What the process writes about itself: everything an operator needs, and no secret.

use billing_portal_tests::stripe::{Endpoint, Reply};
use serde_json::{Value, json};

use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use billing_portal_tests::http_message::TestRequest;

const SECRET_RETURN_URL: &str = "https://app.example.com/settings?token=callers-own-secret";

#[tokio::test]
async fn at_trace_level_no_secret_is_logged_whatever_fails() {
    let service = Service::start().await;
    let process = Process::beside(&service, &[("LOG", "trace")]).await;
    let opened = send(
        process.api,
        &TestRequest::portal(service.key(), SECRET_RETURN_URL),
    )
    .await;
    fail_in_many_ways(&service, &process).await;
    process.terminate().await;
    let (code, log) = process.end().await;
    assert_eq!(code, Some(0));

    let is_found = log.lines().any(|line| line.contains(opened.request_id()));
    assert!(is_found, "the request is found by its id");
    let (key, secret) = (service.key(), service.stripe.secret());
    let body = opened.json();
    let portal_url = body["data"]["portal_url"].as_str().expect("a URL");
    let in_the_url = portal_url.rsplit('_').next().expect("a secret part");
    for secret in [
        &key[8..],
        &secret[8..],
        in_the_url,
        "callers-own-secret",
        "Stripe's words",
    ] {
        let leaked: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(
            leaked.is_empty(),
            "{secret} is in the log:\n{}",
            leaked.join("\n")
        );
    }
    for line in log.lines() {
        let is_object = serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object());
        assert!(is_object, "not JSON: {line}");
    }
}

/// Stripe fails with secrets in its words; callers put theirs where they do not belong.
async fn fail_in_many_ways(service: &Service, process: &Process) {
    let secret = service.stripe.secret();
    let good = || TestRequest::portal(service.key(), SECRET_RETURN_URL);
    let message = format!("Stripe's words about {secret}");
    let leak = json!({"error": {"type": "api_error", "message": message}});
    let text = Reply::status(200).body(leak.to_string());
    for reply in [Reply::json(500, &leak), Reply::json(401, &leak), text] {
        service.stripe.answer_always(Endpoint::Sessions, reply);
        assert_eq!(send(process.api, &good()).await.status, 502);
        service.stripe.recover();
    }
    let query = format!(
        "/v1/billing/portal?token=callers-own-secret&key={}",
        service.key()
    );
    let mistakes = [
        good().with_bearer(&format!("{}x", service.key())),
        good().with_bearer(&secret),
        good().with_path(&query),
        good().with_body(r#"{"return_url":"https://callers-own-secret.test/"}"#),
    ];
    for mistake in mistakes {
        send(process.api, &mistake).await;
    }
}
