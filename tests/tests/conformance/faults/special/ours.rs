//! What callers and operators do while Stripe is slow, and a configuration with which nothing starts.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::super::case::Case;
use super::super::judge;
use super::super::scene::{RETURN_URL, Scene};
use crate::harness::command;
use crate::harness::log::{self, Log};
use crate::harness::service::{Service, send};
use conformance::http_client::ClientConnection;
use conformance::http_message::TestRequest;

/// No log is set up before the settings are read: the reason is one line on standard error.
pub(super) async fn does_not_start(case: &Case) {
    assert!(case.expect.process.is_some());
    let service = Service::start().await;
    let mut variables = service.variables().to_vec();
    let name = "BILLING_PORTAL_STRIPE_API_BASE".to_owned();
    variables.push((name, "http://api.stripe.com".to_owned()));
    let serving = command::run(&["serve"], &variables);
    let outcome = timeout(Duration::from_secs(5), serving).await;
    let outcome = outcome.expect("it does not start");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert_eq!(outcome.stderr.trim_end().lines().count(), 1);
    let reason = outcome.stderr.to_lowercase();
    assert!(reason.contains("stripe_api_base"), "{reason}");
    assert!(reason.contains("https"), "{reason}");
}

pub(super) async fn the_caller_goes_away(case: &Case, log: &Log) {
    let mut scene = Scene::set(case, log).await;
    scene.faulty.play(&case.upstream).await;
    let ask = TestRequest::portal(scene.service.key(), RETURN_URL);
    let mut caller = ClientConnection::open(scene.api())
        .await
        .expect("it listens");
    let bytes = [ask.head(), ask.body.clone()].concat();
    caller.send(&bytes).await.expect("it reads");
    while scene.faulty.under_way() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    drop(caller);
    let gone = Instant::now();
    while scene.faulty.under_way() > 0 {
        let elapsed = gone.elapsed();
        assert!(elapsed < Duration::from_secs(3), "the call goes on");
        sleep(Duration::from_millis(5)).await;
    }
    let elapsed = gone.elapsed();
    assert!(elapsed < Duration::from_millis(1500), "took {elapsed:?}");
    let metrics = scene.metrics().await;
    for gauge in ["requests_in_flight", "stripe_calls_in_flight"] {
        let name = format!("billing_portal_{gauge}");
        assert_eq!(metrics.get(&name), None, "{gauge} is zero again");
    }
    // Longer than one try may take and the wait before the next.
    sleep(Duration::from_millis(4500)).await;
    assert_eq!(scene.faulty.attempts(), 1, "there is no second try");
    assert!(scene.unavailable().await.is_empty());
    judge::log(case, &scene.log());
}

pub(super) async fn the_service_is_told_to_end(case: &Case, log: &Log) {
    let mut scene = Scene::set(case, log).await;
    scene.in_a_process().await;
    scene.faulty.play(&case.upstream).await;
    let asking = scene.ask_at_once(1);
    while scene.faulty.under_way() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let process = scene.process.take().expect("it is there");
    process.terminate().await;
    sleep(Duration::from_millis(300)).await;
    assert!(
        ClientConnection::open(process.api).await.is_err(),
        "no more"
    );
    let health = send(process.operations, &TestRequest::get("/healthz")).await;
    assert_eq!(health.status, 200, "the operations port answers to the end");
    let answers = asking.join_all().await;
    let [(answer, elapsed)] = answers.as_slice() else {
        panic!("one caller")
    };
    judge::answer(case, answer, *elapsed);
    let attempts = scene.faulty.attempts();
    let expected = case.expect.attempts().expect("a range");
    assert!(expected.contains(&attempts), "{attempts} tries");
    let (code, text) = process.end().await;
    assert_eq!(code, Some(0), "{text}");
    judge::log(case, &text);
    let key = judge::tries(&scene.faulty.calls(), &scene.faulty.simulated.secret());
    let lines = log::lines(&text);
    judge::tries_in_the_log(&lines, attempts, key.as_deref());
}
