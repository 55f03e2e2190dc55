//! How much a caller may ask for: requests a minute for each key, failed authentications a minute for each address,
//! and requests and webhooks at a time.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use poem::{FromRequest, Request, RequestBody, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::{api_error::ApiError, app::App, envelope::ErrorCode};

/// A table does not grow beyond this many keys or addresses, however many there are.
const MAX_TRACKED: usize = 50_000;

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

/// Places for webhooks, which anybody may send: so many in all, and few for each peer, so that one who is slow on
/// purpose does not keep Stripe out.
#[derive(Debug)]
pub(crate) struct WebhookPlaces {
    all: Semaphore,
    by_peer: Mutex<HashMap<IpAddr, usize>>,
    for_each_peer: usize,
}

/// One place, until it is dropped.
#[derive(Debug)]
pub(crate) struct WebhookPlace<'a> {
    places: &'a WebhookPlaces,
    peer: IpAddr,
    _place: SemaphorePermit<'a>,
}

impl WebhookPlaces {
    /// So many places.
    pub(crate) fn new(all: usize, for_each_peer: usize) -> Self {
        Self {
            all: Semaphore::new(all),
            by_peer: Mutex::default(),
            for_each_peer,
        }
    }

    /// A place for this peer, if there is one.
    pub(crate) fn take(&self, peer: IpAddr) -> Option<WebhookPlace<'_>> {
        let peer = peer_group(peer);
        let place = self.all.try_acquire().ok()?;
        let mut by_peer = self.by_peer();
        let taken = by_peer.entry(peer).or_default();
        if *taken == self.for_each_peer {
            return None;
        }
        *taken += 1;
        Some(WebhookPlace {
            places: self,
            peer,
            _place: place,
        })
    }

    fn by_peer(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WebhookPlace<'_> {
    fn drop(&mut self) {
        let mut by_peer = self.places.by_peer();
        match by_peer.get_mut(&self.peer) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => _ = by_peer.remove(&self.peer),
        }
    }
}
