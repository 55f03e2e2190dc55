//! Finds out who is calling: 401, and 429 for an address that fails too often or a key that calls too often.
//!
//! Every key that is not accepted gets the same answer. A malformed key costs no look-up, and an unknown key costs one
//! per [`CACHE_TTL`].

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use moka::future::Cache;
use poem::http::{HeaderMap, header};
use tokio::sync::mpsc;

use crate::{
    api_key::{ApiKey, ApiKeyHash},
    clock::Clock,
    config::ServeConfig,
    http::{
        api_error::ApiError, client_address::rate_limit_key, error_code::ErrorCode,
        rate_limit::RateLimit,
    },
    ids::{Mode, OrganizationId},
    store::{Caller, Store, StoreError},
};

/// How long a look-up is cached: the key and, with it, the organization's customer. Revocation and unlinking take
/// effect on every instance within one second; the rest of that second is for the request itself.
const CACHE_TTL: Duration = Duration::from_millis(900);
/// Cached look-ups, found and not found. An entry takes less than a KiB, and lives for less than a second.
const MAX_CACHED_CALLERS: u64 = 10_000;
/// Uses of keys that wait to be written. More are dropped: the next use of the key records the day.
const MAX_PENDING_USES: usize = 1024;
/// Keys whose recorded day is cached, so that it is written once a day. The cache is emptied when it is full.
const MAX_RECORDED_USES: usize = 10_000;

/// A key may use a third of its limit for a minute at once, as the setting documents.
const BURST_DIVISOR: u32 = 3;

/// Finds the caller that a key belongs to.
pub(crate) struct Authenticator {
    store: Store,
    clock: Clock,
    mode: Mode,
    callers: Cache<ApiKeyHash, Option<Arc<Caller>>>,
    failures: RateLimit<IpAddr>,
    requests: RateLimit<String>,
    uses: mpsc::Sender<(String, String)>,
}

impl Authenticator {
    /// An authenticator for keys of the deployment's mode, with its limits.
    pub(crate) fn new(store: Store, clock: Clock, config: &ServeConfig) -> Self {
        let (uses, pending) = mpsc::channel(MAX_PENDING_USES);
        tokio::spawn(write_uses(store.clone(), config.stripe.mode, pending));
        Self {
            store,
            clock,
            mode: config.stripe.mode,
            callers: Cache::builder()
                .max_capacity(MAX_CACHED_CALLERS)
                .time_to_live(CACHE_TTL)
                .build(),
            failures: RateLimit::new(config.failed_auth_per_minute, config.failed_auth_per_minute),
            requests: RateLimit::new(
                config.requests_per_minute,
                config.requests_per_minute / BURST_DIVISOR,
            ),
            uses,
        }
    }

    /// The caller of a request from the address `client`, whatever the caller's scopes, with the hash of their key.
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
        client: Option<IpAddr>,
    ) -> Result<(ApiKeyHash, Arc<Caller>), ApiError> {
        let key = bearer_key(headers).filter(|key| key.mode() == self.mode);
        if let Some(hash) = key.map(|key| key.hash())
            && let Some(caller) = self.find(hash).await?
        {
            return Ok((hash, caller));
        }
        Err(self.refuse(client))
    }

    /// Counts a request of this caller's key. The error is how long to wait until the next one is allowed.
    pub(crate) fn check_rate(&self, caller: &Caller) -> Result<(), Duration> {
        self.requests.check(&caller.key_id)
    }

    /// Removes a key from the cache, because its caller or the caller's customer has changed.
    pub(crate) async fn invalidate(&self, key: ApiKeyHash) {
        self.callers.invalidate(&key).await;
    }

    /// Removes every key of these organizations from the cache.
    pub(crate) async fn invalidate_organizations(&self, organizations: &[OrganizationId]) {
        for (hash, caller) in &self.callers {
            let is_theirs = |caller: &Arc<Caller>| organizations.contains(&caller.organization);
            if caller.as_ref().is_some_and(is_theirs) {
                self.callers.invalidate(hash.as_ref()).await;
            }
        }
    }

    async fn find(&self, hash: ApiKeyHash) -> Result<Option<Arc<Caller>>, ApiError> {
        let read = async { Ok(self.store.find_caller(&hash).await?.map(Arc::new)) };
        let found = self.callers.try_get_with(hash, read).await;
        let found = found.map_err(|error: Arc<StoreError>| ApiError::from(error.as_ref()))?;
        let now = self.clock.now();
        let valid = |caller: &Arc<Caller>| {
            !caller.revoked && caller.expires_at.is_none_or(|expires_at| now < expires_at)
        };
        let caller = found.filter(valid);
        if let Some(caller) = &caller {
            self.record_use(caller);
        }
        Ok(caller)
    }

    /// 429 for an address that fails too often, otherwise 401.
    fn refuse(&self, client: Option<IpAddr>) -> ApiError {
        let limited = client.map_or(Ok(()), |client| {
            self.failures.check(&rate_limit_key(client))
        });
        match limited {
            Err(wait) => ApiError::from(ErrorCode::RateLimited).with_retry_after(wait),
            Ok(()) => ApiError::from(ErrorCode::Unauthorized)
                .with_header(header::WWW_AUTHENTICATE, "Bearer"),
        }
    }

    /// Records the day of the use, once a day and not while the caller waits.
    fn record_use(&self, caller: &Caller) {
        let today = self.clock.now().date_naive().to_string();
        if caller.last_used_on.as_ref() != Some(&today) {
            _ = self.uses.try_send((caller.key_id.clone(), today));
        }
    }
}

async fn write_uses(store: Store, mode: Mode, mut pending: mpsc::Receiver<(String, String)>) {
    let mut recorded: HashMap<String, String> = HashMap::new();
    while let Some((key_id, day)) = pending.recv().await {
        if recorded.get(&key_id) == Some(&day) {
            continue;
        }
        if recorded.len() >= MAX_RECORDED_USES {
            recorded.clear();
        }
        match store.touch_key(&key_id, &day, mode).await {
            Ok(()) => _ = recorded.insert(key_id, day),
            Err(error) => {
                tracing::warn!(key_id, %error, "the day of a key's last use was not written");
            }
        }
    }
}

/// The key in the one `Authorization` header (RFC 6750), if it has the form of a key.
fn bearer_key(headers: &HeaderMap) -> Option<ApiKey> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| key.trim_start_matches(' ').parse().ok())?
}
