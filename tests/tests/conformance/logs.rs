//! What the process writes about itself: everything an operator needs, and no secret.

use std::time::Duration;

use conformance::stripe::{Endpoint, Reply};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::ask::Ask;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};

const RETURN_URL: &str = "https://app.example.com/settings?token=callers-own-secret";

#[tokio::test]
async fn at_trace_level_no_secret_is_written_whatever_fails() {
    let service = Service::start().await;
    let mut variables = service.variables().to_vec();
    variables.push(("BILLING_PORTAL_LOG".to_owned(), "trace".to_owned()));
    let process = Process::serve(&variables).await;
    while send(process.operations, &Ask::get("/readyz")).await.json()["portal_configuration_verified"]
        != true
    {
        sleep(Duration::from_millis(10)).await;
    }
    let secret = service.stripe.secret();
    let leak = json!({"error": {"type": "api_error", "message": format!("Stripe's words about {secret}")}});
    let good = Ask::portal(service.key(), RETURN_URL);
    let mistaken = format!("{}x", service.key());
    let opened = send(process.api, &good).await;
    for reply in [
        Reply::json(500, &leak),
        Reply::json(401, &leak),
        Reply::status(200).body(leak.to_string()),
    ] {
        service.stripe.answer_always(Endpoint::Sessions, reply);
        assert_eq!(send(process.api, &good).await.status, 502);
        service.stripe.recover();
    }
    for ask in [
        good.clone().bearer(&mistaken),
        good.clone().bearer(&secret),
        good.clone().path(&format!(
            "/v1/billing/portal?token=callers-own-secret&key={}",
            service.key()
        )),
        good.clone()
            .body(r#"{"return_url":"https://callers-own-secret.test/"}"#),
    ] {
        send(process.api, &ask).await;
    }
    process.terminate().await;
    let (code, log) = process.end().await;
    assert_eq!(code, Some(0));

    let request_ids: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(opened.request_id()))
        .collect();
    assert!(!request_ids.is_empty(), "the request is found by its id");
    let portal_url = opened.json()["data"]["portal_url"]
        .as_str()
        .expect("a URL")
        .to_owned();
    let portal_secret = portal_url.rsplit('_').next().expect("a secret part");
    let secrets = [
        &service.key()[8..],
        &secret[8..],
        portal_secret,
        "callers-own-secret",
        "Stripe's words",
    ];
    for secret in secrets {
        let leaked: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(
            leaked.is_empty(),
            "{secret} is in the log:\n{}",
            leaked.join("\n")
        );
    }
    for line in log.lines() {
        assert!(
            serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()),
            "not JSON: {line}"
        );
    }
}
