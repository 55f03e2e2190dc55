//! Stripe is down for long enough that nobody is let wait for it.

use std::time::Duration;

use tokio::time::sleep;

use super::super::case::Case;
use super::super::judge;
use super::super::scene::Scene;
use super::ask_all_at_once;
use super::limits::{CALLERS, answered_without_a_call};
use crate::harness::log::Log;

const COOL_DOWN: Duration = Duration::from_millis(5100);

pub(super) async fn the_breaker_opens_and_closes(case: &Case, log: &Log) {
    let mut scene = Scene::set(case, log).await;
    scene.faulty.play(&case.upstream).await;
    let callers = ask_all_at_once(&scene, case).await;
    // The corpus' three tries each are bounded by the retry budget, which is ten retries for so few callers.
    let attempts = scene.faulty.attempts();
    assert!((callers..=callers + 10).contains(&attempts), "{attempts}");
    answered_without_a_call(&scene).await;

    sleep(COOL_DOWN).await;
    let before = scene.faulty.attempts();
    let answers = scene.ask_at_once(5).join_all().await;
    assert!(answers.iter().all(|(answer, _)| answer.status == 502));
    let probing = scene.faulty.calls().split_off(before);
    let probe = judge::tries(&probing, &scene.faulty.simulated.secret());
    assert!(probe.is_some(), "one call, and no other, finds out");
    answered_without_a_call(&scene).await;

    scene.faulty.recover();
    sleep(COOL_DOWN).await;
    for _ in 0..3 {
        assert_eq!(scene.ask().await.0.status, 200, "Stripe is back");
    }
    let unavailable = scene.unavailable().await;
    let text = scene.end().await;
    judge::log(case, &text);
    judge::causes(&text, callers + 5 + 2 * CALLERS, &unavailable);
}
