//! Renews this instance's lease on its share of the calls to Stripe, so that all instances keep the deployment's limit
//! together. While the database does not respond, the instance keeps its last share.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    app::{App, CurrentApp},
    store::{LEASE_WHOLE, Lease, LeaseRequest},
};

/// How often the lease is renewed. The share of an instance that has ended is free after three times that.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(2);
/// How often it is renewed while others have not given back yet what they have too much, and how soon after a failure.
const CATCH_UP_INTERVAL: Duration = Duration::from_millis(250);
/// How long all instances take to renew their leases once the database is back: a renewal that began before ends within
/// the timeout of a write, 3 s, and the next follows after [`CATCH_UP_INTERVAL`]. Until then a lease that is too old says
/// nothing about its instance.
const RETURN_TIME: Duration = Duration::from_secs(4);
/// How long the start waits for the first lease, which takes some milliseconds.
const START_TIMEOUT: Duration = Duration::from_secs(1);
/// The calls of a shorter time say little about how many there are in a second.
const SHORTEST_COUNT: Duration = Duration::from_secs(1);
/// How much more than the last demand an instance wants, in percent, so that a growing load finds room.
const HEADROOM_PERCENT: u64 = 125;
/// Requests a second that an idle instance keeps, so that its next call needs no renewal.
const IDLE_PER_SECOND: u64 = 1;

/// The lease of one instance.
pub(crate) struct LeaseWatch {
    instance: String,
    demand: Demand,
    /// When the last renewal that failed ended.
    failed_at: Option<Instant>,
}

/// How many calls this instance would make. It is counted over a whole [`RENEWAL_INTERVAL`], because callers who wait
/// and are refused together come back together.
struct Demand {
    since: Instant,
    /// The calls since then.
    calls: u64,
    /// In millicalls a second, in the time before.
    before: u64,
}

impl Demand {
    /// The demand with these further calls, in millicalls a second.
    fn add(&mut self, calls: u64) -> u64 {
        self.calls += calls;
        let elapsed = self.since.elapsed();
        let milliseconds = elapsed.max(SHORTEST_COUNT).as_millis();
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        let now = self.calls.saturating_mul(1_000_000) / milliseconds;
        let demand = now.max(self.before);
        if elapsed >= RENEWAL_INTERVAL {
            *self = Self {
                since: Instant::now(),
                calls: 0,
                before: now,
            };
        }
        demand
    }
}

/// How a renewal ended.
enum Renewal {
    Renewed(Lease),
    /// There is no limit to share.
    Unlimited,
    /// The database does not respond.
    Failed,
}

impl LeaseWatch {
    /// The lease of an instance with this id, renewed for the first time. Without a limit there is no lease.
    pub(crate) async fn start(app: &App) -> Self {
        let mut watch = Self {
            instance: app.clock.ulid().to_string(),
            demand: Demand {
                since: Instant::now(),
                calls: 0,
                before: 0,
            },
            failed_at: None,
        };
        // Without it the instance uses the whole limit, as if it were the only one.
        let first = tokio::time::timeout(START_TIMEOUT, watch.renew(app)).await;
        if first.is_err() {
            watch.failed_at = Some(Instant::now());
        }
        watch
    }

    /// The id of the instance.
    pub(crate) fn instance(&self) -> String {
        self.instance.clone()
    }

    /// Renews the lease until the service ends.
    pub(crate) async fn run(mut self, current: CurrentApp) {
        let mut wait = CATCH_UP_INTERVAL;
        loop {
            tokio::time::sleep(wait).await;
            let app = Arc::clone(&current.borrow());
            wait = match self.renew(&app).await {
                Renewal::Renewed(lease) if lease.is_complete => RENEWAL_INTERVAL,
                Renewal::Unlimited => RENEWAL_INTERVAL,
                Renewal::Renewed(_) | Renewal::Failed => CATCH_UP_INTERVAL,
            };
        }
    }

    /// Renews the lease and uses its share.
    async fn renew(&mut self, app: &App) -> Renewal {
        let limit = u64::from(app.stripe.rate_limit());
        if limit == 0 {
            return Renewal::Unlimited;
        }
        let millionths = |millicalls: u64| {
            let millionths = u128::from(millicalls) * u128::from(LEASE_WHOLE) / 1_000;
            u64::try_from(millionths / u128::from(limit)).unwrap_or(u64::MAX)
        };
        let demand = self.demand.add(app.stripe.take_wanted_calls());
        let wanted = millionths(demand.saturating_mul(HEADROOM_PERCENT) / 100);
        let floor = millionths(IDLE_PER_SECOND * 1_000);
        let request = LeaseRequest {
            wanted,
            floor,
            others_have_returned: self.failed_at.is_none_or(|at| at.elapsed() > RETURN_TIME),
        };
        match app.store.renew_lease(&self.instance, request).await {
            Ok(lease) => {
                app.stripe.set_rate_share(lease.share);
                Renewal::Renewed(lease)
            }
            Err(error) => {
                tracing::debug!(%error, "the lease on the calls to Stripe was not renewed");
                self.failed_at = Some(Instant::now());
                Renewal::Failed
            }
        }
    }
}
