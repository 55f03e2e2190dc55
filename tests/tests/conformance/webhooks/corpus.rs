//! Plays the cases, each against a service of its own whose clock stands still.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::case::{Case, Request, Signature, Signatures};
use super::{RECEIVED, RETURN_URL, active, mapping};
use crate::harness;
use crate::harness::answer::Answer;
use crate::harness::ask::Ask;
use crate::harness::database::Database;
use crate::harness::process::Process;
use crate::harness::service::{Service, send};
use crate::harness::webhook::{SECRET, customer, event, signature, unix_time, unsigned};
use crate::harness::wire::Connection;

/// One that is being replaced, and one that was.
const OLD_SECRET: &str = "whsec_old";
const REMOVED_SECRET: &str = "whsec_removed";

/// The service's time.
const TIME: &str = "2026-05-22T12:00:00Z";
const NOW: i64 = 1_779_451_200;

#[derive(Deserialize)]
struct Corpus {
    cases: Vec<Case>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_delivery_of_the_corpus_gets_its_answer_and_has_its_effect() {
    let corpus: Corpus = serde_json::from_str(include_str!("../../../corpora/webhook_cases.json"))
        .expect("the corpus");
    let count = corpus.cases.len();
    let mut failures = Vec::new();
    for case in corpus.cases {
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
        Some("db_locked") => database.execute("BEGIN IMMEDIATE").await,
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
        Some("db_locked") => database.execute("ROLLBACK").await,
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
    let mut connection = Connection::open(process.api).await.expect("it listens");
    let delivery = harness::webhook::signed(&created);
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
    let metrics = send(process.operations, &Ask::get("/metrics")).await;
    let repeated = r#"billing_portal_webhooks_total{outcome="repeated"} 1"#;
    match mapping(service, "fresh").await {
        kept if kept != active("cus_fresh") => Err(format!("{kept:?}")),
        _ if !metrics.text().contains(repeated) => Err("it was written twice".to_owned()),
        _ => Ok(()),
    }
}

async fn send_all(service: &Service, case: &Case, deliveries: &[Ask]) -> Vec<Answer> {
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

fn require_answer(case: &Case, answer: &Answer) -> Result<(), String> {
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
    let portal = service.ask(&Ask::portal(key, RETURN_URL)).await.status;
    let (expected, status) = match case.expect.effect.as_str() {
        "mapping written" | "mapping written once" => (active("cus_fresh"), 200),
        "newer value stays" => (active("cus_newer"), 409),
        "mapping removed" | "stays removed" => {
            (Some(("cus_fresh".to_owned(), "stale".to_owned())), 409)
        }
        "none" | "unchanged, alert" => (None, 409),
        other => panic!("{other} is no effect"),
    };
    if (&mapping, portal) != (&expected, status) {
        return Err(format!("{mapping:?}, and the portal answers {portal}"));
    }
    let metrics = send(service.operations(), &Ask::get("/metrics")).await;
    let applied = r#"billing_portal_webhooks_total{outcome="applied"} "#;
    let applied = metrics
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(applied));
    if case.expect.effect == "mapping written once" && applied != Some("1") {
        return Err(format!("applied {applied:?} times"));
    }
    Ok(())
}

/// What is delivered, one after the other.
fn deliveries(request: &Request, key: &str) -> Vec<Ask> {
    let path = format!(
        "/webhooks/stripe{}",
        if request.path == "/" { "" } else { "/" }
    );
    let bodies = match (&request.body, request.body_bytes) {
        (Some(body), _) => vec![body.clone().into_bytes()],
        (None, Some(length)) => vec![padded(length)],
        (None, None) => {
            let events = events(&request.event).into_iter();
            events
                .map(|event| format!("{event:#}").into_bytes())
                .collect()
        }
    };
    let asks = bodies.into_iter().map(|body| {
        let mut ask = signed(request, &body).method(&request.method).path(&path);
        ask = ask.header("Content-Type", &request.content_type);
        if let Some(authorization) = &request.authorization {
            ask = ask.header("Authorization", authorization.replace("{{OK}}", key));
        }
        match request.tamper.as_deref() {
            None => ask,
            Some("body") => ask.body([body.as_slice(), b" "].concat()),
            Some("reserialise") => {
                let event: Value = serde_json::from_slice(&body).expect("an event");
                ask.body(event.to_string())
            }
            Some(other) => panic!("{other} is no way to tamper"),
        }
    });
    let asks: Vec<Ask> = asks.collect();
    asks.iter()
        .cycle()
        .take(asks.len() * request.repeat)
        .cloned()
        .collect()
}

/// The events behind a name.
fn events(name: &str) -> Vec<Value> {
    let created = |id: &str, at: i64, customer_id: &str, org_id: &str| {
        event(id, "customer.created", at, &customer(customer_id, org_id))
    };
    let fresh = created("evt_1", NOW, "cus_fresh", "fresh");
    let deleted = event(
        "evt_2",
        "customer.deleted",
        NOW,
        &customer("cus_fresh", "fresh"),
    );
    match name {
        "new" | "same" => vec![fresh],
        "other_type" => vec![event(
            "evt_1",
            "invoice.paid",
            NOW,
            &customer("cus_fresh", "fresh"),
        )],
        "older_after_newer" => vec![
            created("evt_2", NOW, "cus_newer", "fresh"),
            created("evt_1", NOW - 60, "cus_fresh", "fresh"),
        ],
        "customer_deleted" => vec![fresh, deleted],
        "deleted_then_created" => vec![deleted, fresh],
        "test_mode" => {
            let mut event = fresh;
            event["livemode"] = json!(false);
            vec![event]
        }
        "unknown_org" => vec![created("evt_1", NOW, "cus_fresh", "nobody")],
        "hostile_metadata" => [
            "fresh/..",
            &"x".repeat(1_000_000),
            "'; DROP TABLE customers; --",
            "",
        ]
        .map(|org_id| created("evt_1", NOW, "cus_fresh", org_id))
        .to_vec(),
        "customer_stolen" => vec![created("evt_1", NOW, "cus_acme", "fresh")],
        other => panic!("{other} is no event"),
    }
}

/// An event of so many bytes, of a type that is of no use.
fn padded(length: usize) -> Vec<u8> {
    let mut event = event("evt_1", "invoice.paid", NOW, &json!({ "padding": "" }));
    let padding = "x".repeat(length - event.to_string().len());
    event["data"]["object"]["padding"] = json!(padding);
    event.to_string().into_bytes()
}

fn signed(request: &Request, body: &[u8]) -> Ask {
    let mut ask = unsigned(body.to_vec());
    let headers = match &request.sig {
        Signatures::None => vec![],
        Signatures::Raw(text) => vec![text.clone()],
        Signatures::One(one) => vec![header(one, body)],
        Signatures::Many(many) => many.iter().map(|one| header(one, body)).collect(),
    };
    // Not `Ask::header`, which replaces: the case may be about two.
    let headers = headers
        .into_iter()
        .map(|value| ("Stripe-Signature".to_owned(), value));
    ask.headers.extend(headers);
    ask
}

fn header(parts: &Signature, body: &[u8]) -> String {
    let time = parts.t.as_ref().map(|text| match text.strip_prefix("now") {
        Some("") => NOW.to_string(),
        Some(offset) => (NOW + offset.parse::<i64>().expect("an offset")).to_string(),
        None => text.clone(),
    });
    let sign = |secret: &str| signature(secret, time.as_deref().unwrap_or_default(), body);
    let value = |word: &String| match word.as_str() {
        "valid" => sign(SECRET),
        "valid_old" => sign(OLD_SECRET),
        "valid_removed" => sign(REMOVED_SECRET),
        "VALID_UPPER" => sign(SECRET).to_uppercase(),
        "wrong" => sign("whsec_somebody"),
        other => other.to_owned(),
    };
    let time = time.iter().map(|time| format!("t={time}"));
    let v1 = parts.v1.iter().map(|word| format!("v1={}", value(word)));
    let v0 = parts.v0.iter().map(|word| format!("v0={}", value(word)));
    time.chain(v1).chain(v0).collect::<Vec<_>>().join(",")
}
