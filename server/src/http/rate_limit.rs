//! A limit on how often something may happen, counted for each key or address.

use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use governor::{
    DefaultDirectRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use moka::{policy::EvictionPolicy, sync::Cache};

use super::sampling::Sampler;

/// Keys whose bucket is remembered. When there are more, the one that was not used for the longest time is forgotten.
/// Some thousands at once are an attack; 50,000 entries take about 20 MiB.
const MAX_TRACKED_KEYS: u64 = 50_000;
/// How long an unused bucket is remembered. Each bucket is full again after a minute.
const FORGET_AFTER: Duration = Duration::from_mins(2);

/// A token bucket for each `K`. The number of buckets is bounded, and the work for each use does not depend on it.
#[derive(Debug)]
pub(crate) struct RateLimit<K: Hash + Eq + Send + Sync + 'static>(Option<Buckets<K>>);

#[derive(Debug)]
struct Buckets<K: Hash + Eq + Send + Sync + 'static> {
    quota: Quota,
    by_key: Cache<K, Arc<Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    limiter: DefaultDirectRateLimiter,
    /// Until when the last use that was refused has to wait.
    refused_until: Mutex<Option<Instant>>,
    refusals: Sampler,
}

/// A use that is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    /// How long to wait until the next use is allowed.
    pub wait: Duration,
    /// If this refusal is to be logged: how many of the same key were not.
    pub left_out: Option<u64>,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> RateLimit<K> {
    /// `per_minute` in the long run and `burst` at once. `per_minute` 0 turns the limit off.
    pub(crate) fn new(per_minute: u32, burst: u32) -> Self {
        Self(NonZeroU32::new(per_minute).map(|rate| {
            let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
            Buckets {
                quota: Quota::per_minute(rate).allow_burst(burst),
                by_key: Cache::builder()
                    .max_capacity(MAX_TRACKED_KEYS)
                    .time_to_idle(FORGET_AFTER)
                    .eviction_policy(EvictionPolicy::lru())
                    .build(),
            }
        }))
    }

    /// Counts one.
    pub(crate) fn check(&self, key: &K) -> Result<(), Refusal> {
        let Some(Buckets { quota, by_key }) = &self.0 else {
            return Ok(());
        };
        let bucket = by_key.get_with(key.clone(), || Arc::new(Bucket::full(*quota)));
        bucket.take()
    }

    /// Whether one that is counted now would probably be refused, because the last one was. Counts nothing.
    pub(crate) fn refused(&self, key: &K) -> Option<Refusal> {
        self.0.as_ref()?.by_key.get(key)?.still_refused()
    }
}

impl Bucket {
    fn full(quota: Quota) -> Self {
        Self {
            limiter: DefaultDirectRateLimiter::direct(quota),
            refused_until: Mutex::default(),
            refusals: Sampler::default(),
        }
    }

    fn take(&self) -> Result<(), Refusal> {
        self.limiter.check().map_err(|refused| {
            *self.refused_until() = Some(refused.earliest_possible());
            self.refusal(refused.wait_time_from(DefaultClock::default().now()))
        })
    }

    fn still_refused(&self) -> Option<Refusal> {
        let until = (*self.refused_until())?;
        let wait = until.checked_duration_since(DefaultClock::default().now())?;
        (!wait.is_zero()).then(|| self.refusal(wait))
    }

    fn refusal(&self, wait: Duration) -> Refusal {
        let left_out = self.refusals.count();
        Refusal { wait, left_out }
    }

    fn refused_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.refused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l1_the_number_of_buckets_is_bounded_and_each_is_right_while_it_is_remembered() {
        let limit = RateLimit::new(1, 2);
        let attacker = u64::MAX;
        for key in 0..2 * MAX_TRACKED_KEYS {
            assert!(limit.check(&key).is_ok(), "{key}");
            if key % 1_000 == 0 {
                let allowed = limit.check(&attacker).is_ok();
                assert!(!allowed || key < 2_000, "used often, it is not forgotten");
            }
        }
        let buckets = &limit.0.as_ref().expect("it is on").by_key;
        buckets.run_pending_tasks();
        assert!(buckets.entry_count() <= MAX_TRACKED_KEYS);
        assert!(limit.refused(&attacker).is_some());
        assert!(limit.refused(&0).is_none(), "it was forgotten");
    }

    #[test]
    fn l1_a_limit_that_is_off_remembers_nothing() {
        let limit = RateLimit::new(0, 0);
        assert!((0..1_000).all(|_| limit.check(&1).is_ok()));
        assert!(limit.refused(&1).is_none());
    }

    #[test]
    fn m5_one_refusal_a_minute_of_each_key_is_logged() {
        let limit = RateLimit::new(1, 1);
        for key in 0..3 {
            assert!(limit.check(&key).is_ok());
            let first = limit.check(&key).expect_err("one a minute");
            assert_eq!(first.left_out, Some(0));
            for _ in 0..10 {
                let next = limit.refused(&key).expect("one a minute");
                assert_eq!(next.left_out, None);
            }
        }
    }
}
