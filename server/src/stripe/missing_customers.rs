//! Tells a customer that is missing at Stripe from a secret key of the wrong account, where all are missing.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::ids::CustomerId;

/// If more different customers than this are missing within [`WINDOW`], the secret key is taken to be of the wrong
/// account. Customers are deleted one at a time, so five in a minute are already unusual.
const MAX_MISSING: usize = 5;
/// The time over which missing customers are counted.
const WINDOW: Duration = Duration::from_mins(1);

/// The customers that Stripe recently reported missing.
#[derive(Debug, Default)]
pub(super) struct MissingCustomers(Mutex<VecDeque<(Instant, CustomerId)>>);

impl MissingCustomers {
    /// Records one, and returns whether too many are missing.
    pub(super) fn are_too_many(&self, customer: &CustomerId, now: Instant) -> bool {
        let mut missing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|(at, other)| now.duration_since(*at) < WINDOW && other != customer);
        missing.push_back((now, customer.clone()));
        // One more than the bound is enough to decide, so the list does not grow beyond it.
        if missing.len() > MAX_MISSING + 1 {
            missing.pop_front();
        }
        missing.len() > MAX_MISSING
    }
}
