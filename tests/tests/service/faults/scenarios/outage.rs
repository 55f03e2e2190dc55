//! Stripe fails so often that the breaker opens.

use std::time::Duration;

use tokio::time::sleep;

use super::super::assertions;
use super::super::case::Case;
use super::super::setup::Setup;
use super::rate_limited::{CALLERS, answered_without_a_call};
use crate::harness::log::Log;

const COOL_DOWN: Duration = Duration::from_millis(5100);

pub(super) async fn the_breaker_opens_and_closes(case: &Case, log: &Log) {
    let mut setup = Setup::of(case, log).await;
    setup.faulty.play(&case.steps()).await;
    let callers = setup.call_at_once_and_assert(case).await;
    // The corpus' three tries each are bounded by the retry budget, which is ten retries for so few callers.
    let attempts = setup.faulty.attempts();
    assert!((callers..=callers + 10).contains(&attempts), "{attempts}");
    answered_without_a_call(&setup).await;

    sleep(COOL_DOWN).await;
    let before = setup.faulty.attempts();
    let answers = setup.ask_at_once(5).join_all().await;
    assert!(answers.iter().all(|(answer, _)| answer.status == 502));
    let probing = setup.faulty.calls().split_off(before);
    let probe = assertions::assert_same_request(&probing, &setup.faulty.simulated.secret());
    assert!(probe.is_some(), "one call, and no other, finds out");
    answered_without_a_call(&setup).await;

    setup.faulty.recover();
    sleep(COOL_DOWN).await;
    for _ in 0..3 {
        assert_eq!(setup.call().await.0.status, 200, "Stripe is back");
    }
    let unavailable = setup.unavailable().await;
    let text = setup.end().await;
    assertions::assert_log(case, &text);
    assertions::assert_causes(&text, callers + 5 + 2 * CALLERS, &unavailable);
}
