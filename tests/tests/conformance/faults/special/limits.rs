//! Stripe asks for quiet.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::super::case::Case;
use super::super::judge;
use super::super::scene::Scene;
use crate::harness::log::Log;

/// How many find out that Stripe is not called.
pub(super) const CALLERS: usize = 5;
const AT_ONCE: Duration = Duration::from_millis(50);

pub(super) async fn nobody_calls_while_stripe_asks_for_quiet(case: &Case, log: &Log) {
    let (scene, since) = ask_for_quiet(case, log).await;
    answered_without_a_call(&scene).await;
    sleep_until(since + Duration::from_millis(2100)).await;
    assert_eq!(scene.ask().await.0.status, 200, "two seconds later");
    assert_eq!(scene.faulty.attempts(), 2);
    end(case, scene, 1 + CALLERS).await;
}

pub(super) async fn quiet_is_kept_for_half_a_minute_at_most(case: &Case, log: &Log) {
    let (scene, since) = ask_for_quiet(case, log).await;
    answered_without_a_call(&scene).await;
    sleep_until(since + Duration::from_secs(28)).await;
    answered_without_a_call(&scene).await;
    sleep_until(since + Duration::from_millis(30_100)).await;
    assert_eq!(scene.ask().await.0.status, 200, "30 s later");
    assert_eq!(scene.faulty.attempts(), 2);
    end(case, scene, 1 + 2 * CALLERS).await;
}

/// The one call that Stripe refuses; answers when that was.
async fn ask_for_quiet(case: &Case, log: &Log) -> (Scene, Instant) {
    let mut scene = Scene::set(case, log).await;
    scene.faulty.play(&case.upstream).await;
    let (answer, elapsed) = scene.ask().await;
    judge::answer(case, &answer, elapsed);
    let expected = case.expect.attempts().expect("a number");
    assert!(expected.contains(&scene.faulty.attempts()));
    (scene, Instant::now())
}

/// Several callers, one after the other: 502 with `Retry-After`, and Stripe sees nothing.
pub(super) async fn answered_without_a_call(scene: &Scene) {
    let before = scene.faulty.attempts();
    let mut fastest = Duration::MAX;
    for _ in 0..CALLERS {
        let (answer, elapsed) = scene.ask().await;
        answer
            .assert_error("BILLING_PORTAL_UNAVAILABLE")
            .assert_retry_after(1..=30);
        // The machine may be busy with other cases; the service is as fast as its fastest answer.
        fastest = fastest.min(elapsed);
        sleep(Duration::from_millis(5)).await;
    }
    assert!(fastest < AT_ONCE, "took {fastest:?}");
    assert_eq!(scene.faulty.attempts(), before, "Stripe is not called");
}

async fn end(case: &Case, scene: Scene, refused: usize) {
    let unavailable = scene.unavailable().await;
    let text = scene.end().await;
    judge::log(case, &text);
    judge::causes(&text, refused, &unavailable);
}
