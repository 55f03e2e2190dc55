//! Many callers at once, or many organizations in a short time.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::assertions;
use super::super::case::Case;
use super::super::setup::{Setup, Timed};
use crate::harness::log::Log;
use crate::harness::service::send;
use billing_portal_tests::http_message::{RETURN_URL, TestRequest};

const ORGANIZATIONS: usize = 10;
/// So many customers may be missing within a minute before the account is taken for the wrong one.
const BELIEVED: usize = 5;

pub(super) async fn customers_are_missing(case: &Case, log: &Log) {
    let mut setup = Setup::of(case, log).await;
    let mut keys = Vec::new();
    for number in 0..ORGANIZATIONS {
        let (organization, customer) = (format!("org{number}"), format!("cus_{number}"));
        let key = setup.service.organization(&organization, Some(&customer));
        keys.push(key.await);
    }
    let step = &case.steps()[0];
    let steps: Vec<_> = keys.iter().map(|_| step.clone()).collect();
    setup.faulty.play(&steps).await;
    for (number, key) in keys.iter().enumerate() {
        let request = TestRequest::portal(key, RETURN_URL);
        let answer = setup.service.send(&request).await;
        if number < BELIEVED {
            answer.assert_error("NO_STRIPE_CUSTOMER");
        } else {
            assertions::assert_response(case, &answer, Duration::ZERO);
        }
        assert_eq!(setup.faulty.attempts(), number + 1, "one try each");
    }
    let mappings = setup.service.run(&["customer", "list"]).await;
    let mappings = mappings.as_array().expect("a list").iter();
    let stale = mappings.filter(|mapping| mapping["state"] == "stale");
    assert_eq!(stale.count(), BELIEVED, "no further mapping is marked");
    end(case, setup, ORGANIZATIONS - BELIEVED).await;
}

pub(super) async fn more_than_the_rate_allows(case: &Case, log: &Log) {
    const PER_SECOND: f64 = 20.0;
    let limit = [("STRIPE_RATE_LIMIT", "20")];
    let mut setup = Setup::with(case, log, &limit).await;
    setup.faulty.play(&[]).await;
    let began = Instant::now();
    let answers = setup.ask_at_once(80).join_all().await;
    let refused = refused(case, &answers);
    assert!(refused > 0, "more than the rate allows");
    let calls = setup.faulty.calls();
    assert_eq!(
        calls.len(),
        answers.len() - refused,
        "no call for a refusal"
    );
    // A burst at once, then one in each twentieth of a second; arrivals are never earlier than that.
    for (number, call) in calls.iter().enumerate() {
        let elapsed = call.at.duration_since(began).as_secs_f64();
        let allowed = 5.0 + 1.0 + PER_SECOND * elapsed;
        let number = f64::from(u32::try_from(number + 1).expect("few"));
        assert!(number <= allowed, "{number} calls in {elapsed} s");
    }
    end(case, setup, refused).await;
}

pub(super) async fn an_outage_is_not_tripled(case: &Case, log: &Log) {
    let mut setup = Setup::of(case, log).await;
    setup.faulty.play(&case.steps()).await;
    let callers = setup.call_at_once_and_assert(case).await;
    let (attempts, calls) = (setup.faulty.attempts(), setup.faulty.calls());
    let requests = distinct_keys(&calls);
    assert!(attempts * 10 <= callers * 12, "{attempts} tries");
    // A call counts towards the budget even if the breaker then refuses it.
    let budget = 10.max(callers / 5);
    assert!(attempts <= requests + budget, "{attempts} for {requests}");
    end(case, setup, callers).await;
}

pub(super) async fn more_than_may_run_at_once(case: &Case, log: &Log) {
    const UNDER_WAY: usize = 32;
    let mut setup = Setup::of(case, log).await;
    let step = &case.steps()[0];
    let callers = step.requests.expect("the case says it");
    let mut always = step.clone();
    always.every = true;
    setup.faulty.play(&[always]).await;
    let asking = setup.ask_at_once(callers);
    let mut health = Vec::new();
    for _ in 0..20 {
        sleep(Duration::from_millis(100)).await;
        let began = Instant::now();
        let answer = send(setup.operations(), &TestRequest::get("/healthz")).await;
        assert_eq!(answer.status, 200);
        health.push(began.elapsed());
    }
    let answers = asking.join_all().await;
    let refused = refused(case, &answers);
    assert_eq!(setup.faulty.most_at_once(), UNDER_WAY);
    assert_eq!(
        setup.faulty.attempts(),
        answers.len() - refused,
        "one try each"
    );
    assert_eq!(answers.len() - refused, UNDER_WAY);
    health.sort();
    // Service, callers and Stripe share one thread with each other, and the machine with other cases.
    let usual = health[health.len() * 3 / 4];
    let shortest = answers.iter().map(|(_, elapsed)| *elapsed).min();
    let shortest = shortest.expect("there are callers");
    assert!(
        usual < shortest / 5,
        "health in {health:?}, callers in {shortest:?}"
    );
    end(case, setup, refused).await;
}

pub(super) async fn the_same_caller_twice(case: &Case, log: &Log) {
    let mut setup = Setup::of(case, log).await;
    let step = &case.steps()[0];
    let callers = step.requests.expect("the case says it");
    setup.faulty.play(&vec![step.clone(); callers]).await;
    let answers = setup.ask_at_once(callers).join_all().await;
    for (answer, elapsed) in &answers {
        assertions::assert_response(case, answer, *elapsed);
    }
    let calls = setup.faulty.calls();
    assert_eq!(calls.len(), callers, "one try each");
    assert_eq!(distinct_keys(&calls), callers, "neither is a replay");
    end(case, setup, 0).await;
}

/// Each answer is a portal or a wait; answers how many must wait.
fn refused(case: &Case, answers: &[Timed]) -> usize {
    let mut refused = 0;
    for (answer, elapsed) in answers {
        if answer.status != 200 {
            answer
                .assert_error("BILLING_PORTAL_UNAVAILABLE")
                .assert_retry_after(1..=30);
            refused += 1;
            let patience = Duration::from_millis(2500);
            assert!(*elapsed < patience, "{}: waited {elapsed:?}", case.id);
        }
    }
    refused
}

fn distinct_keys(calls: &[crate::harness::faulty_stripe::SessionCall]) -> usize {
    let keys = calls.iter().map(|call| call.header("idempotency-key"));
    keys.collect::<BTreeSet<_>>().len()
}

async fn end(case: &Case, setup: Setup, refused: usize) {
    let unavailable = setup.unavailable().await;
    let text = setup.end().await;
    assertions::assert_log(case, &text);
    assertions::assert_causes(&text, refused, &unavailable);
}
