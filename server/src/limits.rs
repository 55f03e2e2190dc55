//! How much a caller may ask for: requests a minute for each key, failed authentications a minute for each address,
//! requests at a time, and memory for webhooks.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use poem::{FromRequest, Request, RequestBody, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::{
    app::App,
    http::{api_error::ApiError, error_code::ErrorCode},
};

/// A table does not grow beyond this many keys or addresses, however many there are.
const MAX_TRACKED: usize = 50_000;

/// What a small body takes of the [`Room`], and how long one waits for it.
const MIN_SHARE_KIB: usize = 16;
const PATIENCE: Duration = Duration::from_secs(2);

/// A token bucket for each `K`.
#[derive(Debug)]
pub(crate) struct RateLimit<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

impl<K: Hash + Eq + Clone> RateLimit<K> {
    /// `per_minute` in the long run and `burst` at once; 0 a minute turns the limit off.
    pub(crate) fn new(per_minute: u32, burst: u32) -> Self {
        Self(NonZeroU32::new(per_minute).map(|rate| {
            let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
            DefaultKeyedRateLimiter::keyed(Quota::per_minute(rate).allow_burst(burst))
        }))
    }

    /// Counts one, or says how long to wait.
    pub(crate) fn check(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.0 else {
            return Ok(());
        };
        if limiter.len() > MAX_TRACKED {
            // Forgets those whose bucket is full again; an attacker's are not.
            limiter.retain_recent();
        }
        limiter
            .check_key(key)
            .map_err(|refused| refused.wait_time_from(DefaultClock::default().now()))
    }
}

/// A peer, as the limit of failed authentications counts it: an IPv4 address, or the /64 of an IPv6 address, which
/// is what one customer is given.
pub(crate) fn peer_group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A place among the requests that are served at a time. There is no queue: one too many is answered 503 at once.
pub(crate) struct InFlight {
    _place: OwnedSemaphorePermit,
}

impl<'a> FromRequest<'a> for InFlight {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> Result<Self> {
        let app = App::of(request);
        match Arc::clone(&app.places).try_acquire_owned() {
            Ok(place) => Ok(Self { _place: place }),
            Err(_) => Err(ApiError::from(ErrorCode::ServiceUnavailable)
                .with_retry_after(Duration::from_secs(1))
                .with_cause("too many requests in flight")
                .into()),
        }
    }
}

/// Memory for bodies that anybody may send: so much in all, and less for each peer, so that one who is slow on purpose
/// does not keep others out.
#[derive(Debug)]
pub(crate) struct Room {
    all: Semaphore,
    by_peer: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    kib_for_each_peer: usize,
}

/// Some of it, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    _of_all: SemaphorePermit<'a>,
    _of_the_peer: OwnedSemaphorePermit,
}

impl Room {
    /// So many KiB.
    pub(crate) fn new(kib: usize, kib_for_each_peer: usize) -> Self {
        Self {
            all: Semaphore::new(kib),
            by_peer: Mutex::default(),
            kib_for_each_peer,
        }
    }

    /// Waits for so many bytes, not long.
    pub(crate) async fn take(&self, peer: Option<IpAddr>, bytes: usize) -> Option<Share<'_>> {
        let of_the_peer = self.of(peer_group(peer?));
        let kib = u32::try_from(bytes.div_ceil(1024).max(MIN_SHARE_KIB)).ok()?;
        let taking = async {
            Some(Share {
                _of_the_peer: of_the_peer.acquire_many_owned(kib).await.ok()?,
                _of_all: self.all.acquire_many(kib).await.ok()?,
            })
        };
        tokio::time::timeout(PATIENCE, taking).await.ok().flatten()
    }

    fn of(&self, peer: IpAddr) -> Arc<Semaphore> {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        if by_peer.len() > MAX_TRACKED {
            // Those that nobody uses or waits for.
            by_peer.retain(|_, room| Arc::strong_count(room) > 1);
        }
        let room = || Arc::new(Semaphore::new(self.kib_for_each_peer));
        Arc::clone(by_peer.entry(peer).or_insert_with(room))
    }
}
