//! The circuit breaker: no calls to Stripe for a while after too many have failed, or when Stripe asked to wait.
//!
//! "Open" means that no call goes out. After the pause one call goes out as a probe; the others wait for its result.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    answer::Answer, attempt_error::AttemptError, cause::UpstreamCause, error::StripeError,
};
use crate::clock::Clock;

/// Failed calls in a row that open the breaker. Each has had its retries, so a short disturbance does not reach twenty;
/// with all 32 calls in flight, an outage does so at once.
const FAILURES_TO_OPEN: u32 = 20;
/// How long the breaker stays open before a probe. One probe in five seconds is no load, and callers do not wait much
/// longer than the outage.
const COOL_DOWN: Duration = Duration::from_secs(5);
/// The longest pause that Stripe's `Retry-After` can impose: a wrong value must not stop the service for hours.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The least `Retry-After` for callers: the header has whole seconds.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The breaker, shared by all calls.
#[derive(Debug)]
pub(super) struct Breaker {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures_in_a_row: u32,
    last_call_succeeded: bool,
    open_until: Option<Instant>,
    probing: bool,
}

/// Permission to make one call. Its result is reported with [`Pass::succeeded`] or [`Pass::failed`]; if it is dropped
/// without one, as when the caller disconnects, it counts as neither.
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    /// A closed breaker: calls go out.
    pub(super) fn new(clock: Clock) -> Self {
        let state = Mutex::default();
        Self { clock, state }
    }

    /// Lets a call through, unless the breaker is open. The error says how long to wait.
    pub(super) fn pass(&self) -> Result<Pass<'_>, StripeError> {
        let now = self.clock.instant();
        let mut state = self.state();
        let probe = state.open_until.is_some();
        if let Some(until) = state.open_until {
            if now < until || state.probing {
                let wait = until.saturating_duration_since(now).max(MIN_RETRY_AFTER);
                return Err(StripeError {
                    retry_after: Some(wait),
                    ..UpstreamCause::BreakerOpen.into()
                });
            }
            state.probing = true;
        }
        drop(state);
        Ok(Pass {
            breaker: self,
            probe,
        })
    }

    /// Opens the breaker for as long as Stripe asked, at most [`MAX_PAUSE`].
    pub(super) fn pause(&self, wait: Duration) {
        let until = self.clock.instant() + wait.min(MAX_PAUSE);
        let mut state = self.state();
        state.open_until = state.open_until.max(Some(until));
    }

    /// Whether the last call found Stripe available. `false` before the first call.
    pub(super) fn last_call_succeeded(&self) -> bool {
        self.state().last_call_succeeded
    }

    /// Whether calls go out.
    pub(super) fn is_closed(&self) -> bool {
        let state = self.state();
        let over = |until: Instant| until <= self.clock.instant() && !state.probing;
        state.open_until.is_none_or(over)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Notes what the result of a call says about Stripe. A response that Stripe stored says nothing: it may be of a time
    /// when Stripe failed, and comes again and again.
    pub(super) fn report(self, result: &Result<Answer, AttemptError>) {
        match result.as_ref().map(|answer| answer.response.status) {
            Err(error) if error.replayed => {}
            Err(error) if error.cause.counts_as_outage() => self.failed(error.cause),
            Ok(401) => self.failed(UpstreamCause::CredentialsRefused),
            Ok(403) => self.failed(UpstreamCause::Permission),
            _ => self.succeeded(),
        }
    }

    /// Stripe responded, so it is available.
    pub(super) fn succeeded(self) {
        let mut state = self.breaker.state();
        state.failures_in_a_row = 0;
        state.last_call_succeeded = true;
        if self.probe {
            state.open_until = None;
            tracing::info!("Stripe is available again; calls go out");
        }
    }

    /// The call failed in a way that shows an outage.
    pub(super) fn failed(self, cause: UpstreamCause) {
        let now = self.breaker.clock.instant();
        let mut state = self.breaker.state();
        state.last_call_succeeded = false;
        state.failures_in_a_row = state.failures_in_a_row.saturating_add(1);
        if self.probe || state.failures_in_a_row == FAILURES_TO_OPEN {
            state.open_until = Some(now + COOL_DOWN);
        }
        if state.failures_in_a_row == FAILURES_TO_OPEN {
            tracing::error!(%cause, event = "stripe_breaker_open", "calls to Stripe failed too often and stop for a while");
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.state().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_whose_caller_disconnects_leaves_the_next_call_to_probe() {
        let breaker = Breaker::new(Clock::system());
        let before = breaker.pass().expect("the breaker is closed");
        breaker.pause(Duration::ZERO);
        let abandoned = breaker.pass().expect("the pause is over");
        assert!(breaker.pass().is_err(), "one probe at a time");
        drop((before, abandoned));
        let probe = breaker.pass().expect("the next call may probe");
        assert!(probe.probe);
        probe.succeeded();
        assert!(breaker.is_closed());
    }
}
