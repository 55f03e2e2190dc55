//! Limits the calls to Stripe: how many at a time, and how many requests a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::config::StripeConfig;

/// How long a call waits for its permit. A caller who would wait longer is better off with a 502 and `Retry-After`.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(1);
/// Requests that may go out at once after a pause. A handful smooths what several callers do at the same time; more
/// would exceed Stripe's own limit within one second: 20 a second, one more while an instance starts, and these are 25.
const BURST: f64 = 4.0;
/// How often a waiting call looks whether the share has changed.
const SHARE_CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// How much of its share an instance uses if there are others: calls that leave a second apart may arrive within one, and
/// those of ten instances would then be ten more than the limit.
const PACE: f64 = 0.96;
/// The whole limit, in the unit of shares.
const WHOLE: u32 = 1_000_000;

/// The limits, shared by all calls.
#[derive(Debug)]
pub(super) struct CallLimiter {
    max_in_flight: usize,
    permits: Arc<Semaphore>,
    /// Requests a second of the whole deployment; 0: no limit.
    per_second: u32,
    share: Arc<Share>,
    /// Who waits for it is served in the order of arrival.
    bucket: Mutex<Bucket>,
}

/// This instance's share of the limit, and what it would use. It outlives a reload of the settings.
#[derive(Debug)]
struct Share {
    millionths: AtomicU32,
    /// Requests that were made or refused since the last renewal of the lease.
    wanted: AtomicU64,
}

/// Requests that may go out now.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// Permission to make one call, until it is dropped.
pub(super) struct Permit {
    _permit: OwnedSemaphorePermit,
}

impl CallLimiter {
    /// As many calls at a time and requests a second as the settings say; 0 requests a second: no limit.
    pub(super) fn of(config: &StripeConfig) -> Self {
        let share = Share {
            millionths: AtomicU32::new(WHOLE),
            wanted: AtomicU64::new(0),
        };
        Self::with_share(config, Arc::new(share))
    }

    /// The same with the share of another limiter.
    pub(super) fn successor(&self, config: &StripeConfig) -> Self {
        Self::with_share(config, Arc::clone(&self.share))
    }

    fn with_share(config: &StripeConfig, share: Arc<Share>) -> Self {
        let max_in_flight = config.max_in_flight as usize;
        let limiter = Self {
            max_in_flight,
            permits: Arc::new(Semaphore::new(max_in_flight)),
            per_second: config.requests_per_second,
            share,
            bucket: Mutex::default(),
        };
        let tokens = limiter.burst();
        Self {
            bucket: Mutex::new(Bucket {
                tokens,
                ..Bucket::default()
            }),
            ..limiter
        }
    }

    /// Sets this instance's share of the limit, in millionths.
    pub(super) fn set_share(&self, millionths: u64) {
        let millionths = u32::try_from(millionths).unwrap_or(WHOLE);
        self.share.millionths.store(millionths, Ordering::Relaxed);
    }

    /// Requests that were made or refused since this was asked before.
    pub(super) fn take_wanted(&self) -> u64 {
        self.share.wanted.swap(0, Ordering::Relaxed)
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
        self.try_rate().then_some(Permit { _permit: permit })
    }

    /// Whether the rate allows one more request now.
    fn try_rate(&self) -> bool {
        if self.per_second == 0 {
            return true;
        }
        // Who waits keeps it.
        let Ok(mut bucket) = self.bucket.try_lock() else {
            return false;
        };
        let allowed = bucket.take(self.rate(), self.burst()).is_ok();
        if allowed {
            self.share.wanted.fetch_add(1, Ordering::Relaxed);
        }
        allowed
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
        if self.per_second == 0 {
            return true;
        }
        self.share.wanted.fetch_add(1, Ordering::Relaxed);
        let waiting = async {
            let mut bucket = self.bucket.lock().await;
            while let Err(wait) = bucket.take(self.rate(), self.burst()) {
                tokio::time::sleep(wait.min(SHARE_CHECK_INTERVAL)).await;
            }
        };
        tokio::time::timeout(PERMIT_TIMEOUT, waiting).await.is_ok()
    }

    /// Calls in progress.
    pub(super) fn in_flight(&self) -> usize {
        self.max_in_flight - self.permits.available_permits()
    }

    /// Requests a second of this instance.
    fn rate(&self) -> f64 {
        let part = self.part();
        let pace = if part < 1.0 { PACE } else { 1.0 };
        f64::from(self.per_second) * part * pace
    }

    /// Its part of the burst, so that all instances together keep close to one.
    fn burst(&self) -> f64 {
        let burst = BURST.min(f64::from(self.per_second));
        (burst * self.part()).floor().max(1.0)
    }

    fn part(&self) -> f64 {
        f64::from(self.share.millionths.load(Ordering::Relaxed)) / f64::from(WHOLE)
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            tokens: 0.0,
            filled: Instant::now(),
        }
    }
}

impl Bucket {
    /// Takes one token, or says how long it is until there is one.
    fn take(&mut self, rate: f64, burst: f64) -> Result<(), Duration> {
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(self.filled);
        self.filled = now;
        self.tokens = (self.tokens + elapsed.as_secs_f64() * rate).min(burst);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        // While the share is nothing, the share is looked at again.
        let wait = (1.0 - self.tokens) / rate;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(PERMIT_TIMEOUT))
    }
}
