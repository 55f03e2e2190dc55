//! Limits the calls to Stripe: how many at a time, and how many requests a second.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::StripeConfig;

/// How long a call waits for its permit. A caller who would wait longer is better off with a 502 and `Retry-After`.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(1);
/// Requests that may go out at once after a pause. A handful smooths what several callers do at the same time; more
/// would come close to Stripe's own limit within one second.
const BURST: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// The limits, shared by all calls.
#[derive(Debug)]
pub(super) struct CallLimiter {
    max_in_flight: usize,
    permits: Arc<Semaphore>,
    rate: Option<DefaultDirectRateLimiter>,
}

/// Permission to make one call, until it is dropped.
pub(super) struct Permit {
    _permit: OwnedSemaphorePermit,
}

impl CallLimiter {
    /// As many calls at a time and requests a second as the settings say; 0 requests a second: no limit.
    pub(super) fn of(config: &StripeConfig) -> Self {
        let max_in_flight = config.max_in_flight as usize;
        let limiter = |rate: NonZeroU32| {
            DefaultDirectRateLimiter::direct(Quota::per_second(rate).allow_burst(BURST.min(rate)))
        };
        Self {
            max_in_flight,
            permits: Arc::new(Semaphore::new(max_in_flight)),
            rate: NonZeroU32::new(config.requests_per_second).map(limiter),
        }
    }

    /// A permit: at once if there is one, and otherwise within [`PERMIT_TIMEOUT`].
    pub(super) async fn acquire(&self) -> Option<Permit> {
        match self.try_acquire() {
            Some(permit) => Some(permit),
            None => self.wait_for_permit().await,
        }
    }

    /// Without a timer, which would cost as much as the rest of this.
    fn try_acquire(&self) -> Option<Permit> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let rate = self.rate.as_ref();
        rate.is_none_or(|rate| rate.check().is_ok())
            .then_some(Permit { _permit: permit })
    }

    async fn wait_for_permit(&self) -> Option<Permit> {
        let waiting = async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
            self.wait_for_rate()
                .await
                .then_some(Permit { _permit: permit })
        };
        tokio::time::timeout(PERMIT_TIMEOUT, waiting)
            .await
            .ok()
            .flatten()
    }

    /// Waits until the rate allows one more request, at most [`PERMIT_TIMEOUT`]. `false` if it does not.
    pub(super) async fn wait_for_rate(&self) -> bool {
        match &self.rate {
            Some(rate) => tokio::time::timeout(PERMIT_TIMEOUT, rate.until_ready())
                .await
                .is_ok(),
            None => true,
        }
    }

    /// Calls in progress.
    pub(super) fn in_flight(&self) -> usize {
        self.max_in_flight - self.permits.available_permits()
    }
}
