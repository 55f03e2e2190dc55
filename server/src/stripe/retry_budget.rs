//! Limits retries to a share of the calls, so that retries do not add to an outage.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Calls and retries are counted over this time: as long as one call may take.
const WINDOW: Duration = Duration::from_secs(10);
/// Retries that are always allowed within the window, so that a quiet service can retry at all.
const FREE_RETRIES: usize = 10;
/// Beyond those, one retry for this many calls: a total outage then adds at most a fifth to the load.
const CALLS_PER_RETRY: usize = 5;

/// The budget, shared by all calls.
#[derive(Debug, Default)]
pub(super) struct RetryBudget(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    calls: VecDeque<Instant>,
    retries: VecDeque<Instant>,
}

impl RetryBudget {
    /// Counts a call.
    pub(super) fn record_call(&self, now: Instant) {
        self.with_recent(now, |recent| recent.calls.push_back(now));
    }

    /// Counts one more retry, if the budget allows it.
    pub(super) fn try_retry(&self, now: Instant) -> bool {
        let allowed = self.with_recent(now, |recent| {
            let budget = FREE_RETRIES.max(recent.calls.len() / CALLS_PER_RETRY);
            let allowed = recent.retries.len() < budget;
            if allowed {
                recent.retries.push_back(now);
            }
            allowed
        });
        if !allowed {
            tracing::warn!(event = "stripe_retry_budget_spent");
        }
        allowed
    }

    fn with_recent<T>(&self, now: Instant, act: impl FnOnce(&mut Recent) -> T) -> T {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.remove_older_than_window(now);
        act(&mut recent)
    }
}

impl Recent {
    fn remove_older_than_window(&mut self, now: Instant) {
        let is_old = |time: &Instant| now.duration_since(*time) > WINDOW;
        for times in [&mut self.calls, &mut self.retries] {
            while times.front().is_some_and(is_old) {
                times.pop_front();
            }
        }
    }
}
