//! What happens in a case: one call, or what one call does not show (many callers, what comes later, the service's end).

mod many_callers;
mod one_call;
mod outage;
mod rate_limited;
mod shutdown_and_disconnect;

use super::case::{Case, Scenario};
use crate::harness::log::Log;

/// Plays the case, and panics where the case does not hold.
pub(super) async fn play(case: &Case, log: &Log) {
    match case.scenario {
        Scenario::OneCall => one_call::one_call(case, log).await,
        Scenario::ManyCustomersMissing => many_callers::customers_are_missing(case, log).await,
        Scenario::RateLimited => {
            Box::pin(rate_limited::nobody_calls_until_the_time_is_over(case, log)).await;
        }
        Scenario::RateLimitedForADay => {
            Box::pin(rate_limited::the_pause_lasts_half_a_minute_at_most(
                case, log,
            ))
            .await;
        }
        Scenario::RateExceeded => many_callers::more_than_the_rate_allows(case, log).await,
        Scenario::Breaker => outage::the_breaker_opens_and_closes(case, log).await,
        Scenario::RetryBudget => many_callers::an_outage_is_not_tripled(case, log).await,
        Scenario::DoesNotStart => shutdown_and_disconnect::does_not_start(case).await,
        Scenario::CallerDisconnects => {
            shutdown_and_disconnect::the_caller_disconnects(case, log).await;
        }
        Scenario::Shutdown => shutdown_and_disconnect::the_service_shuts_down(case, log).await,
        Scenario::ConcurrencyExceeded => many_callers::more_than_may_run_at_once(case, log).await,
        Scenario::SameCallerTwice => many_callers::the_same_caller_twice(case, log).await,
    }
}
