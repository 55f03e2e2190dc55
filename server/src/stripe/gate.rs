//! What stands between a request and Stripe: so many calls at a time, so many a second, so many retries, and none at
//! all for a while after Stripe has failed too often or has asked us to wait.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use governor::{DefaultDirectRateLimiter, Quota};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::cause::{Unavailable, UpstreamCause};
use crate::clock::Clock;

/// How long a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(1);
const BURST: NonZeroU32 = NonZeroU32::new(5).unwrap();
/// Failed calls in a row that open the breaker, and for how long.
const FAILURES_TO_OPEN: u32 = 20;
const COOL_DOWN: Duration = Duration::from_secs(5);
/// The longest pause that Stripe can ask of us.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Retries are counted over this window: at most the larger of `FREE_RETRIES` and a fifth of the calls.
const WINDOW: Duration = Duration::from_secs(10);
const FREE_RETRIES: usize = 10;

/// The gate, shared by all calls.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Clock,
    max_in_flight: usize,
    turns: Arc<Semaphore>,
    rate: Option<DefaultDirectRateLimiter>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Whether the last call succeeded.
    well: bool,
    /// Until when no call goes out. After it, one call goes out to find out, and no other until it is back.
    closed_until: Option<Instant>,
    probing: bool,
    calls: VecDeque<Instant>,
    retries: VecDeque<Instant>,
}

/// Leave to make one call. Dropped without [`Pass::succeeded`] or [`Pass::failed`], it counts as neither.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    probe: bool,
    turn: Option<OwnedSemaphorePermit>,
}

impl Gate {
    /// A gate for `max_in_flight` calls at a time and `per_second` (0: no bound) calls a second.
    pub(super) fn new(max_in_flight: u32, per_second: u32, clock: Clock) -> Self {
        let max_in_flight = max_in_flight as usize;
        Self {
            max_in_flight,
            turns: Arc::new(Semaphore::new(max_in_flight)),
            rate: NonZeroU32::new(per_second).map(|rate| {
                DefaultDirectRateLimiter::direct(
                    Quota::per_second(rate).allow_burst(BURST.min(rate)),
                )
            }),
            state: Mutex::default(),
            clock,
        }
    }

    /// Waits for a turn, not long, or says how long to stay away.
    pub(super) async fn enter(&self) -> Result<Pass<'_>, Unavailable> {
        // Made before the wait: a caller who goes away meanwhile must not leave the gate waiting for their probe.
        let mut pass = Pass {
            gate: self,
            probe: self.require_open()?,
            turn: None,
        };
        let turn = async {
            let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
            self.is_within_rate().await.then_some(turn)
        };
        pass.turn = tokio::time::timeout(PATIENCE, turn).await.ok().flatten();
        if pass.turn.is_some() {
            Ok(pass)
        } else {
            Err(UpstreamCause::GateFull.into())
        }
    }

    /// Waits, not long, until one more request fits the bound on requests a second.
    pub(crate) async fn is_within_rate(&self) -> bool {
        match &self.rate {
            Some(rate) => tokio::time::timeout(PATIENCE, rate.until_ready())
                .await
                .is_ok(),
            None => true,
        }
    }

    /// Whether one more retry fits the budget.
    pub(super) fn may_retry(&self) -> bool {
        let now = self.clock.instant();
        let mut state = self.state();
        state.forget_before_window(now);
        let allowed = state.retries.len() < FREE_RETRIES.max(state.calls.len() / 5);
        if allowed {
            state.retries.push_back(now);
        } else {
            tracing::warn!(event = "stripe_retry_budget_spent");
        }
        allowed
    }

    /// Stays away from Stripe for as long as it asked, within reason.
    pub(super) fn pause(&self, wait: Duration) {
        let until = self.clock.instant() + wait.min(MAX_PAUSE);
        let mut state = self.state();
        state.closed_until = state.closed_until.max(Some(until));
    }

    /// Calls under way.
    pub(super) fn in_flight(&self) -> usize {
        self.max_in_flight - self.turns.available_permits()
    }

    /// Whether the last call found Stripe well. None went out yet: nothing is known, which is not well.
    pub(super) fn is_well(&self) -> bool {
        self.state().well
    }

    /// Whether calls go out at present.
    pub(super) fn is_open(&self) -> bool {
        let state = self.state();
        let over = |until: Instant| until <= self.clock.instant() && !state.probing;
        state.closed_until.is_none_or(over)
    }

    /// Lets a call through, and says whether it is the one that finds out whether Stripe is back.
    fn require_open(&self) -> Result<bool, Unavailable> {
        let now = self.clock.instant();
        let mut state = self.state();
        state.forget_before_window(now);
        if let Some(until) = state.closed_until {
            if now < until || state.probing {
                let wait = until
                    .saturating_duration_since(now)
                    .max(Duration::from_secs(1));
                return Err(Unavailable {
                    retry_after: Some(wait),
                    ..UpstreamCause::BreakerOpen.into()
                });
            }
            state.probing = true;
        }
        state.calls.push_back(now);
        Ok(state.closed_until.is_some())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget_before_window(&mut self, now: Instant) {
        for times in [&mut self.calls, &mut self.retries] {
            while times
                .front()
                .is_some_and(|time| now.duration_since(*time) > WINDOW)
            {
                times.pop_front();
            }
        }
    }
}

impl Pass<'_> {
    /// Stripe answered, so it is there.
    pub(super) fn succeeded(self) {
        let mut state = self.gate.state();
        state.failures = 0;
        state.well = true;
        if self.probe {
            state.closed_until = None;
            tracing::info!("Stripe is back; calls go out again");
        }
    }

    /// The call failed in a way that says that Stripe is down.
    pub(super) fn failed(self, cause: UpstreamCause) {
        let now = self.gate.clock.instant();
        let mut state = self.gate.state();
        state.well = false;
        state.failures = state.failures.saturating_add(1);
        if self.probe || state.failures == FAILURES_TO_OPEN {
            state.closed_until = Some(now + COOL_DOWN);
        }
        if state.failures == FAILURES_TO_OPEN {
            tracing::error!(%cause, event = "stripe_breaker_open", "Stripe failed too often; calls stop for a while");
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.gate.state().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_caller_who_goes_away_leaves_the_next_one_to_find_out_whether_stripe_is_back() {
        let gate = Gate::new(1, 0, Clock::system());
        let first = gate.enter().await.expect("the gate is open");
        gate.pause(Duration::ZERO);
        let second = tokio::time::timeout(Duration::from_millis(20), gate.enter());
        assert!(second.await.is_err(), "it waits for its turn, and goes");
        drop(first);
        let third = gate.enter().await.expect("it may find out");
        assert!(third.probe);
        third.succeeded();
        assert!(gate.is_open());
    }
}
