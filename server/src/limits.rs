//! How much a caller may ask for: requests a minute for each key, failed authentications a minute for each address,
//! and requests at a time.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};
use poem::{FromRequest, Request, RequestBody, Result};
use tokio::sync::OwnedSemaphorePermit;

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
