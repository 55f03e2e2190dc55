//! The service ends, or its caller disconnects, while Stripe is slow; and a configuration with which nothing starts.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::super::assertions;
use super::super::case::Case;
use super::super::setup::Setup;
use crate::harness::command;
use crate::harness::log::{self, Log};
use crate::harness::service::{Service, send};
use billing_portal_tests::http_client::ClientConnection;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

/// The service gives up an attempt after this time (`stripe_attempt_timeout` of the design).
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

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

pub(super) async fn the_caller_disconnects(case: &Case, log: &Log) {
    let mut setup = Setup::of(case, log).await;
    setup.faulty.play(&case.steps()).await;
    let request = TestRequest::portal(setup.service.key(), RETURN_URL);
    let mut caller = ClientConnection::open(setup.api())
        .await
        .expect("it listens");
    let bytes = [request.head(), request.body.clone()].concat();
    caller.send(&bytes).await.expect("it reads");
    while setup.faulty.under_way() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    drop(caller);
    let gone = Instant::now();
    while setup.faulty.under_way() > 0 {
        let elapsed = gone.elapsed();
        assert!(elapsed < ATTEMPT_TIMEOUT / 4 * 3, "the call goes on");
        sleep(Duration::from_millis(5)).await;
    }
    let metrics = setup.metrics().await;
    for gauge in ["requests_in_flight", "stripe_calls_in_flight"] {
        let name = format!("billing_portal_{gauge}");
        assert_eq!(metrics.get(&name), None, "{gauge} is zero again");
    }
    // Longer than one attempt may take, with the wait before the next.
    sleep(ATTEMPT_TIMEOUT + Duration::from_millis(500)).await;
    assert_eq!(setup.faulty.attempts(), 1, "there is no second attempt");
    assert!(setup.unavailable().await.is_empty());
    assertions::assert_log(case, &setup.log());
}

pub(super) async fn the_service_shuts_down(case: &Case, log: &Log) {
    let mut setup = Setup::of(case, log).await;
    setup.in_a_process().await;
    setup.faulty.play(&case.steps()).await;
    let asking = setup.ask_at_once(1);
    while setup.faulty.under_way() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let process = setup.process.take().expect("it is there");
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
    assertions::assert_response(case, answer, *elapsed);
    let attempts = setup.faulty.attempts();
    let expected = case.expect.attempts().expect("a range");
    assert!(expected.contains(&attempts), "{attempts} tries");
    let (code, text) = process.end().await;
    assert_eq!(code, Some(0), "{text}");
    assertions::assert_log(case, &text);
    let key =
        assertions::assert_same_request(&setup.faulty.calls(), &setup.faulty.simulated.secret());
    let lines = log::lines(&text);
    assertions::assert_logged_attempts(&lines, attempts, key.as_deref());
}
