//! Plays the cases, or those that `CASE` names, each against a service of its own whose clock stands still.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::case::Case;
use super::delivery::{OLD_SECRET, TIME, deliveries};
use super::{RECEIVED, RETURN_URL, active, count, mapping};
use crate::harness::database::Database;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, customer, event, signed, unix_time};
use billing_portal_tests::corpus::selected;
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::TestRequest;
use billing_portal_tests::http_message::TestResponse;

#[derive(Deserialize)]
struct Corpus {
    cases: Vec<Case>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_delivery_of_the_corpus_gets_its_response_and_has_its_effect() {
    let corpus: Corpus = serde_json::from_str(include_str!("../../../corpora/webhook_cases.json"))
        .expect("the corpus");
    let cases = selected(corpus.cases, |case| &case.name);
    let count = cases.len();
    let mut failures = Vec::new();
    for case in cases {
        if let Err(problem) = play(&case).await {
            failures.push(format!("{} ({}): {problem}", case.name, case.why));
        }
    }
    println!("{} of {count} webhook cases hold", count - failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

async fn play(case: &Case) -> Result<(), String> {
    let service = Service::builder()
        .now(TIME)
        .set("STRIPE_WEBHOOK_SECRET", &format!("{SECRET},{OLD_SECRET}"))
        .start()
        .await;
    let key = service.organization("fresh", None).await;
    service.stripe.add_customer("cus_fresh");
    // Links know the system's time, which is after the case's: what events say counts from here on.
    let mut database = Database::open(&service).await;
    database
        .execute("UPDATE organizations SET customer_as_of = 0")
        .await;

    let deliveries = deliveries(&case.request, &key);
    match case.request.fault.as_deref() {
        None => {}
        Some("db_down") => {
            database
                .execute("ALTER TABLE organizations RENAME TO away")
                .await;
        }
        Some("db_locked") => database.lock_writers().await,
        Some("kill_after_commit") => return kill_after_commit(&service).await,
        Some(other) => panic!("{other} is no fault"),
    }
    let began = Instant::now();
    let answers = send_all(&service, case, &deliveries).await;
    if began.elapsed() > Duration::from_secs(5) {
        return Err(format!("answered after {:?}", began.elapsed()));
    }
    match case.request.fault.as_deref() {
        Some("db_down") => {
            database
                .execute("ALTER TABLE away RENAME TO organizations")
                .await;
        }
        Some("db_locked") => database.unlock_writers().await,
        _ => {}
    }
    for answer in &answers {
        require_answer(case, answer)?;
    }
    require_effect(case, &service, &key).await
}

/// Stripe hears nothing of the first delivery, and delivers again.
async fn kill_after_commit(service: &Service) -> Result<(), String> {
    let created = event(
        "evt_1",
        "customer.created",
        unix_time(),
        &customer("cus_fresh", "fresh"),
    );
    let process = Process::beside(service, &[]).await;
    let mut connection = ClientConnection::open(process.api)
        .await
        .expect("it listens");
    let delivery = signed(&created);
    for bytes in [delivery.head(), delivery.body.clone()] {
        connection.send(&bytes).await.expect("it reads");
    }
    while mapping(service, "fresh").await.is_none() {
        sleep(Duration::from_millis(2)).await;
    }
    process.kill().await;
    let process = Process::beside(service, &[]).await;
    send(process.api, &delivery)
        .await
        .assert_body(200, RECEIVED);
    let metrics = send(process.operations, &TestRequest::get("/metrics")).await;
    let repeated = r#"billing_portal_webhooks_total{outcome="repeated"} 1"#;
    match mapping(service, "fresh").await {
        kept if kept != active("cus_fresh") => Err(format!("{kept:?}")),
        _ if !metrics.text().contains(repeated) => Err("it was written twice".to_owned()),
        _ => Ok(()),
    }
}

async fn send_all(service: &Service, case: &Case, deliveries: &[TestRequest]) -> Vec<TestResponse> {
    let mut answers = Vec::new();
    for delivery in deliveries {
        let at_once = (0..case.request.concurrent).map(|_| {
            let (api, delivery) = (service.api(), delivery.clone());
            tokio::spawn(async move { send(api, &delivery).await })
        });
        for sent in at_once.collect::<Vec<_>>() {
            answers.push(sent.await.expect("no panic"));
        }
    }
    answers
}

fn require_answer(case: &Case, answer: &TestResponse) -> Result<(), String> {
    if Some(answer.status) != case.expect.status {
        return Err(format!("{} {}", answer.status, answer.text()));
    }
    let is_event = case.request.body.is_none();
    match answer.status {
        200 => answer.assert_body(200, RECEIVED),
        400 if is_event => answer.assert_error("INVALID_SIGNATURE"),
        400 => answer.assert_error("BAD_REQUEST"),
        404 => answer.assert_error("NOT_FOUND"),
        405 => answer.assert_error("METHOD_NOT_ALLOWED"),
        413 => answer.assert_error("PAYLOAD_TOO_LARGE"),
        503 => answer.assert_error("SERVICE_UNAVAILABLE"),
        other => return Err(format!("{other} is not an answer to a webhook")),
    };
    Ok(())
}

async fn require_effect(case: &Case, service: &Service, key: &str) -> Result<(), String> {
    let mapping = mapping(service, "fresh").await;
    let portal = service
        .send(&TestRequest::portal(key, RETURN_URL))
        .await
        .status;
    let (expected, status) = match case.expect.effect.as_str() {
        "mapping written" | "mapping written once" => (active("cus_fresh"), 200),
        "newer value stays" => (active("cus_newer"), 409),
        "mapping removed" => (Some(("cus_fresh".to_owned(), "stale".to_owned())), 409),
        "none" | "unchanged, alert" | "stays removed" => (None, 409),
        other => panic!("{other} is no effect"),
    };
    if (&mapping, portal) != (&expected, status) {
        return Err(format!("{mapping:?}, and the portal answers {portal}"));
    }
    let counted = match case.expect.effect.as_str() {
        "mapping written once" => "applied",
        "unchanged, alert" => "customer_conflict",
        _ => return Ok(()),
    };
    if super::mapping(service, "acme").await != active("cus_acme") {
        return Err("acme lost its customer".to_owned());
    }
    match count(service.operations(), counted).await {
        1 => Ok(()),
        other => Err(format!("{counted} {other} times")),
    }
}
