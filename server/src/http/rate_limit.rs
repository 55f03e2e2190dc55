//! A limit on how often something may happen, counted for each key or address.

use std::{hash::Hash, num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};

/// Keys whose bucket is remembered before full buckets are removed. Some thousands at once are an attack; 50,000
/// entries take a few MiB.
const MAX_TRACKED_KEYS: usize = 50_000;

/// A token bucket for each `K`.
#[derive(Debug)]
pub(crate) struct RateLimit<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

impl<K: Hash + Eq + Clone> RateLimit<K> {
    /// `per_minute` in the long run and `burst` at once. `per_minute` 0 turns the limit off.
    pub(crate) fn new(per_minute: u32, burst: u32) -> Self {
        Self(NonZeroU32::new(per_minute).map(|rate| {
            let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
            DefaultKeyedRateLimiter::keyed(Quota::per_minute(rate).allow_burst(burst))
        }))
    }

    /// Counts one. The error is how long to wait until the next one is allowed.
    pub(crate) fn check(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.0 else {
            return Ok(());
        };
        if limiter.len() > MAX_TRACKED_KEYS {
            // Removes those whose bucket is full again; an attacker's bucket is not.
            limiter.retain_recent();
        }
        limiter
            .check_key(key)
            .map_err(|refused| refused.wait_time_from(DefaultClock::default().now()))
    }
}
