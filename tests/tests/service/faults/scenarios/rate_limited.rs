//! Stripe answers 429 with `Retry-After`: nobody calls it during that time.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::super::assertions;
use super::super::case::Case;
use super::super::setup::Setup;
use crate::harness::log::Log;
use crate::harness::service::send;
use billing_portal_tests::http_message::TestRequest;

/// Callers that are refused without a call to Stripe.
pub(super) const CALLERS: usize = 5;
/// A refusal without a call takes less than this many times as long as /healthz, which takes about 0.5 ms. The shortest
/// wait of the service is 100 ms, before a retry.
const SLOWER_THAN_HEALTH: u32 = 50;

pub(super) async fn nobody_calls_until_the_time_is_over(case: &Case, log: &Log) {
    let (setup, since) = rate_limited(case, log).await;
    answered_without_a_call(&setup).await;
    sleep_until(since + Duration::from_millis(2100)).await;
    assert_eq!(setup.call().await.0.status, 200, "two seconds later");
    assert_eq!(setup.faulty.attempts(), 2);
    end(case, setup, 1 + CALLERS).await;
}

pub(super) async fn the_pause_lasts_half_a_minute_at_most(case: &Case, log: &Log) {
    let (setup, since) = rate_limited(case, log).await;
    answered_without_a_call(&setup).await;
    sleep_until(since + Duration::from_secs(28)).await;
    answered_without_a_call(&setup).await;
    sleep_until(since + Duration::from_millis(30_100)).await;
    assert_eq!(setup.call().await.0.status, 200, "30 s later");
    assert_eq!(setup.faulty.attempts(), 2);
    end(case, setup, 1 + 2 * CALLERS).await;
}

/// The one call that Stripe refuses; returns when that was.
async fn rate_limited(case: &Case, log: &Log) -> (Setup, Instant) {
    let mut setup = Setup::of(case, log).await;
    setup.faulty.play(&case.steps()).await;
    let (answer, elapsed) = setup.call().await;
    assertions::assert_response(case, &answer, elapsed);
    let expected = case.expect.attempts().expect("a number");
    assert!(expected.contains(&setup.faulty.attempts()));
    (setup, Instant::now())
}

/// Several callers, one after the other: 502 with `Retry-After`, and Stripe sees nothing.
pub(super) async fn answered_without_a_call(setup: &Setup) {
    let before = setup.faulty.attempts();
    // Other cases run beside this one, so the fastest of several counts, compared with what costs nothing.
    let (mut fastest, mut fastest_health) = (Duration::MAX, Duration::MAX);
    for _ in 0..CALLERS {
        let (answer, elapsed) = setup.call().await;
        answer
            .assert_error("BILLING_PORTAL_UNAVAILABLE")
            .assert_retry_after(1..=30);
        fastest = fastest.min(elapsed);
        let began = Instant::now();
        send(setup.operations(), &TestRequest::get("/healthz")).await;
        fastest_health = fastest_health.min(began.elapsed());
        sleep(Duration::from_millis(5)).await;
    }
    assert!(
        fastest < SLOWER_THAN_HEALTH * fastest_health,
        "took {fastest:?}, and /healthz {fastest_health:?}"
    );
    assert_eq!(setup.faulty.attempts(), before, "Stripe is not called");
}

async fn end(case: &Case, setup: Setup, refused: usize) {
    let unavailable = setup.unavailable().await;
    let text = setup.end().await;
    assertions::assert_log(case, &text);
    assertions::assert_causes(&text, refused, &unavailable);
}
