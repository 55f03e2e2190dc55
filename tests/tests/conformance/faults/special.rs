//! The cases that one caller who asks once does not show: many callers, what comes afterwards, and the service's own
//! end. What the corpus says of them in words is claimed here.

mod limits;
mod many;
mod ours;
mod outage;

use super::case::Case;
use super::judge;
use super::scene::Scene;
use crate::harness::log::Log;

/// Plays the case, if it is one of these.
pub(super) async fn play(case: &Case, log: &Log) -> bool {
    match case.id.as_str() {
        "request_error-04" => many::customers_are_missing(case, log).await,
        "limit-06" => limits::nobody_calls_while_stripe_asks_for_quiet(case, log).await,
        "limit-07" => limits::quiet_is_kept_for_half_a_minute_at_most(case, log).await,
        "limit-11" => many::more_than_the_rate_allows(case, log).await,
        "server_error-14" => outage::the_breaker_opens_and_closes(case, log).await,
        "server_error-15" => many::an_outage_is_not_tripled(case, log).await,
        "network-22" => ours::does_not_start(case).await,
        "ours-01" => ours::the_caller_goes_away(case, log).await,
        "ours-02" | "ours-03" => ours::the_service_is_told_to_end(case, log).await,
        "ours-04" => many::more_than_may_be_under_way(case, log).await,
        "ours-05" => many::the_same_caller_twice(case, log).await,
        _ => return false,
    }
    true
}

/// Has as many callers as the case says ask at once, judges what each is answered, and tells how many they were.
async fn ask_all_at_once(scene: &Scene, case: &Case) -> usize {
    let callers = case.upstream[0].requests.expect("the case says it");
    for (answer, elapsed) in &scene.ask_at_once(callers).join_all().await {
        judge::answer(case, answer, *elapsed);
    }
    callers
}
