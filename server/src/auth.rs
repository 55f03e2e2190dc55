//! Finds out who is calling: 401, and 429 for an address that fails too often or a key that calls too often.
//!
//! Every key that is not accepted gets the same answer. A malformed key costs no look-up, and an unknown key costs one
//! after each change of the database. Keys that were not good before are looked up a few at a time, and not at all while the address of
//! their caller is over its limit, so that guessing never delays the callers whose keys are good.

mod caller_cache;
mod first_uses;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz_target;

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::NaiveDate;
use moka::sync::Cache;
use poem::http::{HeaderMap, header};
use tokio::sync::{Semaphore, mpsc};

use caller_cache::CallerCache;
pub(crate) use first_uses::LookUpTurn;
use first_uses::{FirstUses, Part};

use crate::{
    api_key::{ApiKey, ApiKeyHash},
    clock::Clock,
    config::ServeConfig,
    http::{
        api_error::ApiError, client_address::rate_limit_key, error_code::ErrorCode,
        rate_limit::RateLimit,
    },
    ids::Mode,
    metrics::Metrics,
    store::{Caller, Store},
};

/// Keys that were good when they were last used. Each takes about 100 bytes.
const MAX_GOOD_KEYS: u64 = 10_000;
/// How long an unused key counts as good before it is looked up.
const GOOD_KEY_TTL: Duration = Duration::from_hours(1);
/// Look-ups, at a time, of keys that are not known to be good: half of the database's connections.
const MAX_UNKNOWN_LOOK_UPS: usize = 2;
/// How long such a look-up waits for its turn. Others take less than a millisecond each.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(1);
/// Uses of keys that wait to be written. More are dropped: the next use of the key records the day.
const MAX_PENDING_USES: usize = 1024;
/// Keys whose recorded day is remembered, so that it is written once a day.
const MAX_RECORDED_USES: u64 = 10_000;

/// A key may use a third of its limit for a minute at once, as the setting documents.
const BURST_DIVISOR: u32 = 3;

/// Finds the caller that a key belongs to. A clone shares the caches and the limits.
#[derive(Clone)]
pub(crate) struct Authenticator {
    clock: Clock,
    metrics: Arc<Metrics>,
    mode: Mode,
    callers: CallerCache,
    good_keys: Cache<ApiKeyHash, ()>,
    unknown_look_ups: Arc<Semaphore>,
    first_uses: FirstUses,
    failures: Arc<RateLimit<IpAddr>>,
    requests: Arc<RateLimit<String>>,
    /// The last day of a use that is written or waits to be.
    recorded_uses: Cache<String, NaiveDate>,
    uses: mpsc::Sender<KeyUse>,
}

/// A use of a key, to be written.
struct KeyUse {
    key_id: String,
    day: NaiveDate,
}

impl Authenticator {
    /// An authenticator for keys of the deployment's mode, with its limits.
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        metrics: &Arc<Metrics>,
        config: &ServeConfig,
    ) -> Self {
        let (uses, pending) = mpsc::channel(MAX_PENDING_USES);
        let recorded_uses = Cache::builder().max_capacity(MAX_RECORDED_USES).build();
        let recorded = recorded_uses.clone();
        tokio::spawn(write_uses(
            store.clone(),
            config.stripe.mode,
            pending,
            recorded,
        ));
        Self {
            callers: CallerCache::new(store, clock.clone(), Arc::clone(metrics)),
            metrics: Arc::clone(metrics),
            clock,
            mode: config.stripe.mode,
            good_keys: Cache::builder()
                .max_capacity(MAX_GOOD_KEYS)
                .time_to_idle(GOOD_KEY_TTL)
                .build(),
            unknown_look_ups: Arc::new(Semaphore::new(MAX_UNKNOWN_LOOK_UPS)),
            first_uses: FirstUses::default(),
            failures: failures(config),
            requests: requests(config),
            recorded_uses,
            uses,
        }
    }

    /// The same authenticator with the limits of other settings. A limit that is the same keeps its counts.
    pub(crate) fn with_limits(&self, old: &ServeConfig, new: &ServeConfig) -> Self {
        let mut authenticator = self.clone();
        if old.failed_auth_per_minute != new.failed_auth_per_minute {
            authenticator.failures = failures(new);
        }
        if old.requests_per_minute != new.requests_per_minute {
            authenticator.requests = requests(new);
        }
        authenticator
    }

    /// Decides, before a request takes a place, whether its key may be looked up: 429 while its address is over its
    /// limit. A key that was good before always may. Any other waits for its turn, which lasts until it is dropped.
    pub(crate) async fn admit(
        &self,
        key: Option<ApiKeyHash>,
        client: Option<IpAddr>,
    ) -> Result<Option<LookUpTurn>, ApiError> {
        if key.is_some_and(|hash| self.good_keys.get(&hash).is_some()) {
            return Ok(None);
        }
        self.require_unlimited(client)?;
        let Some(hash) = key else {
            return Ok(None);
        };
        let began = self.clock.instant();
        let turn = tokio::time::timeout(LOOK_UP_TIMEOUT, self.turn(hash, client)).await;
        let waited = self.clock.instant().duration_since(began);
        self.metrics.key_look_up_wait.observe(waited.as_secs_f64());
        turn.unwrap_or_else(|_| {
            Err(ApiError::from(ErrorCode::ServiceUnavailable)
                .with_retry_after(LOOK_UP_TIMEOUT)
                .with_cause("too many unknown keys at a time"))
        })
    }

    /// The turn to look the key up. Without one, if another caller has looked it up meanwhile: so many who begin to use a
    /// new key together wait for one look-up, not for each other.
    async fn turn(
        &self,
        hash: ApiKeyHash,
        client: Option<IpAddr>,
    ) -> Result<Option<LookUpTurn>, ApiError> {
        loop {
            let first_use = match self.first_uses.join(hash) {
                Part::First(first_use) => first_use,
                Part::Other(mut first) => {
                    // An error is the end of the first.
                    _ = first.changed().await;
                    if self.is_known(&hash) {
                        break;
                    }
                    continue;
                }
            };
            if self.is_known(&hash) {
                break;
            }
            let permit = Arc::clone(&self.unknown_look_ups).acquire_owned().await;
            // The semaphore is never closed.
            let Ok(permit) = permit else { break };
            // Others of the same address may have failed while this one waited.
            self.require_unlimited(client)?;
            return Ok(Some(first_use.with(permit)));
        }
        self.require_unlimited(client)?;
        Ok(None)
    }

    /// Whether the key needs no turn: it is good, or the database need not be asked.
    fn is_known(&self, hash: &ApiKeyHash) -> bool {
        self.good_keys.contains_key(hash) || self.callers.knows(hash)
    }

    fn require_unlimited(&self, client: Option<IpAddr>) -> Result<(), ApiError> {
        let refused = client.and_then(|client| self.failures.refused(&rate_limit_key(client)));
        refused.map_or(Ok(()), |refusal| Err(ApiError::address_limited(refusal)))
    }

    /// The hash of a request's key, if it has the form of one of this deployment's mode.
    pub(crate) fn key(&self, headers: &HeaderMap) -> Option<ApiKeyHash> {
        let key = bearer_key(headers).filter(|key| key.mode() == self.mode);
        key.map(|key| key.hash())
    }

    /// The caller of a request with this key from the address `client`, whatever the caller's scopes.
    pub(crate) async fn authenticate(
        &self,
        key: Option<ApiKeyHash>,
        client: Option<IpAddr>,
    ) -> Result<Arc<Caller>, ApiError> {
        if let Some(hash) = key
            && let Some(caller) = self.find(hash).await?
        {
            return Ok(caller);
        }
        Err(self.refuse(client))
    }

    /// Counts a request of this caller's key. The error is how long to wait until the next one is allowed.
    pub(crate) fn check_rate(&self, caller: &Caller) -> Result<(), Duration> {
        let checked = self.requests.check(&caller.key_id);
        checked.map_err(|refusal| refusal.wait)
    }

    async fn find(&self, hash: ApiKeyHash) -> Result<Option<Arc<Caller>>, ApiError> {
        let found = self.callers.find(hash).await;
        let found = found.map_err(|error| ApiError::from(error.as_ref()))?;
        let now = self.clock.now();
        let valid = |caller: &Arc<Caller>| {
            !caller.revoked && caller.expires_at.is_none_or(|expires_at| now < expires_at)
        };
        let caller = found.filter(valid);
        if let Some(caller) = &caller {
            // Admission has extended its time already.
            if !self.good_keys.contains_key(&hash) {
                self.good_keys.insert(hash, ());
            }
            self.record_use(caller, now.date_naive());
        } else {
            self.good_keys.invalidate(&hash);
        }
        Ok(caller)
    }

    /// 429 for an address that fails too often, otherwise 401.
    fn refuse(&self, client: Option<IpAddr>) -> ApiError {
        let limited = client.map_or(Ok(()), |client| {
            self.failures.check(&rate_limit_key(client))
        });
        match limited {
            Err(refusal) => ApiError::address_limited(refusal),
            Ok(()) => ApiError::from(ErrorCode::Unauthorized)
                .with_header(header::WWW_AUTHENTICATE, "Bearer"),
        }
    }

    /// Records the day of the use, once a day and not while the caller waits.
    fn record_use(&self, caller: &Caller, day: NaiveDate) {
        if caller.last_used_on == Some(day) || self.recorded_uses.get(&caller.key_id) == Some(day) {
            return;
        }
        let key_id = caller.key_id.clone();
        if self.uses.try_send(KeyUse { key_id, day }).is_ok() {
            self.recorded_uses.insert(caller.key_id.clone(), day);
        }
    }
}

fn failures(config: &ServeConfig) -> Arc<RateLimit<IpAddr>> {
    let per_minute = config.failed_auth_per_minute;
    Arc::new(RateLimit::new(per_minute, per_minute))
}

fn requests(config: &ServeConfig) -> Arc<RateLimit<String>> {
    let per_minute = config.requests_per_minute;
    Arc::new(RateLimit::new(per_minute, per_minute / BURST_DIVISOR))
}

async fn write_uses(
    store: Store,
    mode: Mode,
    mut pending: mpsc::Receiver<KeyUse>,
    recorded: Cache<String, NaiveDate>,
) {
    while let Some(KeyUse { key_id, day }) = pending.recv().await {
        if let Err(error) = store.record_key_use(&key_id, day, mode).await {
            // The next use tries again.
            recorded.invalidate(&key_id);
            tracing::warn!(key_id, %error, "the day of a key's last use was not written");
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
