//! Every case of `corpora/bodies.json`: requests byte by byte, over raw sockets, slow and broken clients included.
//! `CASE=baseline-001 cargo nextest run bodies` plays one case.

mod assertions;
mod case;
mod key_damage;
mod request;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::service::Service;
use billing_portal_tests::corpus::selected;
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::TestResponse;
use case::{Case, Limit};
use request::{Bytes, Keys};

/// How long an answer may take where the case does not name a limit.
const RESPONSE_LIMIT: Duration = Duration::from_secs(30);
/// What the service may need beyond a configured limit.
const MARGIN: Duration = Duration::from_secs(8);
/// Cases at a time; each has its own connection.
const AT_ONCE: usize = 16;

#[derive(Deserialize)]
struct Corpus {
    cases: Vec<Case>,
}

/// The service's limits are as short as the slowest honest client of the corpus allows.
fn limit(limit: Limit) -> Duration {
    match limit {
        Limit::HeaderTimeout | Limit::BodyTimeout => Duration::from_secs(2),
        Limit::IdleTimeout => Duration::from_secs(1),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_of_the_corpus_gets_its_response() {
    let corpus: Corpus =
        serde_json::from_str(include_str!("../../corpora/bodies.json")).expect("the corpus");
    let service = Service::builder()
        .set("HEADER_TIMEOUT_SECONDS", "2")
        .set("BODY_TIMEOUT_SECONDS", "2")
        .set("IDLE_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let keys = Arc::new(service.fixtures().await);
    let cases = selected(corpus.cases, |case| &case.id);
    let count = cases.len();
    let mut failures = Vec::new();
    let mut running = JoinSet::new();
    for case in cases {
        if running.len() == AT_ONCE {
            failures.extend(
                running
                    .join_next()
                    .await
                    .expect("one is running")
                    .expect("no panic"),
            );
        }
        let (address, keys) = (service.api(), Arc::clone(&keys));
        running.spawn(async move {
            let problems = run(address, &case, &keys).await;
            (!problems.is_empty())
                .then(|| format!("{} ({}): {}", case.id, case.why, problems.join("; ")))
        });
    }
    while let Some(done) = running.join_next().await {
        failures.extend(done.expect("no panic"));
    }
    println!("{} of {count} request cases hold", count - failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is wrong with the answers to one case.
async fn run(address: SocketAddr, case: &Case, keys: &Keys) -> Vec<String> {
    let mut problems = Vec::new();
    let bytes = request::bytes(&case.request, keys);
    for _ in 0..case.request.repeat {
        let mut connection = ClientConnection::open(address)
            .await
            .expect("the service accepts");
        if let Some(pause) = case.request.drip_ms {
            let pause = Duration::from_millis(pause);
            drip(&mut connection, case, &bytes, pause, &mut problems).await;
        } else {
            // A server that refuses early may close while we are still sending: what it says decides.
            let _ = connection.send(&bytes.head).await;
            let _ = connection.send(&bytes.body).await;
            if case.request.half_close {
                let _ = connection.half_close().await;
            }
            if case.expect.responses.is_empty() {
                one_answer(&mut connection, case, &mut problems).await;
            } else {
                answers_in_order(&mut connection, case, &mut problems).await;
            }
        }
    }
    problems
}

/// Sends one byte at a time after an honest beginning, until the service has had enough.
async fn drip(
    connection: &mut ClientConnection,
    case: &Case,
    bytes: &Bytes,
    pause: Duration,
    problems: &mut Vec<String>,
) {
    let all = [bytes.head.as_slice(), &bytes.body].concat();
    let body = all
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|end| end + 4);
    let honest = body.filter(|_| case.request.drip_from_body).unwrap_or(60);
    let limit = case
        .expect
        .within_s
        .map_or(RESPONSE_LIMIT, |within| limit(within) + MARGIN);
    let started = Instant::now();
    let mut answer = None;
    let mut sent = connection.send(&all[..honest]).await;
    for byte in &all[honest..] {
        if sent.is_err() || started.elapsed() > limit || answer.is_some() {
            break;
        }
        sent = connection.send(&[*byte]).await;
        answer = connection.response(&case.request.method, pause).await;
        if connection.is_closed(Duration::ZERO).await {
            break;
        }
    }
    if answer.is_none() && !connection.is_closed(Duration::from_millis(200)).await {
        problems.push(format!(
            "still open after {:?} of dripping",
            started.elapsed()
        ));
    }
    assertions::check_response(answer.as_ref(), case, &case.expect, problems);
}

/// Pipelined requests: each answer in its turn.
async fn answers_in_order(
    connection: &mut ClientConnection,
    case: &Case,
    problems: &mut Vec<String>,
) {
    for (number, expected) in case.expect.responses.iter().enumerate() {
        let answer = connection.response("POST", RESPONSE_LIMIT).await;
        let may_close = number > 0 && case.request.allow_close_after_first;
        if answer.is_none() && may_close && connection.is_closed(Duration::ZERO).await {
            break;
        }
        assertions::check_response(answer.as_ref(), case, expected, problems);
    }
    if case.request.first_only {
        let hidden = connection.response("POST", Duration::from_secs(1)).await;
        if hidden.is_some_and(|answer| answer.status < 400) {
            problems.push("a second, hidden success".to_owned());
        }
    }
}

async fn one_answer(connection: &mut ClientConnection, case: &Case, problems: &mut Vec<String>) {
    let method = &case.request.method;
    let patience = case
        .expect
        .within_s
        .map_or(RESPONSE_LIMIT, |within| limit(within) + MARGIN);
    let mut answer = connection.response(method, patience).await;
    let is_interim =
        |answer: &Option<TestResponse>| answer.as_ref().is_some_and(|answer| answer.status == 100);
    let interim = is_interim(&answer);
    if interim {
        if let Some(rest) = &case.request.after_100 {
            let _ = connection.send(rest.as_bytes()).await;
        }
        answer = connection.response(method, RESPONSE_LIMIT).await;
    }
    if case
        .expect
        .interim
        .is_some_and(|expected| expected != interim)
    {
        problems.push(format!("100 Continue: {interim}"));
    }
    if answer.is_none() {
        let is_closed = connection.is_closed(Duration::from_millis(200)).await;
        if case.expect.within_s.is_some() && !is_closed {
            problems.push(format!("still open after {patience:?}"));
        }
        if case.request.tolerate_reset && is_closed {
            return;
        }
    }
    assertions::check_response(answer.as_ref(), case, &case.expect, problems);
    if case.expect.connection.as_deref() == Some("close") && !connection.is_closed(MARGIN).await {
        problems.push("the connection is still open".to_owned());
    }
    if let Some(idle) = case.expect.then_closed_within_s
        && !connection.is_closed(limit(idle) + MARGIN).await
    {
        problems.push("the idle connection is still open".to_owned());
    }
}
